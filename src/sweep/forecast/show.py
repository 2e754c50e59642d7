"""What a sweep is expected to take, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sweep.console import duration
from sweep.show import counted

if TYPE_CHECKING:
    from sweep.forecast.forecast import Forecast
    from sweep.forecast.spans import Span

UNKNOWN = "unknown"


def cell_times(forecast: Forecast) -> dict[int, str]:
    """The time of each cell to run, by its index."""
    return {index: UNKNOWN if span is None else duration(span.likely) for index, span in forecast.cells.items()}


def forecast_lines(forecast: Forecast) -> list[str]:
    """Time, disk and cost of the whole sweep; nothing where nothing is to run."""
    if not forecast.cells:
        return []
    beside = "one after the other"
    if forecast.side_by_side > 1:
        count = forecast.side_by_side
        beside = f"if all {count} run at once" if forecast.unbounded else f"{count} side by side"
    disk = f"Disk: {forecast.disk_mb / 1e3:.2f} GB at most."
    known = len(forecast.cells) - forecast.unknown
    if not known:
        return [f"Time: unknown, no like cell was trained in this experiment yet; {beside}. {disk}"]
    more = f", and {counted(forecast.unknown)} of unknown time" if forecast.unknown else ""
    lines = [f"Time: about {_with_bounds(forecast.wall)}{more}; {beside}. {disk}"]
    cost = forecast.cost
    if cost is not None:
        least = "at least " if forecast.unknown else "about "
        lines.append(
            f"Cost: {least}{cost.likely:.2f} ({cost.low:.2f} to {cost.high:.2f}) at "
            f"price_per_hour={forecast.price_per_hour:g}."
        )
    return lines


def taken(forecast: Forecast, seconds: float) -> str | None:
    """What was expected beside what it took; None where nothing was expected, or not of all cells."""
    if not forecast.cells or forecast.unknown:
        return None
    return f"Expected {_with_bounds(forecast.wall)}, took {duration(seconds)}."


def _with_bounds(span: Span) -> str:
    return f"{duration(span.likely)} ({duration(span.low)} to {duration(span.high)})"
