"""Numbers of a figure: gaps for what is none, few digits, ranges with some air."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from sweep.report.figures.figure import Range, Values

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

DIGITS: Final = 5  # significant ones: finer than a pixel
LONGEST: Final = 400  # points of a line, more than there are pixels to tell them apart


def values(numbers: Iterable[Any]) -> Values:
    """Return numbers as a figure holds them: five significant digits, None for NaN and infinity."""
    return tuple(_rounded(number) for number in numbers)


def thinned(length: int) -> list[int]:
    """Return the indices of a line's points that are drawn: all, or evenly chosen ones with the first and the last."""
    if length <= LONGEST:
        return list(range(length))
    return [round(index * (length - 1) / (LONGEST - 1)) for index in range(LONGEST)]


def corners(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[Values, Values]:
    """Return a line of shares to three decimals, without the points inside its level parts: they draw nothing."""
    heights = [round(float(value), 3) for value in y]
    around = zip([None, *heights], heights, [*heights[1:], None], strict=False)
    kept = [index for index, (before, own, after) in enumerate(around) if not before == own == after]
    return values(x[index] for index in kept), values(heights[index] for index in kept)


def span(numbers: Iterable[float | None], *, air: float = 0.05, zero: bool = False) -> Range:
    """Return a range that holds the numbers, with air around them; from zero where asked."""
    known = [number for number in numbers if number is not None]
    low, high = min(known, default=0.0), max(known, default=1.0)
    if zero:
        low, high = min(low, 0.0), max(high, 0.0)
    room = (high - low) * air or abs(high) * air or air
    return (low if zero and low == 0 else low - room), (high if zero and high == 0 else high + room)


def rows(count: int) -> Range:
    """Return the range of an axis with that many labels, the first one on top."""
    return count - 0.5, -0.5


def _rounded(number: Any) -> float | None:
    if number is None or not math.isfinite(number):
        return None
    amount = float(f"{float(number):.{DIGITS}g}")
    return int(amount) if amount.is_integer() and abs(amount) < 1e15 else amount
