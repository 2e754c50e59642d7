"""What a sweep is at a glance: how many cells, what was compared, what all of them share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sweep.report.axes import axes_of, natural, plain, with_tuned, with_weights, word, worth_showing
from sweep.report.columns import text_column
from sweep.report.data import SweepData
from sweep.report.texts import load_texts
from sweep.tracking import names
from sweep.tracking.expected import expected_of

# What a reader asks of a training first, beside the axes of the grid.
_OF_RECIPE = ("recipe.epochs", "recipe.imgsz", "recipe.batch", "recipe.optimizer")


@dataclass(frozen=True)
class Overview:
    """A sweep at a glance.

    Attributes:
        states: how many cells are in each state, the finished ones first.
        varied: what tells the cells apart: heading and values.
        shared: what all cells have in common: heading and value.
        duration: from the sweep's start to its end; None while it runs.
        expected: what was expected before it began: the shortest, the likely and the longest time; None where the time
            of a cell was not known.
    """

    states: tuple[tuple[str, int], ...]
    varied: tuple[tuple[str, tuple[str, ...]], ...]
    shared: tuple[tuple[str, str], ...]
    duration: timedelta | None
    expected: tuple[timedelta, timedelta, timedelta] | None


def overview(sweep: SweepData) -> Overview:
    """Return a sweep at a glance."""
    states = load_texts("sweep")["states"]
    count = Counter(cell.status for cell in sweep.cells)
    ordered = [*(state for state in states if state in count), *sorted(state for state in count if state not in states)]
    frame = with_tuned(with_weights(sweep.frame))
    varied = worth_showing(frame, axes_of(frame))
    values = {axis: _values(frame[axis]) for axis in axes_of(frame)}
    asked = [*names.AXES, names.WEIGHTS, *_OF_RECIPE]
    shared = [(text_column(axis).heading, values[axis][0]) for axis in asked if len(values.get(axis, ())) == 1]
    return Overview(
        tuple((str(states.get(state, state)), count[state]) for state in ordered),
        tuple((text_column(axis).heading, values[axis]) for axis in varied),
        tuple((heading.removeprefix(names.RECIPE_PREFIX), value) for heading, value in shared),
        timedelta(seconds=round((sweep.ended - sweep.started).total_seconds()))
        if sweep.started and sweep.ended and sweep.ended >= sweep.started
        else None,
        _expected(sweep),
    )


def _expected(sweep: SweepData) -> tuple[timedelta, timedelta, timedelta] | None:
    told = expected_of(sweep.tags)
    if told is None or told.unknown or told.low_s is None or told.likely_s is None or told.high_s is None:
        return None
    low, likely, high = (timedelta(seconds=round(seconds)) for seconds in (told.low_s, told.likely_s, told.high_s))
    return low, likely, high


def _values(column: Iterable[Any]) -> tuple[str, ...]:
    return tuple(sorted({text for value in column if (text := word(plain(value)))}, key=natural))
