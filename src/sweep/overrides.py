"""Overrides as the user means them: which keys and choices there are, and what is wrong with those that are not."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweep.arguments import TUNE_OPEN, override_key
from sweep.errors import SweepError
from sweep.paths import option_file, option_files, option_names, search_path

if TYPE_CHECKING:
    from hydra.core.override_parser.types import Override

CONFIG_NAME = "config"
GROUPS = ("base", "act", "data", "recipe", "npu", "tracking", "report", "tune", "sweeps")
OPEN = ("recipe.", *TUNE_OPEN)  # nodes whose keys no file lists: a check of its own knows them


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
    problems = _unchosen_targets(text, overrides)
    if problems:
        return problems
    return [f"The configuration could not be read: {text}"]


def _unchosen_targets(error: str, overrides: Sequence[str]) -> list[str]:
    """Options of targets that are not chosen, where one of them is what Hydra stumbled over; otherwise nothing."""
    last = {override_key(text): text for text in overrides}
    values = _swept(parse(last["npu"])) if "npu" in last else [["onnx"]]
    choices = [value if isinstance(value, list) else [value] for value in values]
    stumbled = False
    problems = []
    for key, text in last.items():
        group, _, option = key.partition(".")
        target = option.partition(".")[0]
        without = next((choice for choice in choices if target not in choice), None)
        if group == "npu" and target in option_names("npu") and without is not None:
            stumbled |= f"'{key}'" in error
            right = [name for name in without if isinstance(name, str) and name != "none"] + [target]
            problems.append(
                f"`{text}` sets an option of {target}, which is not among the targets: npu=[{','.join(right)}]."
            )
    return problems if stumbled else []


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
    names = [name for item in _swept(override) for name in (item if isinstance(item, list) else [item])]
    for path in (option_file(group, name) for name in names if isinstance(name, str)):
        if path is not None:
            _keys_in(path, group)  # Hydra has no sentence for a file that it cannot read, and writes out all aliases
    return [
        f"There is no {group} `{_shown(name)}`.{nearest(str(name), known)} Choices: {', '.join(known)}."
        for name in names
        if not isinstance(name, str) or name not in known
    ]


def _swept(override: Override) -> list[Any]:
    """The values of an override: those of a list of choices, or the one that it has."""
    return list(override.sweep_iterator()) if override.is_discrete_sweep() else [override.value()]


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
    if not _is_kept(text):
        return [cut_elsewhere(text, key) if override.is_sweep_override() else f"`{text}`: its `${{…}}` cannot be read."]
    return [] if key.startswith("hydra") else _unknown(key, text, override, known)


def _unknown(key: str, text: str, override: Override, known: Callable[[], set[str]]) -> list[str]:
    if key in GROUPS and not override.is_delete():
        return _choice_problems(key, override)
    keys = known()
    if key in keys or key.startswith(OPEN) or text.startswith("+"):
        return []
    return [f"There is no option `{key}`.{nearest(key, sorted(keys))} See python -m sweep --help."]


def cut_elsewhere(text: str, key: str) -> str:
    """The sentence about a list of values that would be cut at another place than the user meant."""
    return f"`{text}` cannot be split into values. List those of {key} one by one."


def _is_kept(text: str) -> bool:
    """Whether Hydra can keep an override in its config, where `${` begins an interpolation."""
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    try:
        OmegaConf.create([text])
    except OmegaConfBaseException:
        return False
    return True


def known_keys() -> set[str]:
    """Every key that config.yaml and the files of the config groups define, in dotted form.

    Raises:
        SweepError: One of the files cannot be read or is not valid YAML.
    """
    keys = set(GROUPS)
    for root in search_path("conf"):
        if (root / f"{CONFIG_NAME}.yaml").is_file():
            keys |= _keys_in(root / f"{CONFIG_NAME}.yaml", "_global_")
    for group in GROUPS:
        for path in option_files(group):
            keys |= _keys_in(path, group)
    return {key for key in keys if not key.startswith(("defaults", "hydra", "job"))}


def _keys_in(path: Path, group: str) -> set[str]:
    import yaml

    from sweep.bounded_yaml import parse_yaml

    text = _text_of(path)
    prefix = _package(text, group)
    try:
        return {f"{prefix}{key}" for key in _dotted(parse_yaml(text))}
    except yaml.YAMLError as error:
        raise SweepError(f"{path} is not valid YAML: {' '.join(str(error).split())}.") from None


def _text_of(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise SweepError(f"{path} cannot be read: it is not UTF-8 ({error.reason} at byte {error.start}).") from None
    except OSError as error:
        raise SweepError(f"{path} cannot be read: {error.strerror or error}.") from None


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
