"""The comparison tables of a sweep: pure functions from the frame of cells to tables."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sweep.report.columns import Column, metric_column, text_column
from sweep.report.texts import load_texts
from sweep.tracking import names

if TYPE_CHECKING:
    import pandas as pd

# The figures that decide (the reference report's comparisons), in their order.
KEY_METRICS = ("best/mAP50", "best/mAP50-95", names.PARAMS, names.GFLOPS, names.NODES, names.TRAIN_TIME)
FINISHED = "finished"


@dataclass(frozen=True)
class Row:
    """A row: the values by column name (None where there is none), the cell's state, where it is best."""

    values: dict[str, Any]
    status: str
    best_in: tuple[str, ...]


@dataclass(frozen=True)
class Group:
    """Cells that differ only in what the table compares. `shared`: of what the sweep varied."""

    shared: tuple[tuple[Column, str], ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Table:
    """A table: its name (of its files), its title, its columns, and its groups in order."""

    name: str
    title: str
    columns: tuple[Column, ...]
    groups: tuple[Group, ...]


def make_tables(cells: pd.DataFrame) -> tuple[Table, Table, Table]:
    """Return the tables series, activations and cells of a frame from `tracking.read.sweep_cells`."""
    return series(cells), activations(cells), all_cells(cells)


def series(cells: pd.DataFrame) -> Table:
    """Levels at one activation: the reference report's comparison inside the series."""
    lead = [text_column("level"), text_column("level_title")]
    return _compare("series", _with_level_titles(cells), ["level"], lead, KEY_METRICS, by_axis="level")


def activations(cells: pd.DataFrame) -> Table:
    """Activations at one level."""
    return _compare("activations", cells, ["act"], [text_column("act")], KEY_METRICS, by_axis=None)


def all_cells(cells: pd.DataFrame) -> Table:
    """Every cell with all its final metrics and its state; the reason of one that failed."""
    lead = [text_column("cell"), text_column("level"), text_column("act")]
    tail = [text_column("status")]
    if "reason" in cells and cells["reason"].notna().any():
        tail.append(text_column("reason"))
    known = list(names.SUMMARY_METRICS)
    others = [name for name in _metric_names(cells) if name not in known]
    return _compare("cells", cells, ["level", "act"], lead, [*known, *others], by_axis=None, tail=tail)


def _compare(
    name: str,
    cells: pd.DataFrame,
    compared: Sequence[str],
    lead: Sequence[Column],
    metrics: Sequence[str],
    *,
    by_axis: str | None,
    tail: Sequence[Column] = (),
) -> Table:
    """Group the cells by everything but the compared axes, and mark the best of each group."""
    axes = [axis for axis in _axes(cells) if axis not in compared]
    shown = _worth_showing(cells, axes)
    columns = [metric_column(metric) for metric in metrics]
    rows = [{str(key): _plain(value) for key, value in row.items()} for row in cells.to_dict("records")]
    if name != "cells":
        rows = [row for row in rows if all(_word(row.get(axis)) for axis in compared)]
    groups = _grouped(rows, axes)
    made = []
    for key, members in groups.items():
        if by_axis is not None:
            members.sort(key=lambda row: _natural(_word(row.get(by_axis))))
        shared = tuple((text_column(axis), value) for axis, value in zip(axes, key, strict=True) if axis in shown)
        made.append(Group(shared, _mark(members, columns, [*lead, *columns, *tail])))
    titles: dict[str, str] = load_texts()["titles"]
    return Table(name, titles[name], (*lead, *columns, *tail), tuple(made))


def _grouped(rows: Sequence[dict[str, Any]], axes: Sequence[str]) -> dict[tuple[str, ...], list[dict[str, Any]]]:
    """Put rows with the same axes together. A cell without a run joins the first group it fits."""
    keys = [tuple(_word(row.get(axis)) for axis in axes) for row in rows]
    runs = [bool(row.get("run_id")) and row.get("status") != "missing" for row in rows]
    known = dict.fromkeys(key for key, has_run in zip(keys, runs, strict=True) if has_run)
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for key, row, has_run in zip(keys, rows, runs, strict=True):
        home = key if has_run else next((other for other in known if _fits(key, other)), key)
        groups.setdefault(home, []).append(row)
    return groups


def _fits(part: Sequence[str], whole: Sequence[str]) -> bool:
    return all(mine in ("", theirs) for mine, theirs in zip(part, whole, strict=True))


def _mark(rows: Sequence[dict[str, Any]], metrics: Sequence[Column], columns: Sequence[Column]) -> tuple[Row, ...]:
    """Find the best of each metric among the finished cells; ties are all best, one alone is not compared."""
    best: list[list[str]] = [[] for _ in rows]
    for column in metrics:
        entries = [
            (index, row[column.name])
            for index, row in enumerate(rows)
            if row.get("status") == FINISHED and row.get(column.name) is not None
        ]
        if column.better is None or len(entries) < 2:
            continue
        top = (max if column.better == "up" else min)(value for _, value in entries)
        for index, value in entries:
            if value == top:
                best[index].append(column.name)
    return tuple(
        Row({column.name: row.get(column.name) for column in columns}, str(row.get("status")), tuple(marks))
        for row, marks in zip(rows, best, strict=True)
    )


def _axes(cells: pd.DataFrame) -> list[str]:
    """What can tell two cells apart: the axes, the whole recipe, the data's digest."""
    recipe = sorted(name for name in map(str, cells.columns) if name.startswith(names.RECIPE_PREFIX))
    return [name for name in (*names.AXES, "data_digest", *recipe) if name in cells]


def _worth_showing(cells: pd.DataFrame, axes: Sequence[str]) -> list[str]:
    """The axes that vary in this sweep, less those that follow from others (lr0 from the recipe)."""
    shown: list[str] = []
    words = {axis: [_word(_plain(value)) for value in cells[axis]] for axis in axes}
    for axis in axes:
        known = {word for word in words[axis] if word}
        if len(known) < 2:
            continue
        seen = {
            (*(words[other][row] for other in shown), words[axis][row]) for row in range(len(cells)) if words[axis][row]
        }
        if not shown or len(seen) > len({entry[:-1] for entry in seen}):
            shown.append(axis)
    return shown


def _metric_names(cells: pd.DataFrame) -> list[str]:
    known = set(_axes(cells))
    return [str(name) for name in cells.columns if "/" in str(name) and name not in known]


def _with_level_titles(cells: pd.DataFrame) -> pd.DataFrame:
    """The level's title as its run tells it, or as the texts name it."""
    titles: dict[str, str] = load_texts()["levels"]
    frame = cells.copy()
    levels = [_word(_plain(value)) for value in frame["level"]] if "level" in frame else [""] * len(frame)
    told = list(frame["level_title"]) if "level_title" in frame else [None] * len(frame)
    frame["level_title"] = [_plain(title) or titles.get(level) for title, level in zip(told, levels, strict=True)]
    return frame


def _plain(value: Any) -> Any:
    """Return Python's own value: None for NaN, NA and NaT; int, float, str and bool for NumPy's."""
    if hasattr(value, "item"):
        value = value.item()
    return None if value is None or value != value or type(value).__name__ in ("NAType", "NaTType") else value  # noqa: PLR0124


def _word(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return "" if value is None else str(value)


def _natural(text: str) -> list[tuple[int, int, str]]:
    """Sort key that puts level 10 after level 4, and names after numbers."""
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"(\d+)", text) if part]
