"""A cell's study: the objective trial by trial, and which parameters mattered."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from sweep.report.cells import number
from sweep.report.data import CellData
from sweep.report.figures.cells import caption
from sweep.report.figures.figure import Axis, Bars, Figure, Line, Look, Panel, Points
from sweep.report.figures.labels import labels
from sweep.report.figures.numbers import rows, span, values
from sweep.report.figures.style import BLUE, GREY, ORANGE, VERMILION
from sweep.report.study import COMPLETE, PRUNED, Study, Trial
from sweep.report.texts import load_texts
from sweep.report.tuning_words import objective_name

MAX_BARS: Final = 20
BAR: Final = 26  # pixels
LEAST: Final = 80


def cell_study(cell: CellData) -> Iterator[Figure]:
    """Yield the objective by the number of the trial: complete ones, pruned ones, the best so far, the recipe's."""
    study = cell.study
    if study is None:
        return
    complete = _with_value(study, COMPLETE)
    pruned = _with_value(study, PRUNED)
    if not complete and not pruned:
        return
    words = load_texts("figures")["tuning"]
    last = max(trial.number for trial in study.trials)
    air = 0.03 * last or 1.0
    marks: list[Line | Points] = []
    recipe = study.recipe_value
    if recipe is not None:
        marks.append(Line(words["recipe"], (0, last), values((recipe, recipe)), Look(GREY, "dash"), width=1.2))
    if complete:
        marks.append(_best(study, words["best"], last))
    if pruned:
        look = Look(ORANGE, symbol="triangle-up", hollow=True)
        marks.append(_points(pruned, words["pruned"], look, words["told_pruned"], study))
    if complete:
        marks.append(_points(complete, words["complete"], Look(BLUE), words["told"], study))
    known = [value for mark in marks for value in mark.y]
    x = Axis(words["trial"], (-air, last + air), integers=True)
    y = Axis(objective_name(study.objective), span(known))
    yield Figure("study", caption("study", (), ()), (Panel("", x, y, tuple(marks)),), panel_height=300)


def cell_importance(cell: CellData) -> Iterator[Figure]:
    """Yield the importance of each tuned parameter as a bar, the largest on top."""
    if cell.study is None or not cell.study.importance:
        return
    told = sorted(cell.study.importance.items(), key=lambda item: (-item[1], item[0]))[:MAX_BARS]
    titles = labels([name for name, _ in told])
    shares = [amount for _, amount in told]
    written = tuple(f"{100 * amount:.1f}%" for amount in shares)
    texts = tuple(f"{title}: {text}" for title, text in zip(titles, written, strict=True))
    bars = Bars(
        "", values(100 * amount for amount in shares), values(range(len(told))), Look(BLUE), texts, 0.6, written
    )
    title = f"{load_texts('figures')['tuning']['importance']} (%)"
    x = Axis(title, span(bars.x, air=0.12, zero=True))
    panel = Panel("", x, Axis("", rows(len(told)), titles), (bars,))
    yield Figure("importance", caption("importance", (), ()), (panel,), panel_height=max(BAR * len(told), LEAST))


def _with_value(study: Study, state: str) -> list[Trial]:
    return [trial for trial in study.trials if trial.state == state and trial.value is not None]


def _points(trials: Sequence[Trial], name: str, look: Look, told: str, study: Study) -> Points:
    objective = objective_name(study.objective)
    texts = tuple(told.format(**_told(trial), objective=objective) for trial in trials)
    x, y = values(trial.number for trial in trials), values(trial.value for trial in trials)
    return Points(name, x, y, look, texts, size=8)


def _told(trial: Trial) -> dict[str, Any]:
    return {
        "number": trial.number,
        "value": number(trial.value, 4),
        "epochs": "–" if trial.epochs is None else trial.epochs,
    }


def _best(study: Study, name: str, last: int) -> Line:
    """The best value so far as steps: level until a better trial comes."""
    x: list[float] = []
    y: list[float | None] = []
    for trial in study.improvements:
        if y:
            x.append(trial.number)
            y.append(y[-1])
        x.append(trial.number)
        y.append(trial.value)
    return Line(name, values([*x, last]), values([*y, y[-1]]), Look(VERMILION))
