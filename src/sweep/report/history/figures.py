"""The trend of a cell's figures over its trainings, and of the accuracy of all cells."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from sweep.report.cells import number
from sweep.report.columns import metric_column
from sweep.report.figures.cells import look_of
from sweep.report.figures.figure import Axis, Figure, Line, Look, Panel, Points
from sweep.report.figures.labels import labels
from sweep.report.figures.numbers import span, values
from sweep.report.figures.style import BLUE, GREY, LOOKS, VERMILION
from sweep.report.history.data import CellHistory
from sweep.report.texts import load_texts

DAY_S: Final = 86_400
ACCURACY: Final = ("best/mAP50", "best/mAP50-95")


def cell_trend(cell: CellHistory, metrics: Sequence[str]) -> Iterator[Figure]:
    """Yield each metric of a cell over the days: its trainings, what was usual, and what was called a regression."""
    texts = load_texts("history")
    first = cell.trainings[0].started
    panels: list[Panel] = []
    for metric in cell.metrics(metrics):
        title = metric_column(metric, {}).heading
        known = cell.values(metric)
        days = [_days(training.started, first) for training, _ in known]
        usual = Line(texts["usual"] if not panels else "", values(days), values(cell.usual(metric)), Look(GREY, "dash"))
        marks: list[Line | Points] = [usual]
        for name, look, worse in (("trainings", Look(BLUE), False), ("worse", Look(VERMILION, symbol="diamond"), True)):
            chosen = [(day, *pair) for day, pair in zip(days, known, strict=True) if (metric in pair[0].worse) == worse]
            told = tuple(f"{training.started:%Y-%m-%d}: {_shown(metric, value)}" for _, training, value in chosen)
            if chosen or not panels:
                x, y = values(day for day, _, _ in chosen), values(value for _, _, value in chosen)
                marks.append(Points(texts[name] if not panels else "", x, y, look, told, size=7))
        y_axis = Axis("", span([value for _, value in known], air=0.1))
        panels.append(Panel(title, _axis(days, first), y_axis, tuple(marks)))
    if panels:
        yield Figure("trend", texts["captions"]["trend"], tuple(panels), columns=2, panel_height=220)


def all_trends(cells: Sequence[CellHistory]) -> Iterator[Figure]:
    """Yield the accuracy of all cells over the days, as many as can be told apart."""
    texts = load_texts("history")
    shown = [cell for cell in cells if any(cell.values(metric) for metric in ACCURACY)][:LOOKS]
    if not shown:
        return
    first = min(cell.trainings[0].started for cell in shown)
    named = labels([cell.name for cell in shown])
    panels: list[Panel] = []
    for metric in ACCURACY:
        lines = []
        for index, (cell, label) in enumerate(zip(shown, named, strict=True)):
            known = cell.values(metric)
            days = values(_days(training.started, first) for training, _ in known)
            name = label if not panels else ""
            lines.append(Line(name, days, values(value for _, value in known), look_of(index), markers=True))
        every = [x for line in lines for x in line.x if x is not None]
        if every:
            y = Axis("", span([y for line in lines for y in line.y], air=0.1))
            panels.append(Panel(metric_column(metric, {}).heading, _axis(every, first), y, tuple(lines)))
    yield Figure("trends", texts["captions"]["trends"], tuple(panels), columns=2, panel_height=280)


def _axis(days: Sequence[float], first: datetime) -> Axis:
    return Axis(str(load_texts("history")["days"]).format(date=f"{first:%Y-%m-%d}"), span(days, air=0.04))


def _days(time: datetime, first: datetime) -> float:
    return (time - first).total_seconds() / DAY_S


def _shown(metric: str, value: float) -> str:
    return number(value, metric_column(metric, {}).digits or 0)
