"""Overrides as the user means them: which keys and choices there are, and what is wrong with those that are not."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from sweep.arguments import override_key
from sweep.errors import SweepError
from sweep.paths import option_files, option_names, search_path

if TYPE_CHECKING:
    from hydra.core.override_parser.types import Override

CONFIG_NAME = "config"
GROUPS = ("base", "act", "data", "recipe", "npu", "tracking", "sweeps")


def check_overrides(overrides: Sequence[str]) -> None:
    """Find mistakes in keys and choices, without composing anything.

    Raises:
        SweepError: With every problem found.
    """
    problems = _problems(overrides)
    if problems:
        raise SweepError(*problems)


@lru_cache(maxsize=4096)
def parse(text: str) -> Override:
    """Hydra's reading of one override."""
    from hydra.core.override_parser.overrides_parser import OverridesParser

    return OverridesParser.create().parse_override(text)


def explain(error: Exception, overrides: Sequence[str]) -> list[str]:
    """Sentences for the user from an error of composition: every wrong key or choice, with the nearest right one."""
    problems = _problems(overrides)
    if problems:
        return problems
    lines = [str(error).strip()]
    cause = error.__cause__
    while cause is not None:
        lines.append(str(cause).strip())
        cause = cause.__cause__
    text = " ".join(line.replace("\n", " ") for line in lines if line)
    return [f"The configuration could not be read: {text}"]


def nearest(name: str, candidates: Sequence[str]) -> str:
    """` Did you mean …?` for a mistyped name, or an empty text when nothing comes near."""
    close = difflib.get_close_matches(name, candidates, n=1, cutoff=0.5)
    return f" Did you mean `{close[0]}`?" if close else ""


def _choice_problems(group: str, override: Override) -> list[str]:
    from hydra.core.override_parser.types import Glob

    known = option_names(group)
    value = override.value()
    if isinstance(value, Glob):
        choices = f"Choices: {', '.join(known)}."
        return [] if value.filter(known) else [f"`{override.input_line}` matches no {group}. {choices}"]
    if isinstance(value, Mapping):  # the content of a choice, in place of its name
        return []
    swept = list(override.sweep_iterator()) if override.is_discrete_sweep() else [value]
    names = [name for item in swept for name in (item if isinstance(item, list) else [item])]
    return [
        f"There is no {group} `{_shown(name)}`.{nearest(str(name), known)} Choices: {', '.join(known)}."
        for name in names
        if not isinstance(name, str) or name not in known
    ]


def _shown(value: object) -> str:
    """A value as the user typed it."""
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _problems(overrides: Sequence[str]) -> list[str]:
    keys = cache(known_keys)  # read when the first override needs them, and once for all
    return [problem for text in overrides for problem in _override_problems(text, keys)]


def _override_problems(text: str, known: Callable[[], set[str]]) -> list[str]:
    from hydra.errors import HydraException

    key = override_key(text)
    if "=" not in text and not text.startswith("~"):
        return [
            f"`{text}` is neither an option nor a verb. Options have the form key=value; see python -m sweep --help."
        ]
    try:
        override = parse(text)
    except HydraException as error:
        reason = str(error).strip().splitlines()
        return [f"`{text}` cannot be read: {reason[0]} Quote a value with special characters: {key}=\"'…'\"."]
    if key.startswith("hydra"):
        return []
    if key in GROUPS and not override.is_delete():
        return _choice_problems(key, override)
    keys = known()
    if key in keys or key.startswith("recipe.") or text.startswith("+"):
        return []
    return [f"There is no option `{key}`.{nearest(key, sorted(keys))} See python -m sweep --help."]


def known_keys() -> set[str]:
    """Every key that config.yaml and the files of the config groups define, in dotted form.

    Raises:
        SweepError: One of the files is not valid YAML.
    """
    import yaml

    keys = set(GROUPS)
    for root in search_path("conf"):
        if (root / f"{CONFIG_NAME}.yaml").is_file():
            keys |= _dotted(yaml.safe_load((root / f"{CONFIG_NAME}.yaml").read_text("utf-8")))
    for group in GROUPS:
        for path in option_files(group):
            text = path.read_text("utf-8")
            prefix = _package(text, group)
            try:
                keys |= {f"{prefix}{key}" for key in _dotted(yaml.safe_load(text))}
            except yaml.YAMLError as error:
                raise SweepError(f"{path} is not valid YAML: {' '.join(str(error).split())}.") from None
    return {key for key in keys if not key.startswith(("defaults", "hydra", "job"))}


def _package(text: str, group: str) -> str:
    """Where the keys of a group's file go: its `# @package` line says, otherwise under the group's name."""
    header = re.match(r"#\s*@package\s+(\S+)", text)
    package = header[1] if header else group
    return "" if package == "_global_" else f"{package}."


def _dotted(node: object, prefix: str = "") -> set[str]:
    if not isinstance(node, Mapping):
        return set()
    keys = set()
    for key, value in node.items():
        keys |= {f"{prefix}{key}"} | _dotted(value, f"{prefix}{key}.")
    return keys
