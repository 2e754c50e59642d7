"""The grid of a sweep: from axes to points, and from a cell's content to its key and name.

Keys take digests as values, so this module knows neither data sets nor architectures.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from sweep.errors import SweepError

KEY_VERSION = 1  # raised when what decides a cell's result is written differently into the key
NAMED_AXES = {"base", "level", "act", "seed"}  # the axes that a cell's name spells out
DATA_PATH = "data.path"
ALWAYS_TOGETHER = ("data", DATA_PATH)  # `data=signs,/x/data.yaml` is one axis, written as two overrides


@dataclass(frozen=True)
class Axis:
    """One swept override: its key and the override texts of its points, in order."""

    key: str
    overrides: tuple[str, ...]
    values: tuple[Any, ...]


@dataclass(frozen=True)
class Point:
    """One grid point: the overrides that select it and the swept values by key."""

    overrides: tuple[str, ...]
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Cell:
    """One point of the grid: one training, one MLflow child run."""

    index: int
    name: str
    key: str
    overrides: tuple[str, ...]
    config: Mapping[str, Any]


def expand(axes: Sequence[Axis], zipped: Sequence[Any] = (), excluded: Sequence[Any] = ()) -> list[Point]:
    """The points of the grid, the last axis varying fastest.

    Data sets are the axis `data` also where they are paths; an entry of `exclude` names one by path or name.

    Args:
        axes: The swept overrides.
        zipped: Keys of axes that move together, as one list (`[level, act]`) or a list of such lists.
        excluded: Mappings from axis to value; a point that agrees with one of them in every named axis is left out.

    Raises:
        SweepError: An axis is named that is not swept, zipped axes differ in length, or no point is left.
    """
    groups = _zip_groups(axes, zipped)
    problems = [problem for group in groups for problem in _group_problems(group)]
    problems += _exclude_problems(axes, excluded)
    if problems:
        raise SweepError(*problems)
    steps = [
        [tuple((axis.key, axis.overrides[i], axis.values[i]) for axis in group) for i in range(len(group[0].overrides))]
        for group in groups
    ]
    points = []
    for combination in product(*steps):
        chosen = [entry for step in combination for entry in step]
        values = {key: value for key, _, value in chosen}
        if not any(_agrees(values, rule) for rule in excluded):
            points.append(Point(tuple(override for _, override, _ in chosen), values))
    if not points:
        raise SweepError("`exclude` leaves no point of the grid: nothing would be trained. Remove one of its entries.")
    return points


def cell_key(content: Mapping[str, Any]) -> str:
    """Content hash (64 hex digits) of all that decides a cell's result. The order of keys does not matter."""
    canonical = json.dumps({"v": KEY_VERSION, **content}, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def cell_name(base: str, level: str | int, act: str, seed: int, key: str, swept: Sequence[str] = ()) -> str:
    """`yolo11n-l4-relu-s0`, with the first 8 characters of the key appended where other axes are swept."""
    name = f"{base}-l{level}-{act}-s{seed}"
    return name if NAMED_AXES.issuperset(swept) else f"{name}-{key[:8]}"


def _zip_groups(axes: Sequence[Axis], zipped: Sequence[Any]) -> list[list[Axis]]:
    """Axes in their order, those that move together side by side at the place of the first of them."""
    wanted = [list(group) for group in zipped if isinstance(group, list | tuple)]
    flat = [str(key) for key in zipped if not isinstance(key, list | tuple)]
    wanted += [flat] if flat else []
    by_key = {axis.key: axis for axis in axes}
    unknown = sorted({str(key) for group in wanted for key in group} - _names(by_key))
    if unknown:
        raise SweepError(f"`zip` names {', '.join(unknown)}, which is not swept here. Swept axes: {_listed(by_key)}.")
    if "data" not in by_key:
        wanted = [[DATA_PATH if key == "data" else key for key in group] for group in wanted]
    together = [key for key in ALWAYS_TOGETHER if key in by_key]
    if len(together) == len(ALWAYS_TOGETHER):
        partner = next((group for group in wanted if "data" in group), None)
        if partner is None:
            wanted.append(list(together))
        elif DATA_PATH not in partner:
            partner.append(DATA_PATH)
    groups: list[list[Axis]] = []
    placed: set[str] = set()
    for axis in axes:
        if axis.key in placed:
            continue
        keys = next((group for group in wanted if axis.key in group), [axis.key])
        groups.append([by_key[key] for key in keys])
        placed.update(keys)
    return groups


def _group_problems(group: Sequence[Axis]) -> list[str]:
    lengths = {axis.key: len(axis.overrides) for axis in group}
    if len(set(lengths.values())) == 1:
        return []
    counts = ", ".join(f"{key} has {length}" for key, length in lengths.items())
    return [f"Zipped axes need the same number of values, but {counts}."]


def _exclude_problems(axes: Sequence[Axis], excluded: Sequence[Any]) -> list[str]:
    problems = []
    keys = [axis.key for axis in axes]
    for rule in excluded:
        if not isinstance(rule, Mapping):
            problems.append(f"`exclude` takes mappings such as {{level: 2, act: relu}}, not `{rule}`.")
        else:
            missing = [str(key) for key in rule if key not in _names(keys)]
            if missing:
                swept = _listed(keys)
                problems.append(f"`exclude` names {', '.join(missing)}, which is not swept here. Swept axes: {swept}.")
    return problems


def _names(keys: Collection[str]) -> set[str]:
    """What axes are called: the one over paths of data sets is `data` as well."""
    return {*keys, *(["data"] if DATA_PATH in keys else [])}


def _listed(keys: Collection[str]) -> str:
    return ", ".join(dict.fromkeys("data" if key == DATA_PATH else key for key in keys)) or "none"


def _agrees(values: Mapping[str, Any], rule: Mapping[str, Any]) -> bool:
    return all(
        str(values.get(key)) == str(value) or (key == "data" and _is_data_set(str(value), values.get(DATA_PATH)))
        for key, value in rule.items()
    )


def _is_data_set(text: str, path: object) -> bool:
    """Whether a text names the data set at a path: as tables do, or by the path of its file or folder as typed."""
    if path is None:
        return False
    file = Path(str(path))
    name = file.parent.name if file.stem in {"data", "dataset"} else file.stem
    typed = Path.cwd() / Path(text).expanduser()
    return text == name or typed == file or typed / "data.yaml" == file
