"""How the cell was tuned: recipe against best trial, which values were found where, and the study's history."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sweep.report.cell.grid import Head, grid
from sweep.report.cell.wording import bold, missing
from sweep.report.cells import number, short_reason
from sweep.report.columns import metric_column
from sweep.report.data import CellData
from sweep.report.render import Markdown
from sweep.report.study import FAILED, best_parameters, is_tuned, recipe_value, recipe_won
from sweep.report.tuning_table import points
from sweep.report.tuning_words import (
    objective,
    parameter,
    recipe_epochs,
    say,
    share,
    stopped,
    study_told,
    trial_epochs,
    was_refit,
)
from sweep.tracking import names

MAX_TRIALS: Final = 20  # rows of one table
MAX_FAILED: Final = 5
_DIGITS: Final = 4


@dataclass(frozen=True)
class Tuning:
    """What the report says of the cell's tuning.

    Attributes:
        setup_note: what the values are that the report's set-up has; None where the result was trained with these.
        title: of the section. So `parameters_title` and `history_title`.
        figures: recipe, best trial and gain.
        lines: what the study was and what its figures are, a sentence each.
        parameters: what was searched, the recipe's values, the best ones, their importance; None where nobody tells.
        parameters_notes: what these are.
        history: the trials that were better than all before them; None where the study was not read, or has none.
        history_notes: what is not in it.
        improvements: what stands above the history.
    """

    setup_note: Markdown | None
    title: Markdown
    figures: Markdown
    lines: tuple[Markdown, ...]
    parameters_title: Markdown
    parameters: Markdown | None
    parameters_notes: tuple[Markdown, ...]
    history_title: Markdown
    improvements: Markdown
    history: Markdown | None
    history_notes: tuple[Markdown, ...]


def tuning(cell: CellData) -> Tuning | None:
    """Return what the report says of the tuning; None of a cell that was not tuned."""
    if not is_tuned(cell):
        return None
    return Tuning(
        setup_note=None if recipe_won(cell) else say("cell.see"),
        title=say("cell.title"),
        figures=_figures(cell),
        lines=tuple(_lines(cell)),
        parameters_title=say("cell.parameters"),
        parameters=_parameters(cell),
        parameters_notes=_parameters_notes(cell),
        history_title=say("cell.history"),
        improvements=say("cell.improvements"),
        history=_history(cell),
        history_notes=tuple(_history_notes(cell)),
    )


def _figures(cell: CellData) -> Markdown:
    best = cell.number("tune/best_trial")
    tuned = say("cell.tuned") if best is None else say("cell.tuned_number", number=f"{best:.0f}")
    heads = [say("recipe"), tuned, say("cell.gain")]
    rows: list[list[object]] = []
    for name, metric in names.TUNE_RECIPE.items():
        before, after = cell.number(metric), cell.number(names.TUNE_TUNED[name])
        gain = points(after, before)
        shown = (
            missing(cell) if gain is None else number(gain, metric_column(f"tune/gain/{name}").digits or 0, signed=True)
        )
        rows.append([bold(name), _figure(cell, before), _figure(cell, after), shown])
    return grid([Head(say("cell.metric")), *(Head(head, right=True) for head in heads)], rows)


def _lines(cell: CellData) -> list[Markdown]:
    counts = {name: _count(cell, name) for name in ("trials", "pruned", "failed", "lost", "epochs")}
    length, recipe = trial_epochs(cell), recipe_epochs(cell)
    found = [study_told(cell), say("cell.counts", **counts), say("cell.ended", reason=stopped(cell))]
    if recipe_won(cell):
        found.append(say("cell.no_gain"))
    found.append(say("same_length_unknown") if length is None else say("same_length", epochs=length))
    found.append(say("cell.refit" if was_refit(cell) else "cell.from_trial"))
    if not was_refit(cell) and length is not None and recipe is not None and length < recipe:
        found.append(say("cell.shorter", epochs=length, recipe=recipe))
    return [*found, say("selection", trials=counts["trials"])]


def _parameters(cell: CellData) -> Markdown | None:
    """A row a parameter: the most important ones first where the study tells, otherwise by name."""
    best = best_parameters(cell)
    if not best:
        return None
    space = cell.study.space if cell.study else {}
    importance = cell.study.importance if cell.study else {}
    order = sorted(best, key=lambda name: -importance.get(name, 0.0))
    heads = [Head(say("parameter")), *([Head(say("cell.space"))] if space else [])]
    heads += [Head(say("recipe"), right=True), Head(say("cell.best"), right=True)]
    heads += [Head(say("cell.importance"), right=True)] if importance else []
    rows = []
    for name in order:
        row: list[object] = [bold(name), *([space.get(name) or say("none")] if space else [])]
        row += [parameter(recipe_value(cell, name)), parameter(best[name])]
        row += [share(importance[name]) if name in importance else say("none")] if importance else []
        rows.append(row)
    return grid(heads, rows)


def _parameters_notes(cell: CellData) -> tuple[Markdown, ...]:
    told = bool(cell.study and cell.study.importance)
    return (say("cell.parameters_about"), *([say("cell.importance_about")] if told else []))


def _history(cell: CellData) -> Markdown | None:
    found = cell.study.improvements if cell.study else ()
    if not found:
        return None
    heads = [
        Head(say("cell.trial"), right=True),
        Head(objective(cell), right=True),
        Head(say("cell.epochs"), right=True),
    ]
    rows = [
        [str(trial.number), number(trial.value, _DIGITS), say("none") if trial.epochs is None else str(trial.epochs)]
        for trial in found[-MAX_TRIALS:]
    ]
    return grid(heads, rows)


def _history_notes(cell: CellData) -> list[Markdown]:
    if cell.study is None:
        return [say("cell.not_read")]
    failed = [trial for trial in cell.study.trials if trial.state == FAILED]
    found = [
        say("cell.failed", number=trial.number, reason=short_reason(trial.reason or "") or say("cell.no_reason"))
        for trial in failed[:MAX_FAILED]
    ]
    left = max(len(cell.study.improvements) - MAX_TRIALS, 0) + max(len(failed) - MAX_FAILED, 0)
    return [*found, *([say("cell.more_trials", count=left)] if left else [])]


def _figure(cell: CellData, value: float | None) -> str:
    return missing(cell) if value is None else number(value, _DIGITS)


def _count(cell: CellData, name: str) -> str | Markdown:
    value = cell.number(f"tune/{name}")
    return say("unknown") if value is None else f"{value:.0f}"
