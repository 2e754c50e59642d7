"""The table of tuning: what the recipe comes to, what its tuned values come to, and what finding them cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from sweep.report.axes import plain
from sweep.report.columns import Column, metric_columns, text_column
from sweep.report.compare import Group, Table, mark_best
from sweep.report.texts import load_texts
from sweep.tracking import names

if TYPE_CHECKING:
    import pandas as pd

# Columns that MLflow does not hold: tuned less recipe, in percentage points. Positive: tuning gained.
GAINS: Final = {f"tune/gain/{name}": (names.TUNE_TUNED[name], names.TUNE_RECIPE[name]) for name in names.TUNE_RECIPE}
ACCURACY: Final = tuple(name for gain, (tuned, recipe) in GAINS.items() for name in (recipe, tuned, gain))
COSTS: Final = ("tune/trials", "tune/pruned", "tune/epochs")
_POINT_DIGITS: Final = 10  # of a difference of two decimal fractions: beyond these it holds binary noise only


def has_tuning(cells: pd.DataFrame) -> bool:
    """Whether a cell of the frame has figures of a study."""
    return any(name in cells and cells[name].notna().any() for name in names.TUNE_METRICS)


def with_gains(cells: pd.DataFrame) -> pd.DataFrame:
    """Return the cells with what tuning gained, where any was tuned; others as they are."""
    if not has_tuning(cells):
        return cells
    frame = cells.copy()
    for gain, (after, before) in GAINS.items():
        pairs = ((plain(row.get(after)), plain(row.get(before))) for row in cells.to_dict("records"))
        frame[gain] = [points(tuned, recipe) for tuned, recipe in pairs]
    return frame


def points(tuned: float | None, recipe: float | None) -> float | None:
    """Return the difference of two shares of 0 to 1 in percentage points."""
    return None if tuned is None or recipe is None else round(100 * (tuned - recipe), _POINT_DIGITS)


def in_tuning_order(metrics: Sequence[str]) -> list[str]:
    """Return metrics with those of tuning in a reader's order: recipe, tuned and gain beside each other, then costs."""
    order = (*ACCURACY, *COSTS)
    own = [name for name in metrics if name.startswith(names.TUNE_PREFIX)]
    own.sort(key=lambda name: order.index(name) if name in order else len(order))
    places = [name for name in metrics if name not in own]
    first = next((index for index, name in enumerate(metrics) if name in own), len(places))
    return [*places[:first], *own, *places[first:]]


def tuning_table(cells: pd.DataFrame) -> Table | None:
    """Return recipe, tuned, gain and cost of each cell, in grid order; None where no cell was tuned.

    Recipe and tuned are trials of equal budget. A cell that was not tuned has dashes.
    """
    if not has_tuning(cells):
        return None
    frame = with_gains(cells)
    columns: list[Column] = [text_column("cell"), *metric_columns([*ACCURACY, *COSTS])]
    rows: list[dict[str, Any]] = [
        {str(key): plain(value) for key, value in row.items()} for row in frame.to_dict("records")
    ]
    made = mark_best(rows, (), columns, None)  # the best of all cells is told by other tables
    brief = ("cell", *ACCURACY, *COSTS)
    texts = load_texts()
    marks = (str(texts["marks"]["tuning"]),)
    return Table("tuning", str(texts["titles"]["tuning"]), tuple(columns), (Group((), made),), brief, marks=marks)
