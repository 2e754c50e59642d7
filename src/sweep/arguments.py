"""The command line as people type it, turned into what Hydra's grammar accepts.

Hydra refuses much of what is natural on a shell: `data=/x/data.yaml` where data is a group, `home=/x/데이터`,
`/x/a(1)/b`, an address with `=`. Everything here is a function from strings to strings.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sweep.files import expanded, is_folder, is_there
from sweep.paths import option_names

GRAMMAR_CALL = re.compile(
    r"^(choice|range|interval|glob|shuffle|sort|tag|int|float|str|bool|json_str|extend_list)\(.*\)$"
)
LITERALS = {"null", "true", "false"}
STORAGE = "tune.storage"
TUNE_SPACE = "tune.space."
TUNE_METHODS = ("tune.sampler", "tune.pruner")
TUNE_OPEN = (TUNE_SPACE, *(f"{method}." for method in TUNE_METHODS))  # their keys are Optuna's and the recipe's


def prepare(arguments: Sequence[str]) -> list[str]:
    """Hydra overrides and flags from the arguments of the command line.

    Values of `home`, `data`, `*.uri`, `tune.storage` and `*.weights` are quoted, relative paths among them are made
    absolute, `data=PATH[,PATH]` becomes `data=path data.path=…`, and `recipe.X=…` may name any training argument,
    listed in the recipe's file or not. Hydra's `-m` is left out: every run is a sweep, and beside `--cfg` Hydra
    refuses it.
    """
    prepared: list[str] = []
    for argument in arguments:
        if argument in {"-m", "--multirun"}:
            continue
        key, equals, value = argument.partition("=")
        if argument.startswith("-") or not equals:
            prepared.append(argument)
        elif key == "data":
            prepared += _data(value)
        elif _is_tune(key.lstrip("+")):
            prepared.append(_tune(key.lstrip("+"), value))
        elif key in {"home", "data.path"} or key.endswith(".weights"):
            paths = [_quote(_absolute(part, key)) for part in _values(value)]
            prepared.append(f"{key}={','.join(paths)}")
        elif key.endswith(".uri"):
            prepared.append(f"{key}={','.join(_quote(part) for part in _values(value))}")
        elif key.startswith("recipe."):
            prepared.append(f"++{argument}")
        else:
            prepared.append(argument)
    return prepared


def prepare_params(params: Mapping[str, Any], arguments: Sequence[str]) -> list[str]:
    """Hydra overrides from the axes of a named sweep (`hydra.sweeper.params`), as if they had been typed.

    Args:
        params: Values by key: one, a list, or a text in Hydra's grammar such as `2,3,4`.
        arguments: Overrides of the command line. The data set that they choose also replaces a named sweep's path.
    """
    prepared = prepare([f"{key}={_as_text(value)}" for key, value in params.items()])
    if "data" in map(override_key, arguments):
        prepared = [text for text in prepared if override_key(text) != "data.path"]
    return prepared


def _as_text(value: object) -> str:
    """A value of `hydra.sweeper.params` as override text: a list is a list of choices."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ",".join(_quote(item) if isinstance(item, str) and "," in item else _as_item(item) for item in value)
    return _as_item(value)


def _as_item(value: object) -> str:
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def override_key(argument: str) -> str:
    """The key of an override without Hydra's `+`, `++` or `~` in front."""
    return argument.partition("=")[0].lstrip("+~")


def _is_tune(key: str) -> bool:
    return key in {*TUNE_METHODS, STORAGE} or key.startswith(TUNE_OPEN)


def _tune(key: str, value: str) -> str:
    """An option of tuning whose value or key Hydra would read as something else."""
    if key == STORAGE:  # one for the whole sweep, so commas are its own
        return f"{key}={_quote(_absolute(value, key))}"
    if key.startswith(TUNE_SPACE):
        name = key.removeprefix(TUNE_SPACE).removeprefix("recipe.")
        text = "null" if value.strip() == "null" else quoted(_unquoted(value) if len(_values(value)) == 1 else value)
        return f"++{TUNE_SPACE}{name}={text}"
    if key in TUNE_METHODS:
        return f"++{key}={value}" if value.startswith("{") else f"{key}.name={value}"
    return f"{key}={value}" if key.endswith(".name") else f"++{key}={value}"


def _data(value: str) -> list[str]:
    """`data=` for a group's choices, for paths, or for both mixed (then `data` and `data.path` move together)."""
    if GRAMMAR_CALL.match(value):
        return [f"data={value}"]
    parts = _values(value)
    choices = set(option_names("data")) - {"path"}
    groups = [part if part in choices or not _looks_like_path(part) else "path" for part in parts]
    if "path" not in groups:
        return [f"data={value}"]
    paths = [_quote(_data_file(part)) if group == "path" else "null" for part, group in zip(parts, groups, strict=True)]
    group_value = "path" if set(groups) == {"path"} else ",".join(groups)
    return [f"data={group_value}", f"data.path={','.join(paths)}"]


def _data_file(text: str) -> str:
    """A data set's YAML: the path itself, or the data.yaml inside it when it is a folder."""
    path = Path(_absolute(text, "data"))
    return str(path / "data.yaml") if is_folder(path) else str(path)


def _looks_like_path(text: str) -> bool:
    bare = _unquoted(text)
    return "/" in bare or "\\" in bare or bare.endswith((".yaml", ".yml")) or (bool(bare) and is_there(Path(bare)))


def _absolute(text: str, key: str) -> str:
    """Paths are relative to the folder in which the user typed them. A bare checkpoint name is looked up later."""
    bare = _unquoted(text)
    if bare in LITERALS or "://" in bare or "${" in bare:
        return text if bare in LITERALS else bare
    bare_name = key.endswith(".weights") and "/" not in bare and "\\" not in bare
    if bare_name and not is_there(Path(bare)):
        return bare
    # Not resolve(): a link in the user's path is the user's choice.
    return str(Path.cwd() / expanded(bare))


def _values(value: str) -> list[str]:
    """The comma-separated values of an axis; commas in quotes, or in a path that exists as it is, do not count."""
    if "," not in value or GRAMMAR_CALL.match(value) or is_there(Path(_unquoted(value))):
        return [value]
    return [part for part in re.findall(r"""(?:'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|[^,])+""", value) if part]


def _unquoted(text: str) -> str:
    if len(text) >= 2 and text[0] == text[-1] and text[0] in "'\"":
        return re.sub(r"\\(['\"])", r"\1", text[1:-1])
    return text


def _quote(text: str) -> str:
    """A value that Hydra reads back as exactly this text. Literals, sweeps and quoted values stay as they are."""
    if text in LITERALS or GRAMMAR_CALL.match(text) or text != _unquoted(text):
        return text
    return quoted(text)


def quoted(text: str) -> str:
    """A text in quotes, whatever it looks like."""
    # In Hydra's grammar a backslash is special only in front of a quote.
    escaped = re.sub(r"(\\*)'", lambda match: match[1] * 2 + r"\'", text)
    escaped = re.sub(r"(\\+)$", lambda match: match[1] * 2, escaped)
    return f"'{escaped}'"
