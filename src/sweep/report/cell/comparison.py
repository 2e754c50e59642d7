"""The cell among those that differ from it in the level alone, or in the activation alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

from sweep.report.cell.facts import level_title, title
from sweep.report.cell.grid import Head, grid
from sweep.report.cell.headline import Source, ends, source
from sweep.report.cell.wording import DIGITS, bold, interval, joined, missing, phrase, shown
from sweep.report.cells import number
from sweep.report.columns import metric_column, text_column
from sweep.report.compare import compare
from sweep.report.data import CellData, SweepData
from sweep.report.measurements import facts_by_target
from sweep.report.ranking import Standing, standings
from sweep.report.recommend import chosen_target
from sweep.report.render import Markdown
from sweep.tracking import names
from sweep.tracking.measured import TargetFacts

Axis = Literal["level", "act"]
PLACE: Final = "place in the sweep"
# What a table shows of the target whose figures count; those that no cell of the table has are left out.
NPU: Final = ("op_pct", "latency_ms")
INT8: Final = "int8/mAP50"
OTHERS: Final = (INT8, names.PARAMS)


@dataclass(frozen=True, eq=False)
class Peers:
    """Cells that differ in one axis only, in its order.

    Attributes:
        cells: the cell of the report among them.
        source: which of their figures of accuracy are compared.
        standings: the finished ones by the best checkpoint's mAP50; empty where the last epoch's is compared.
    """

    cells: tuple[CellData, ...]
    source: Source
    standings: tuple[Standing, ...]


def peers(sweep: SweepData, cell: CellData, axis: Axis) -> Peers | None:
    """Return the cells that a cell is compared with, itself included; None where there is no other."""
    group = next((group for group in _groups(sweep, axis) if any(other is cell for other in group)), ())
    if len(group) < 2:
        return None
    told = source(group)
    return Peers(group, told, standings(group, "best/mAP50") if told == "best" else ())


@lru_cache(maxsize=4)
def _groups(sweep: SweepData, axis: Axis) -> tuple[tuple[CellData, ...], ...]:
    frame = sweep.frame.assign(**{PLACE: range(len(sweep.frame))})
    by_axis = axis if axis == "level" else None
    groups = compare(frame, [axis], [text_column(PLACE)], [], by_axis=by_axis)
    return tuple(tuple(sweep.cells[int(row.values[PLACE])] for row in group.rows) for group in groups)


@lru_cache(maxsize=2)
def target(sweep: SweepData) -> str | None:
    """Return the target whose figures the comparisons show: the one that the recommendation goes by."""
    return chosen_target(sweep)


def peers_table(sweep: SweepData, cell: CellData, found: Peers) -> Markdown:
    """Return the table of the compared cells, the report's own in bold, with the difference of mAP50 to it."""
    figures = [metric for metric in _figures(sweep) if any(other.number(metric) is not None for other in found.cells)]
    facts = _facts(sweep)
    metric = f"{found.source}/mAP50"
    intervals = any(ends(other, metric) for other in found.cells)
    heads = [Head(phrase("comparison.model")), Head(phrase(f"comparison.{found.source}"), right=True)]
    heads += [Head(phrase("final.interval"), right=True)] if intervals else []
    heads.append(Head(phrase("comparison.difference"), right=True))
    heads += [Head(metric_column(name, facts).heading, right=True) for name in figures]
    rows = []
    for other in found.cells:
        row: list[object] = [title(other), shown(other, other.number(metric))]
        row += [interval(other, *(ends(other, metric) or (None, None)))] if intervals else []
        row.append(_difference(cell, other, metric))
        row += [shown(other, other.number(name), _digits(name)) for name in figures]
        row.append(level_title(other) or "–")
        rows.append([bold(value) for value in row] if other is cell else row)
    return grid([*heads, Head(phrase("comparison.title"))], rows)


@lru_cache(maxsize=2)
def _facts(sweep: SweepData) -> Mapping[str, TargetFacts]:
    return facts_by_target(sweep.frame)


def peers_notes(sweep: SweepData, found: Peers) -> list[Markdown]:
    """Return what the table compares, and whether its differences are more than chance."""
    notes = [phrase(f"comparison.by_{found.source}")]
    if not found.standings:
        return notes
    leader = found.standings[0]
    tied = [entry.cell for entry in found.standings[1:] if entry.tied]
    if not leader.compared:
        return [*notes, phrase("comparison.untested")]
    if tied:
        return [*notes, phrase("comparison.tied", best=title(leader.cell), others=_titles(tied))]
    return [*notes, phrase("comparison.clear", best=title(leader.cell))]


def _titles(cells: Sequence[CellData]) -> Markdown:
    return joined(title(cell) for cell in cells)


def _figures(sweep: SweepData) -> list[str]:
    chosen = target(sweep)
    npu = [names.npu_metric(chosen, figure) for figure in NPU] if chosen else []
    return [*npu, *OTHERS]


def _digits(metric: str) -> int:
    """As many as the table's own mAP50 has, or as the tables of the sweep show."""
    return DIGITS if metric == INT8 else metric_column(metric).digits or 0


def _difference(cell: CellData, other: CellData, metric: str) -> str | Markdown:
    own, others = cell.number(metric), other.number(metric)
    if other is cell:
        return phrase("comparison.this")
    return missing(other) if own is None or others is None else number(others - own, DIGITS, signed=True)
