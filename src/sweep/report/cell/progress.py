"""What a curve over the epochs says: where it began and ended, what it was half-way, from when on it stayed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sweep.report.data import CellData

# A curve has settled where it stays within this share of its last value: 1 %, as issue and reports put it.
SETTLED_WITHIN: Final = 0.01


@dataclass(frozen=True)
class Progress:
    """A curve in a few figures. A value that is no number (NaN) is None.

    Attributes:
        first_epoch: the first epoch that was logged, counted from 1.
        last_epoch: the last one.
        first: the value there. So `last`.
        half_epoch: the epoch at half of the last one, rounded down; None where it is the first or was not logged.
        half: the value there.
        settled: the epoch from which on the curve stays within 1 % of its last value; None where the last value is 0,
            negative or no finite number.
    """

    first_epoch: int
    last_epoch: int
    first: float | None
    last: float | None
    half_epoch: int | None
    half: float | None
    settled: int | None


def curve(cell: CellData, metric: str) -> dict[int, float]:
    """Return a metric by epoch, in order, NaN for a gap; nothing where it was not logged or not read."""
    if cell.curves is None or metric not in cell.curves:
        return {}
    column = cell.curves[metric]
    return {int(epoch): float(value) for epoch, value in zip(column.index, column, strict=True)}


def progress(points: Mapping[int, float]) -> Progress | None:
    """Return what a curve says; None for one without points. Epochs count from 1."""
    if not points:
        return None
    epochs = sorted(points)
    half = epochs[-1] // 2
    known = half > epochs[0] and half in points
    return Progress(
        first_epoch=epochs[0],
        last_epoch=epochs[-1],
        first=_number(points[epochs[0]]),
        last=_number(points[epochs[-1]]),
        half_epoch=half if known else None,
        half=_number(points[half]) if known else None,
        settled=settled(points),
    )


def settled(points: Mapping[int, float], within: float = SETTLED_WITHIN) -> int | None:
    """Return the epoch from which on a curve stays within a share of its last value; a gap is not within."""
    epochs = sorted(points)
    end = points[epochs[-1]] if epochs else math.nan
    if not math.isfinite(end) or end <= 0:
        return None
    since = epochs[-1]
    for epoch in reversed(epochs):
        if not abs(points[epoch] - end) <= within * end:  # NaN is not within
            break
        since = epoch
    return since


def factor(first: float | None, last: float | None) -> float | None:
    """Return how many times the first value the last one is; None from zero, or where one is no finite number."""
    if first is None or last is None or not (math.isfinite(first) and math.isfinite(last)) or first <= 0:
        return None
    return last / first


def fall(first: float | None, last: float | None) -> float | None:
    """Return by how many % a value fell, negative where it rose; None as for `factor`."""
    ratio = factor(first, last)
    return None if ratio is None else 100 * (1 - ratio)


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value
