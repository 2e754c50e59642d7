"""The recommended cell, by stated rules: the requirements, then accuracy, then the lighter of what is tied.

What the rules found is told in values here, and in sentences by the texts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from sweep.report.data import CellData, SweepData
from sweep.report.measurements import target_place
from sweep.report.ranking import Standing, difference, standings
from sweep.report.recommendation import SIZE, Change, Excluded, Heavier, Miss, Recommendation, Rule, Sort, asked
from sweep.report_settings import METRICS, ReportSettings, Require
from sweep.tracking import names

__all__ = [
    "Change",
    "Excluded",
    "Heavier",
    "Miss",
    "Recommendation",
    "chosen_target",
    "meets",
    "qualifying",
    "recommend",
]

# What makes one of two tied models the lighter one, the first that differs. After these the order of the grid decides.
WEIGHT: Final = (SIZE, names.PARAMS, names.GFLOPS)


def recommend(sweep: SweepData) -> Recommendation:
    """Return the recommended cell of a sweep, why it is that one, and what would change it."""
    target = chosen_target(sweep)
    found = _choose(sweep, sweep.settings.require, sweep.settings.ranked_by, target)
    return replace(found, changes=_changes(sweep, found))


def chosen_target(sweep: SweepData) -> str | None:
    """Return the target whose placement and latency count: the one required, else the first that was measured.

    A compiler's target goes before a profile, which knows no latency.
    """
    return _target(sweep.finished, sweep.settings.require)


def qualifying(finished: Sequence[CellData], settings: ReportSettings) -> list[CellData]:
    """Return the cells that meet the requirements and have the figure that ranks them, in the order given."""
    rules = asked(settings.require, _target(finished, settings.require))
    return [cell for cell in finished if not _misses(cell, rules, settings.ranked_by)]


def _target(finished: Sequence[CellData], require: Require) -> str | None:
    if require.target is not None:
        return require.target
    measured = {
        npu[0]
        for cell in finished
        for metric in cell.values
        if (npu := names.npu_figure(metric)) and cell.number(metric) is not None
    }
    return min(measured, key=lambda name: (name.startswith(f"{names.ONNX}."), target_place(name)), default=None)


def _choose(sweep: SweepData, require: Require, metric: str, target: str | None) -> Recommendation:
    rules = asked(require, target)
    excluded, left = [], []
    for cell in sweep.finished:
        misses = _misses(cell, rules, metric)
        if misses:
            excluded.append(Excluded(cell, misses))
        else:
            left.append(cell)
    order = standings(tuple(left), metric)
    found = Recommendation(None, metric, target, require, order, excluded=tuple(excluded))
    if not order:
        return found
    tied = [entry for entry in order if entry.rank == 1]
    usable = _usable(tied)
    place = {id(cell): index for index, cell in enumerate(sweep.cells)}
    chosen = min(tied, key=lambda it: (*(it.cell.number(metric) or 0.0 for metric in usable), place[id(it.cell)]))
    heavier = tuple(_heavier(chosen.cell, entry.cell, usable) for entry in tied if entry is not chosen)
    return replace(found, cell=chosen.cell, standing=chosen, heavier=heavier)


def _misses(cell: CellData, rules: tuple[tuple[Rule, str | None, float], ...], metric: str) -> tuple[Miss, ...]:
    misses = [] if cell.number(metric) is not None else [Miss("metric", metric, None, None)]
    for rule, figure, limit in rules:
        value = None if figure is None else cell.number(figure)
        if value is None or not meets(rule, value, limit):
            misses.append(Miss(rule, figure, limit, value))
    return tuple(misses)


def meets(rule: Rule, value: float, limit: float) -> bool:
    """Whether a figure meets a requirement: a share is at least its limit, all else at most."""
    return value >= limit if rule == "npu_pct" else value <= limit


def _usable(tied: Sequence[Standing]) -> list[str]:
    """The figures of weight that all of these cells have: no gap decides."""
    return [metric for metric in WEIGHT if all(entry.cell.number(metric) is not None for entry in tied)]


def _heavier(chosen: CellData, other: CellData, usable: Sequence[str]) -> Heavier:
    for metric in usable:
        own, others = chosen.number(metric), other.number(metric)
        if own != others:
            return Heavier(other, metric, own, others)
    return Heavier(other, None, None, None)


def _changes(sweep: SweepData, found: Recommendation) -> tuple[Change, ...]:
    """What would change the choice: each requirement, the other metric, accuracy alone."""
    changes = []
    for rule, figure, limit in found.requirements():
        relaxed = _choose(sweep, replace(found.require, **{rule: None}), found.metric, found.target)
        if relaxed.cell is not None and relaxed.cell is not found.cell:
            value = relaxed.cell.number(figure) if figure else None
            changes.append(_change("without", found, relaxed.cell, rule=rule, metric=figure, limit=limit, value=value))
        nobody = _nobody(sweep, rule, figure, limit)
        changes += [nobody] if nobody else []
    alone = standings(sweep.cells, found.metric)
    if alone and all(alone[0].cell is not cell for cell in (found.cell, *(change.cell for change in changes))):
        changes.append(_change("accuracy", found, alone[0].cell, metric=found.metric))
    for other in (f"best/{name}" for name in METRICS if f"best/{name}" != found.metric):
        ranked = _choose(sweep, found.require, other, found.target)
        if found.cell is not None and ranked.cell is not None:
            same = ranked.cell is found.cell
            changes.append(_change("same_metric" if same else "metric", found, ranked.cell, metric=other))
    return tuple(changes)


def _change(
    sort: Sort,
    found: Recommendation,
    cell: CellData,
    *,
    metric: str | None,
    rule: Rule | None = None,
    limit: float | None = None,
    value: float | None = None,
) -> Change:
    """A change with its gain in the metric that would rank, tested where both cells have statistics."""
    change = Change(sort, rule, metric, cell, limit, value)
    if found.cell is None or cell is found.cell:
        return change
    gained = metric if sort == "metric" and metric else found.metric
    test = difference(found.cell, cell, gained)
    return replace(change, gain=test.value, lo=test.lo, hi=test.hi)


def _nobody(sweep: SweepData, rule: Rule, figure: str | None, limit: float) -> Change | None:
    """A requirement that no cell meets whose figure was measured, with the cell that comes nearest."""
    measured = [] if figure is None else [(v, c) for c in sweep.finished if (v := c.number(figure)) is not None]
    if not sweep.finished or any(meets(rule, value, limit) for value, _ in measured):
        return None
    if not measured:
        return Change("nobody", rule, figure, limit=limit)
    nearest = (max if rule == "npu_pct" else min)(measured, key=lambda entry: entry[0])
    return Change("nobody", rule, figure, nearest[1], limit, nearest[0])
