"""The tuning of a sweep's cells in its report: what it gained, what it cost, which values it found."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from sweep.report.cell.grid import Head, grid
from sweep.report.compare import Table
from sweep.report.data import CellData, SweepData
from sweep.report.render import Markdown, as_markdown
from sweep.report.study import best_parameters, is_tuned, recipe_value, recipe_won
from sweep.report.sweep.wording import Wording
from sweep.report.tuning_words import (
    parameter,
    percent,
    recipe_epochs,
    say,
    share,
    stopped,
    study_told,
    trial_epochs,
    was_refit,
)

MAX_COLUMNS: Final = 8  # cells side by side
MAX_CELLS: Final = 12  # cells in one list
MOST: Final = 5  # parameters of a cell whose importance is told


@dataclass(frozen=True)
class Tuning:
    """What the report says of tuning.

    Attributes:
        title: of the section. So `read_title`, `parameters_title`, `importance_title`.
        table: recipe, tuned and gain of each cell.
        lines: how the cells were tuned, what it cost, what ended it, a sentence each.
        read: how the figures are to be read, a sentence each.
        parameters: the best values of each cell beside the recipe's. `parameters_note`: how many cells it leaves out.
        importance: the parameters of each cell that mattered; None where no study tells.
    """

    title: Markdown
    table: Table
    lines: tuple[Markdown, ...]
    read_title: Markdown
    read: tuple[Markdown, ...]
    parameters_title: Markdown
    parameters: Markdown | None
    parameters_about: Markdown
    parameters_note: Markdown | None
    importance_title: Markdown
    importance: Markdown | None
    importance_about: Markdown


def tuning(sweep: SweepData, table: Table | None, words: Wording) -> Tuning | None:
    """Return what the report says of tuning, in the language that is spoken; None where no cell was tuned."""
    tuned = [cell for cell in sweep.cells if is_tuned(cell)]
    if table is None or not tuned:
        return None
    told = _Told(tuned, words)
    left = len(tuned) - MAX_COLUMNS
    return Tuning(
        title=say("sweep.title"),
        table=table,
        lines=(
            say("sweep.intro", tuned=len(tuned), all=len(sweep.cells)),
            *told.studies(),
            *told.costs(),
            say("sweep.ended", reasons=told.grouped(stopped, "sweep.reason")),
            *told.of("sweep.no_gain", recipe_won),
        ),
        read_title=say("sweep.read"),
        read=tuple(told.read()),
        parameters_title=say("sweep.parameters"),
        parameters=_parameters(tuned[:MAX_COLUMNS]),
        parameters_about=say("sweep.parameters_about"),
        parameters_note=say("sweep.more_cells", count=left) if left > 0 else None,
        importance_title=say("sweep.importance"),
        importance=_importance(tuned, words),
        importance_about=say("sweep.importance_about"),
    )


class _Told:
    """Finds the sentences. What they have in common, the tuned cells and how they are named, is held here."""

    def __init__(self, tuned: Sequence[CellData], words: Wording) -> None:
        self._tuned, self._words = tuned, words

    def studies(self) -> list[Markdown]:
        """How the cells were tuned: one sentence, or one for each way with its cells."""
        ways = _by(self._tuned, study_told)
        if len(ways) == 1:
            return [Markdown(as_markdown(way)) for way in ways]
        return [say("for_cells", cells=self._cells(cells), told=way) for way, cells in ways.items()]

    def costs(self) -> list[Markdown]:
        """How many trials and epochs it took, and how many epochs pruning saved."""
        trials, pruned, failed, lost, epochs = (
            sum(cell.number(f"tune/{name}") or 0.0 for cell in self._tuned)
            for name in ("trials", "pruned", "failed", "lost", "epochs")
        )
        rate = percent(pruned / trials) if trials else "0"
        found = [say("sweep.trials", trials=_count(trials), pruned=_count(pruned), percent=rate)]
        lengths = [trial_epochs(cell) for cell in self._tuned]
        full = sum(
            (cell.number("tune/trials") or 0.0) * (length or 0)
            for cell, length in zip(self._tuned, lengths, strict=True)
        )
        if None in lengths or not full:
            found.append(say("sweep.epochs", epochs=_count(epochs)))
        elif epochs >= full:
            found.append(say("sweep.none_saved", epochs=_count(epochs), full=_count(full)))
        else:
            saved, rate = _count(full - epochs), percent((full - epochs) / full)
            found.append(say("sweep.saved", epochs=_count(epochs), full=_count(full), saved=saved, percent=rate))
        if failed or lost:
            found.append(say("sweep.broken", failed=_count(failed), lost=_count(lost)))
        return found

    def read(self) -> list[Markdown]:
        """What the figures are: equal budgets, a best value that was selected, and what the cells' results are."""
        lengths = {trial_epochs(cell) for cell in self._tuned}
        (length,) = lengths if len(lengths) == 1 else (None,)
        most = max(cell.number("tune/trials") or 0.0 for cell in self._tuned)
        return [
            say("same_length_unknown") if length is None else say("same_length", epochs=length),
            say("selection", trials=_count(most)),
            *self.of("sweep.from_trial", lambda cell: not was_refit(cell)),
            *self.of("sweep.shorter", _shorter),
            *self.of("sweep.refit", was_refit),
        ]

    def of(self, text: str, chosen: Callable[[CellData], bool]) -> list[Markdown]:
        """A sentence about some of the cells; nothing where it is about none."""
        cells = [cell for cell in self._tuned if chosen(cell)]
        return [say(text, cells=self._cells(cells))] if cells else []

    def grouped(self, of: Callable[[CellData], object], text: str) -> Markdown:
        """What is told of the cells, each thing with how many cells it holds for."""
        parts = (
            say(text, reason=reason, cells=say("cells", count=len(cells)))
            for reason, cells in _by(self._tuned, of).items()
        )
        return Markdown(", ".join(parts))

    def _cells(self, cells: Sequence[CellData]) -> Markdown:
        if len(cells) == len(self._tuned) > 1:
            return say("all_cells")
        return self._words.cells(cells, MAX_CELLS)


def _parameters(cells: Sequence[CellData]) -> Markdown | None:
    """The best values: a row a parameter, a column a cell, the recipe's first where it is the same for all cells."""
    best = {cell: best_parameters(cell) for cell in cells}
    tuned = list(dict.fromkeys(name for found in best.values() for name in found))
    if not tuned:
        return None
    heads = [Head(say("parameter")), Head(say("recipe"), right=True), *(Head(cell.name, right=True) for cell in cells)]
    rows = []
    for name in tuned:
        own = {cell: parameter(recipe_value(cell, name)) for cell in cells if name in best[cell]}
        same = len(set(own.values())) == 1
        row: list[object] = [name, next(iter(own.values())) if same else say("sweep.differs")]
        for cell in cells:
            value = parameter(best[cell][name]) if cell in own else say("none")
            told = say("sweep.of_recipe", value=value, recipe=own[cell]) if cell in own and not same else value
            row.append(told)
        rows.append(row)
    return grid(heads, rows)


def _importance(cells: Sequence[CellData], words: Wording) -> Markdown | None:
    """The parameters of each cell by importance, as far as the studies were read."""
    rows = []
    for cell in cells:
        found = cell.study.importance if cell.study else {}
        order = sorted(found.items(), key=lambda item: (-item[1], item[0]))
        if order:
            listed = Markdown(
                ", ".join(say("sweep.one", name=name, share=share(amount)) for name, amount in order[:MOST])
            )
            left = len(order) - MOST
            rows.append([words.cell(cell), say("more", listed=listed, count=left) if left > 0 else listed])
    return grid([Head(say("sweep.cell")), Head(say("sweep.order"))], rows) if rows else None


def _shorter(cell: CellData) -> bool:
    trial, recipe = trial_epochs(cell), recipe_epochs(cell)
    return not was_refit(cell) and trial is not None and recipe is not None and trial < recipe


def _by(cells: Iterable[CellData], of: Callable[[CellData], object]) -> dict[Markdown, list[CellData]]:
    found: dict[Markdown, list[CellData]] = {}
    for cell in cells:
        found.setdefault(Markdown(as_markdown(of(cell))), []).append(cell)
    return found


def _count(amount: float) -> str:
    return f"{amount:.0f}"
