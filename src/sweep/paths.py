"""Where configuration is read from: the working directory first, then the checkout, otherwise the installed copy."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from sweep.errors import SweepError

PACKAGE = Path(__file__).resolve().parent
NAME = re.compile(r"^[\w.+-]+$")  # of a choice of a config group


def packaged(folder: str) -> Path:
    """The project's own `conf` or `sweeps` folder: the checkout's when this is one, else the copy inside the wheel."""
    checkout = PACKAGE.parent.parent / folder
    if PACKAGE.parent.name == "src" and checkout.is_dir():
        return checkout
    return PACKAGE / "_packaged" / folder


def search_path(folder: str) -> list[Path]:
    """The folders in which `conf` or `sweeps` files are looked for, first one first: a user's own come before ours."""
    ours = packaged(folder)
    own = Path.cwd() / folder
    return [own, ours] if own.is_dir() and own.resolve() != ours.resolve() else [ours]


def option_files(group: str) -> Iterator[Path]:
    """All YAML files of a config group (`act`, `levels`, `sweeps` …), in the order of the search path."""
    roots = search_path("sweeps") if group == "sweeps" else [root / group for root in search_path("conf")]
    for root in roots:
        yield from sorted(root.glob("*.yaml"))


def option_names(group: str) -> list[str]:
    """The choices of a config group, sorted: numbers by value first, then names."""
    names = {path.stem for path in option_files(group)}
    return sorted(names, key=lambda name: (not name.isdigit(), int(name) if name.isdigit() else 0, name))


def option_file(group: str, name: str) -> Path | None:
    """The file of one choice of a config group, or None when there is none."""
    return next((path for path in option_files(group) if path.stem == name), None)


def inside(folder: Path, name: str) -> Path:
    """The file or folder `name` in a folder, for a name that was read from MLflow, where others may write.

    Raises:
        SweepError: It would lead to another folder.
    """
    if name in {"", ".", ".."} or "/" in name or "\\" in name or "\0" in name:
        raise SweepError(
            f"{name!r} cannot name a folder in {folder}: the tags of its run in MLflow were tampered with."
        )
    return folder / name
