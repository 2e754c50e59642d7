"""Which figures of accuracy are told and compared: the best checkpoint's, or the last epoch's where there are none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

from sweep.report.data import CellData
from sweep.tracking import names

Source = Literal["best", "final"]
BEST: Final[Source] = "best"
FINAL: Final[Source] = "final"


def source(cells: Sequence[CellData]) -> Source:
    """Return which figures these cells are compared by: like with like.

    The best checkpoint's, unless a finished cell has none and all of them have those of the last epoch.
    """
    finished = [cell for cell in cells if cell.finished]
    if all(cell.number(f"{BEST}/mAP50") is not None for cell in finished):
        return BEST
    return FINAL if all(cell.number(f"{FINAL}/mAP50") is not None for cell in finished) else BEST


def ends(cell: CellData, metric: str) -> tuple[float, float] | None:
    """Return the ends of the 95 % interval of a metric (`best/mAP50`), or None where it was not computed."""
    lo, hi = (cell.number(end) for end in names.INTERVALS.get(metric, ("", "")))
    return None if lo is None or hi is None else (lo, hi)
