"""Which cells of a table cannot be told from its best, and what a table says of it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sweep.report.compare import Group, Ties
from sweep.report.data import CellData, SweepData
from sweep.report.ranking import COMPARED, standings
from sweep.report.texts import load_texts
from sweep.tracking import names


def ties_of(sweep: SweepData) -> Ties:
    """Return what tells, of cells at places of the sweep's frame, which are tied with the best of them.

    The paired test against the best of these cells, Holm over the tests of this group; in mAP50 and mAP50-95 only.
    """

    def tied(places: Sequence[int], metric: str) -> Collection[int]:
        if metric not in names.INTERVALS:
            return ()
        order = standings(tuple(sweep.cells[place] for place in places), metric)
        close = {id(entry.cell) for entry in order if entry.tied}
        return {place for place in places if id(sweep.cells[place]) in close}

    return tied


def marks_of(groups: Sequence[Group], sweep: SweepData | None, *, every: bool = False) -> tuple[str, ...]:
    """Return what the marks of a table mean, and what was not tested, a sentence each.

    Args:
        groups: The rows of the table.
        sweep: The sweep, where ties were looked for.
        every: Whether all cells of the sweep are compared with each other, and not those of a group.
    """
    texts: dict[str, Any] = load_texts()["marks"]
    found = [texts["best_of_all" if every else "best"]]
    if sweep is None or sum(_has_figures(cell) for cell in sweep.finished) < 2:
        return tuple(found)
    tested = sum(cell.statistics is not None for cell in sweep.finished)
    if tested < 2:
        return (*found, texts["untested"])
    if any(row.tied_in for group in groups for row in group.rows):
        found.append(texts["ties"])
    if tested < len(sweep.finished):
        found.append(texts["some"].format(tested=tested, most=COMPARED + 1))
    return (*found, texts["only_map"])


def _has_figures(cell: CellData) -> bool:
    return any(cell.number(metric) is not None for metric in names.INTERVALS)
