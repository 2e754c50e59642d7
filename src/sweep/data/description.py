"""Read a data.yaml: class names, and where the pictures of each split are."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from sweep import bounded_yaml
from sweep.data.listing import is_text
from sweep.data.problems import Problems
from sweep.errors import SweepError
from sweep.files import is_file, is_folder, is_there

SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class Description:
    """What a data.yaml says.

    Attributes:
        names: Class names by id; empty where they are missing or wrong.
        sources: For each split its folders and list files, resolved; those that exist.
        missing: For each split what was looked for and not found.
        warnings: Oddities.
        roots: The folders that are the data set's own: that of the data.yaml, and its `path:`.
    """

    names: dict[int, str]
    sources: dict[str, tuple[Path, ...]]
    missing: dict[str, tuple[str, ...]] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    roots: tuple[Path, ...] = ()


def read_yaml(file: Path) -> dict[str, Any]:
    """The mapping in a data.yaml.

    Raises:
        SweepError: No such file, not YAML (Python tags are refused), or not a mapping.
    """
    if is_there(file) and not (is_file(file) or is_folder(file)):
        raise SweepError(f"{file} is no file: give the data.yaml of a data set.")
    if is_folder(file):
        inside = " or ".join(str(p) for p in sorted(file.glob("*.y*ml"))[:3])
        raise SweepError(f"{file} is a folder: give its data.yaml" + (f", such as {inside}." if inside else "."))
    try:
        content = bounded_yaml.read_yaml(file, "utf-8-sig")
    except FileNotFoundError:
        raise SweepError(f"{file}: no such data.yaml.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise SweepError(f"{file} cannot be read: {error}.") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f", line {mark.line + 1}" if mark else ""
        reason = getattr(error, "problem", None) or str(error)
        raise SweepError(f"{file}{place} is not valid YAML: {reason}.") from None
    if not isinstance(content, dict):
        raise SweepError(f"{file} must be a mapping with train, val and names, as Ultralytics describes a data set.")
    # As Ultralytics: the word None means null, and `validation` is another word for val
    content = {str(key): None if value == "None" else value for key, value in content.items()}
    if content.get("val") is None and "validation" in content:
        content["val"] = content.pop("validation")
    return content


def describe(file: Path, content: dict[str, Any], problems: Problems) -> Description:
    """Names and places of a data set; what is wrong goes to `problems`, paths that do not exist to `missing`.

    Args:
        file: The data.yaml, absolute. `path:` and the splits are relative to its folder.
        content: What is in it (`read_yaml`).
        problems: Where problems are collected.
    """
    warnings: list[str] = []
    if content.get("kpt_shape") is not None:
        problems.add("keys", f"{file}: `kpt_shape` describes poses; only box detection is supported.")
    if content.get("channels", 3) not in (None, 3):
        problems.add("keys", f"{file}: `channels: {content['channels']}`: only pictures with 3 channels are supported.")
    names = _names(file, content, problems, warnings)
    roots = _roots(file, content, problems)
    sources: dict[str, tuple[Path, ...]] = {}
    missing: dict[str, tuple[str, ...]] = {}
    for split in SPLITS:
        value = content.get(split)
        if value is None or value in ("", []):
            if split != "test":
                problems.add(
                    "missing keys",
                    f"{file}: the key `{split}` is missing: it names the folder of the {split} pictures.",
                )
            continue
        entries = value if isinstance(value, list) else [value]
        if not all(isinstance(entry, str) and entry and _is_path(entry) for entry in entries):
            problems.add("keys", f"{file}: `{split}` must be a path or a list of paths, not {value!r}.")
            continue
        found = {entry: _find(entry, roots) for entry in entries}
        sources[split] = tuple(path for path, _ in found.values() if path)
        missing[split] = tuple(
            f"{file}: `{split}: {entry}` does not exist: looked at {' and '.join(map(str, looked))}."
            for entry, (path, looked) in found.items()
            if path is None
        )
    return Description(names, sources, missing, tuple(warnings), (file.parent, *roots))


def _roots(file: Path, content: dict[str, Any], problems: Problems) -> list[Path]:
    """Folders that the splits are relative to: `path:`, from the yaml's folder or the working directory."""
    value = content.get("path")
    if value in (None, ""):
        return [file.parent]
    if not isinstance(value, str) or not _is_path(value):
        problems.add("keys", f"{file}: `path` must be a path, not {value!r}.")
        return [file.parent]
    roots = [file.parent / value, Path.cwd() / value]
    return [root for root in roots if is_folder(root)][:1] or list(dict.fromkeys(roots))


def _is_path(text: str) -> bool:
    """Whether a file can be called so."""
    return "\0" not in text and is_text(text)


def _find(entry: str, roots: list[Path]) -> tuple[Path | None, list[Path]]:
    """A split's folder or list file, and the places that were looked at."""
    # Ultralytics lets `../train/images` (as Roboflow writes it) also mean `train/images`
    spellings = [entry, entry[3:]] if entry.startswith("../") else [entry]
    looked = [Path(os.path.realpath(root / spelling)) for root in roots for spelling in spellings]
    return next((path for path in looked if is_there(path)), None), list(dict.fromkeys(looked))


def _names(file: Path, content: dict[str, Any], problems: Problems, warnings: list[str]) -> dict[int, str]:
    count = _count(file, content, problems)
    value = content.get("names")
    if value is None:
        if count is None:
            problems.add("missing keys", f"{file}: the key `names` is missing: it lists the class names.")
            return {}
        warnings.append(f"{file} has no `names`: the classes are called class_0 to class_{count - 1}.")
        return {i: f"class_{i}" for i in range(count)}
    if isinstance(value, list):
        value = dict(enumerate(value))
    if not isinstance(value, dict) or not value:
        problems.add("names", f"{file}: `names` must be a list of class names or a mapping from 0, 1, 2 … to them.")
        return {}
    try:
        names = {int(key): str(name) for key, name in value.items()}
    except (TypeError, ValueError, OverflowError):
        names = {}
    if sorted(names) != list(range(len(value))):
        keys = ", ".join(str(key) for key in list(value)[:8])
        problems.add(
            "names",
            f"{file}: the keys of `names` must be 0 to {len(value) - 1}, without gaps; they are {keys}.",
        )
        return {}
    bad = [str(key) for key, name in value.items() if not _is_name(name)]
    if bad:
        problems.add("names", f"{file}: `names` must be plain text, which it is not for class {', '.join(bad[:8])}.")
    elif count is not None and count != len(names):
        problems.add("names", f"{file}: `nc: {count}` does not match the {len(names)} entries of `names`.")
    truths = [name for name in value.values() if isinstance(name, bool)]
    if truths:
        warnings.append(
            f"{file}: a class is called {truths[0]}, because YAML reads yes, no, on, off so: quote the name."
        )
    return {i: names[i] for i in sorted(names)}


def _is_name(value: object) -> bool:
    return value is not None and not isinstance(value, (list, dict)) and bool(str(value)) and is_text(str(value))


def _count(file: Path, content: dict[str, Any], problems: Problems) -> int | None:
    value = content.get("nc")
    if value is None:
        return None
    try:
        number = float(value)
        if number == int(number) and number > 0:
            return int(number)
    except (TypeError, ValueError, OverflowError):
        pass
    problems.add("names", f"{file}: `nc: {value}` must be a whole number of classes, at least 1.")
    return None
