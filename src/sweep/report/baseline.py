"""An earlier sweep beside this one: which cells are the same, and by how much they differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from sweep.report.data import CellData, SweepData
from sweep.report.pareto import objectives
from sweep.report.ranking import Difference, difference
from sweep.statistics.paired import ALPHA
from sweep.tracking import names

Verdict = Literal["better", "worse", "tied", "untested"]

METRICS: Final = tuple(names.INTERVALS)


@dataclass(frozen=True, eq=False)
class Match:
    """A cell and the same cell of the baseline.

    Attributes:
        cell: of this sweep.
        before: of the baseline; None where it has none that is the same.
        recipe: the parameters of the recipe that differ.
        other_data: whether the two were evaluated on data of different digests.
        differences: of each metric that both may have: this sweep less the baseline.
        p: of the ranking metric's paired test, after Holm over all matches; None where it was not tested.
        verdict: of the ranking metric; None where either cell lacks it.
    """

    cell: CellData
    before: CellData | None
    recipe: tuple[str, ...] = ()
    other_data: bool = False
    differences: Mapping[str, Difference] = field(default_factory=dict)
    p: float | None = None
    verdict: Verdict | None = None


def matches(sweep: SweepData) -> tuple[Match, ...]:
    """Return each cell with the same cell of the sweep's baseline, in grid order; nothing without a baseline.

    Two cells are the same that agree in all axes (`names.AXES`) and in the name of their initial weights. Where several
    do, the recipes tell them apart: they agree in each parameter that both record. One that is left alone on both sides
    is the same although its recipe differs, which the match tells. The data's digest is no axis: new data under an old
    name is what a baseline may be there for; a match tells that, too.
    """
    if sweep.baseline is None:
        return ()
    metrics = compared_metrics(sweep)
    pairs = _pairs(sweep.cells, sweep.baseline.cells)
    found = [_match(cell, pairs.get(index), metrics) for index, cell in enumerate(sweep.cells)]
    return _judged(found, sweep.settings.ranked_by)


def compared_metrics(sweep: SweepData) -> list[str]:
    """Return the metrics in which the sweep is compared with its baseline: mAP, what Pareto fronts take, parameters."""
    return [*METRICS, *objectives(sweep).values(), names.PARAMS]


def _pairs(cells: Sequence[CellData], before: Sequence[CellData]) -> dict[int, CellData]:
    """The baseline's cell of each cell, by its place: first those with the same recipe, then those left alone."""
    pairs: dict[int, CellData] = {}
    left: dict[tuple[str, ...], list[CellData]] = {}
    for cell in before:
        left.setdefault(_axes(cell), []).append(cell)
    for index, cell in enumerate(cells):
        same = [other for other in left.get(_axes(cell), []) if not _recipe(cell, other)]
        if same:
            pairs[index] = next((other for other in same if other.finished), same[0])
            left[_axes(cell)].remove(pairs[index])
    alone: dict[tuple[str, ...], list[int]] = {}
    for index, cell in enumerate(cells):
        if index not in pairs:
            alone.setdefault(_axes(cell), []).append(index)
    for axes, places in alone.items():
        if len(places) == 1 and len(left.get(axes, [])) == 1:
            pairs[places[0]] = left[axes][0]
    return pairs


def _axes(cell: CellData) -> tuple[str, ...]:
    weights = cell.text(names.WEIGHTS)
    return (*(cell.text(axis) for axis in names.AXES), "" if weights == "None" else weights)


def _recipe(cell: CellData, other: CellData) -> tuple[str, ...]:
    """The parameters of the recipe that both cells record, with different values."""
    both = [name for name in cell.values if name.startswith(names.RECIPE_PREFIX) and name in other.values]
    return tuple(sorted(name for name in both if cell.text(name) != other.text(name)))


def _match(cell: CellData, before: CellData | None, metrics: Sequence[str]) -> Match:
    if before is None:
        return Match(cell, None)
    digests = {str(one.values.get("data_digest") or "") for one in (cell, before)} - {""}
    differences = {metric: difference(before, cell, metric) for metric in metrics}
    return Match(cell, before, _recipe(cell, before), len(digests) > 1, differences)


def _judged(found: Sequence[Match], metric: str) -> tuple[Match, ...]:
    """The matches with Holm's p over all that were tested, and what follows from it."""
    tested = {match.cell: test.p for match in found if (test := match.differences.get(metric)) and test.p is not None}
    if tested:
        from sweep.statistics.paired import holm

        tested = dict(zip(tested, map(float, holm(list(tested.values()))), strict=True))
    return tuple(replace(match, p=tested.get(match.cell), verdict=_verdict(match, metric, tested)) for match in found)


def _verdict(match: Match, metric: str, corrected: Mapping[CellData, float]) -> Verdict | None:
    value = match.differences[metric].value if metric in match.differences else None
    if value is None:
        return None
    if match.cell not in corrected:
        return "untested"
    if corrected[match.cell] >= ALPHA:
        return "tied"
    return "better" if value > 0 else "worse"
