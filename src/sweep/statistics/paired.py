"""Whether one evaluation is truly better than others of the same images, or only lucky with these."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from sweep.statistics.ap import average_precision
from sweep.statistics.bootstrap import with_replicates

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from sweep.statistics.images import ImageStatistics

Metric = Literal["mAP50", "mAP50-95"]
ALPHA: Final = 0.05
_COLUMN: Final[dict[Metric, int]] = {"mAP50": 0, "mAP50-95": 1}


@dataclass(frozen=True)
class Comparison:
    """The leader against another.

    Attributes:
        difference: what the leader has more, in the metric's unit (0 to 1).
        lo: lower end of the 95 % interval of the difference.
        hi: its upper end.
        p: how probable so clear a difference is among equals; two-sided.
        p_holm: the same, seen among all comparisons that were made.
        tied: whether the difference is inside the noise.
    """

    difference: float
    lo: float
    hi: float
    p: float
    p_holm: float

    @property
    def tied(self) -> bool:
        """Whether the images do not tell the two apart, at 5 % for all comparisons together."""
        return self.p_holm >= ALPHA

    @property
    def better(self) -> bool:
        """Whether the leader is significantly better."""
        return self.difference > 0 and not self.tied


def compare(leader: ImageStatistics, others: Sequence[ImageStatistics], metric: Metric) -> list[Comparison]:
    """Compare the leader with each of the others, in their order.

    The replicates of two evaluations are pairs: d* is their difference on one sample of the images. The interval holds
    the middle 95 % of the d*, and p is the smallest level at which such an interval excludes 0 (Efron and Tibshirani
    1993, 15.4), with the observed data counted as a sample (Davison and Hinkley 1997, 4.11, which keeps it from 0):
    p = 2 · (1 + min(#{d* ≤ 0}, #{d* ≥ 0})) / (b + 1), at most 1. Nor can n images tell with less than 2 / 2^n, what a
    sign test of them has. Over the comparisons p is adjusted by Holm (1979).

    Args:
        leader: Usually the best one. Chosen by these images it is flattered by them (docs/statistics.md).
        others: Evaluations of the same images in any order; replicates are drawn where one has none.
        metric: What to compare.

    Raises:
        ValueError: An evaluation is of other images.
    """
    import numpy as np

    images = sorted(leader.images)
    for other in others:
        if sorted(other.images) != images:
            raise ValueError("Only evaluations of the same images can be compared.")
    column = _COLUMN[metric]
    least = 2.0 ** (1 - len(images))
    first, value = _replicates(leader)[:, column], _value(leader, metric)
    rows = []
    for other in others:
        second = _replicates(other)[:, column]
        count = min(len(first), len(second))  # one with fewer has the first samples of one with more
        pairs = first[:count] - second[:count]
        beyond = min(int((pairs <= 0).sum()), int((pairs >= 0).sum()))
        p = min(1.0, max(2 * (1 + beyond) / (len(pairs) + 1), least))
        lo, hi = np.quantile(pairs, [ALPHA / 2, 1 - ALPHA / 2])
        rows.append((value - _value(other, metric), float(lo), float(hi), p))
    adjusted = holm([p for *_, p in rows])
    return [Comparison(*row, p_holm) for row, p_holm in zip(rows, adjusted, strict=True)]


def holm(values: Sequence[float]) -> list[float]:
    """Return p-values adjusted for their number, in their order.

    The i-th smallest of m is multiplied by m − i + 1, and is no smaller than the ones before it (Holm 1979, "A Simple
    Sequentially Rejective Multiple Test Procedure").
    """
    adjusted = [0.0] * len(values)
    largest = 0.0
    for rank, index in enumerate(sorted(range(len(values)), key=values.__getitem__)):
        largest = max(largest, min(1.0, values[index] * (len(values) - rank)))
        adjusted[index] = largest
    return adjusted


def _replicates(stats: ImageStatistics) -> NDArray[np.float64]:
    import numpy as np

    held = stats.replicates if stats.replicates is not None else with_replicates(stats).replicates
    return np.asarray(held, dtype=np.float64)


def _value(stats: ImageStatistics, metric: Metric) -> float:
    found = average_precision(stats)
    return found.map50 if metric == "mAP50" else found.map5095
