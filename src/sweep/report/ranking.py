"""The cells of a sweep by accuracy, and which of them cannot be told from the best."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Literal, cast

from sweep.report.data import CellData, SweepData
from sweep.tracking import names

if TYPE_CHECKING:
    from sweep.statistics.paired import Comparison

# The leader is tested against this many others, the best by value.
COMPARED: Final = 20


@dataclass(frozen=True, eq=False)
class Standing:
    """Where a cell stands.

    Attributes:
        cell: the cell.
        rank: from 1. The leader and all that are tied with it share rank 1, and so do equal values any other rank.
        value: of the metric that ranks.
        lo: lower end of the value's 95 % interval; None where it was not computed. So `hi`.
        difference: the value less the leader's, 0 or below; None for the leader itself.
        diff_lo: lower end of the difference's 95 % interval; None where it was not compared. So `diff_hi`.
        p: of the paired test against the leader, after Holm; None where it was not compared.
        tied: whether the cell cannot be told from the leader; of the leader, whether any other cannot be told from it.
            None where it cannot be said: no statistics of the same images.
        compared: whether it was tested; of the leader, whether any other was.
    """

    cell: CellData
    rank: int
    value: float
    lo: float | None = None
    hi: float | None = None
    difference: float | None = None
    diff_lo: float | None = None
    diff_hi: float | None = None
    p: float | None = None
    tied: bool | None = None
    compared: bool = False


def rank(sweep: SweepData) -> tuple[Standing, ...]:
    """Return the finished cells that have the metric that ranks: the leader, what is tied with it, the rest."""
    return standings(sweep.cells, sweep.settings.ranked_by)


@lru_cache(maxsize=128)
def standings(cells: tuple[CellData, ...], metric: str) -> tuple[Standing, ...]:
    """Return the finished ones of these cells in order, by a metric of `names.INTERVALS`.

    The leader is the largest value, of equal ones the first. It is tested against the best `COMPARED` of those others
    that have per-image statistics of the same images (`statistics.paired`, Holm over these tests). Tied cells come
    next, by value, then all others by value. Equal values keep the order of `cells`.
    """
    values = [(value, cell) for cell in cells if cell.finished and (value := cell.number(metric)) is not None]
    ordered = sorted(values, key=lambda entry: -entry[0])
    if not ordered:
        return ()
    top, leader = ordered[0]
    tests = _tests(leader, [cell for _, cell in ordered[1:]], metric)
    tied = [entry for entry in ordered if _tied(entry[1], tests)]
    first = [ordered[0], *tied]
    rest = [entry for entry in ordered[1:] if entry not in tied]
    found = [_standing(cell, 1, value, leader, tests, metric) for value, cell in first]
    number = 1
    for index, (value, cell) in enumerate(rest):
        before = rest[index - 1][0] if index else top
        number = number if value == before else len(first) + index + 1
        found.append(_standing(cell, number, value, leader, tests, metric))
    return tuple(found)


def same_images(one: CellData, other: CellData) -> bool:
    """Whether both cells have per-image statistics, of the same images."""
    from sweep.statistics import images

    if one.statistics is None or other.statistics is None:
        return False
    return images.same_images(one.statistics, other.statistics)


@dataclass(frozen=True)
class Difference:
    """A metric of one cell less that of another, None where one lacks it.

    Attributes:
        value: the difference.
        lo: lower end of its 95 % interval; None where there are no statistics of the same images. So `hi`.
        p: of this comparison alone.
    """

    value: float | None
    lo: float | None = None
    hi: float | None = None
    p: float | None = None


def difference(before: CellData, after: CellData, metric: str) -> Difference:
    """Return a metric of `after` less that of `before`, tested where that can be done."""
    old, new = before.number(metric), after.number(metric)
    value = None if old is None or new is None or math.isinf(old) or math.isinf(new) else new - old
    test = _tests(after, [before], metric).get(before) if value is not None and metric in names.INTERVALS else None
    return Difference(value) if test is None else Difference(value, test.lo, test.hi, test.p)


def _tests(leader: CellData, others: Sequence[CellData], metric: str) -> dict[CellData, Comparison]:
    comparable = [cell for cell in others if same_images(leader, cell)][:COMPARED]
    if leader.statistics is None or not comparable:
        return {}
    from sweep.statistics.paired import compare

    statistics = [cell.statistics for cell in comparable if cell.statistics is not None]
    short = cast('Literal["mAP50", "mAP50-95"]', metric.rpartition("/")[2])
    return dict(zip(comparable, compare(leader.statistics, statistics, short), strict=True))


def _tied(cell: CellData, tests: dict[CellData, Comparison]) -> bool:
    return cell in tests and bool(tests[cell].tied)


def _standing(
    cell: CellData, number: int, value: float, leader: CellData, tests: dict[CellData, Comparison], metric: str
) -> Standing:
    lo, hi = (cell.number(end) for end in names.INTERVALS.get(metric, ("", "")))
    if cell is leader:
        tied = any(test.tied for test in tests.values()) if tests else None
        return Standing(cell, number, value, lo, hi, tied=tied, compared=bool(tests))
    best = leader.number(metric)
    difference = None if best is None or math.isinf(best) else value - best
    if cell not in tests:
        return Standing(cell, number, value, lo, hi, difference)
    test = tests[cell]  # it is the leader less the cell: turned round here
    return Standing(
        cell, number, value, lo, hi, difference, -test.hi, -test.lo, test.p_holm, bool(test.tied), compared=True
    )
