"""From times that were measured to times that are expected: how long a cell takes, and all cells on so many workers."""

from __future__ import annotations

import heapq
import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

WIDTH: Final = 1.2816  # standard deviations on either side that hold 80 % of a normal distribution
UNTRIED: Final = 0.15  # spread that is assumed where no cell ran twice, as a share of its time
LEAST: Final = 0.05  # a few equal times do not promise that the next one is equal, too
INSTANT_S: Final = 1e-3  # a clock that was set back can leave a time of nothing


@dataclass(frozen=True)
class Span:
    """A time in seconds: what is expected, and between what four of five will lie."""

    low: float
    likely: float
    high: float

    def __mul__(self, factor: float) -> Span:
        return Span(self.low * factor, self.likely * factor, self.high * factor)


def spread_of(groups: Iterable[Sequence[float]]) -> float:
    """How much the times of like cells differ: the standard deviation of their logarithms, pooled over all groups.

    Args:
        groups: The times of cells that are alike, a group for each kind.
    """
    logs = [[math.log(max(seconds, INSTANT_S)) for seconds in group] for group in groups if len(group) > 1]
    freedom = sum(len(group) - 1 for group in logs)
    if not freedom:
        return UNTRIED
    squares = sum(statistics.variance(group) * (len(group) - 1) for group in logs)
    return max(LEAST, math.sqrt(squares / freedom))


def span_of(times: Sequence[float], spread: float) -> Span:
    """The time of the next cell, from those of some that were like it.

    Args:
        times: In seconds, at least one.
        spread: As `spread_of` gives it.
    """
    likely = statistics.median(times)
    factor = math.exp(WIDTH * spread * math.sqrt(1 + 1 / len(times)))
    return Span(likely / factor, likely, likely * factor)


def wall(jobs: Sequence[Span], workers: int) -> Span:
    """The time until the last of some jobs has ended: each is taken in its turn by the first worker that is free.

    The bounds are those of a day on which every job is quick, or every job slow: what delays one delays its neighbours.
    """
    return Span(
        _makespan([job.low for job in jobs], workers),
        _makespan([job.likely for job in jobs], workers),
        _makespan([job.high for job in jobs], workers),
    )


def _makespan(seconds: Sequence[float], workers: int) -> float:
    free_at = [0.0] * max(1, workers)
    for job in seconds:
        heapq.heappush(free_at, heapq.heappop(free_at) + job)
    return max(free_at)
