"""Compare cells: put those together that differ in nothing but what is compared, and find the best of each group."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sweep.report.axes import axes_of, natural, plain, with_tuned, with_weights, word, worth_showing
from sweep.report.columns import Column, text_column

if TYPE_CHECKING:
    import pandas as pd

FINISHED = "finished"


@dataclass(frozen=True)
class Row:
    """A row.

    Attributes:
        values: by column name, None where there is none.
        status: the cell's state.
        best_in: the columns in which it is best, or cannot be told from the best.
        tied_in: those in which another has the best value, and it cannot be told from that.
    """

    values: dict[str, Any]
    status: str
    best_in: tuple[str, ...]
    tied_in: tuple[str, ...] = ()


@dataclass(frozen=True)
class Group:
    """Cells that differ only in what the table compares. `shared`: of what the sweep varied."""

    shared: tuple[tuple[Column, str], ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        name: of its files.
        title: for people.
        columns: all of them, in order.
        groups: in order.
        brief: names of the columns that a terminal shows where not all of them fit.
        notes: what its measured figures are, and why some are missing, a sentence each.
        marks: what the marks in it mean, a sentence each.
    """

    name: str
    title: str
    columns: tuple[Column, ...]
    groups: tuple[Group, ...]
    brief: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()


# Which of the cells at these places of the frame cannot be told from the best of them in a metric.
Ties = Callable[[Sequence[int], str], Collection[int]]
PLACE: Final = "\0place"  # no column's name


def compare(
    cells: pd.DataFrame,
    compared: Sequence[str],
    lead: Sequence[Column],
    metrics: Sequence[Column],
    *,
    by_axis: str | None = None,
    tail: Sequence[Column] = (),
    every_cell: bool = False,
    ties: Ties | None = None,
) -> tuple[Group, ...]:
    """Group the cells by everything but the compared axes, and mark the best of each group.

    Args:
        cells: A frame as `tracking.read.sweep_cells` gives it.
        compared: The axes in which the cells of a group may differ.
        lead: The columns before the metrics.
        metrics: The columns in which the best is marked.
        by_axis: Sort each group by this axis; None: grid order.
        tail: The columns behind the metrics.
        every_cell: Keep cells that do not say where they stand on the compared axes, as one that died at its start.
        ties: Tells which cells share the best value's mark; None: only equal values do.
    """
    cells = with_tuned(with_weights(cells))
    axes = [axis for axis in axes_of(cells) if axis not in compared]
    shown = worth_showing(cells, axes)
    rows = [
        {str(key): plain(value) for key, value in row.items()} | {PLACE: place}
        for place, row in enumerate(cells.to_dict("records"))
    ]
    if not every_cell:
        rows = [row for row in rows if all(word(row.get(axis)) for axis in compared)]
    made = []
    for key, members in _grouped(rows, axes).items():
        if by_axis is not None:
            members.sort(key=lambda row: natural(word(row.get(by_axis))))
        shared = tuple((text_column(axis), value) for axis, value in zip(axes, key, strict=True) if axis in shown)
        made.append(Group(shared, mark_best(members, metrics, [*lead, *metrics, *tail], ties)))
    return tuple(made)


def _grouped(rows: Sequence[dict[str, Any]], axes: Sequence[str]) -> dict[tuple[str, ...], list[dict[str, Any]]]:
    """Put rows with the same axes together. A cell without a run joins the first group it fits."""
    keys = [tuple(word(row.get(axis)) for axis in axes) for row in rows]
    runs = [bool(row.get("run_id")) and row.get("status") != "missing" for row in rows]
    known = dict.fromkeys(key for key, has_run in zip(keys, runs, strict=True) if has_run)
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for key, row, has_run in zip(keys, rows, runs, strict=True):
        home = key if has_run else next((other for other in known if _fits(key, other)), key)
        groups.setdefault(home, []).append(row)
    return groups


def _fits(part: Sequence[str], whole: Sequence[str]) -> bool:
    return all(mine in ("", theirs) for mine, theirs in zip(part, whole, strict=True))


def mark_best(
    rows: Sequence[dict[str, Any]], metrics: Sequence[Column], columns: Sequence[Column], ties: Ties | None
) -> tuple[Row, ...]:
    """Return the rows with the best of each metric marked among the finished cells; one alone is not compared.

    Equal values are all best, and so are those that `ties` names, whose rows hold their cell's place as `PLACE`.
    """
    best: list[list[str]] = [[] for _ in rows]
    tied: list[list[str]] = [[] for _ in rows]
    for column in metrics:
        entries = [
            (index, row[column.name])
            for index, row in enumerate(rows)
            if row.get("status") == FINISHED and row.get(column.name) is not None
        ]
        if column.better is None or len(entries) < 2:
            continue
        top = (max if column.better == "up" else min)(value for _, value in entries)
        close = ties([rows[index][PLACE] for index, _ in entries], column.name) if ties else ()
        for index, value in entries:
            if value == top:
                best[index].append(column.name)
            elif rows[index][PLACE] in close:
                best[index].append(column.name)
                tied[index].append(column.name)
    return tuple(
        Row(_values(row, columns), str(row.get("status")), tuple(marks), tuple(close))
        for row, marks, close in zip(rows, best, tied, strict=True)
    )


def _values(row: Mapping[str, Any], columns: Sequence[Column]) -> dict[str, Any]:
    """The values of a row by the names of its columns, those of an interval by the names of its ends."""
    return {name: row.get(name) for column in columns for name in (column.ends or (column.name,))}
