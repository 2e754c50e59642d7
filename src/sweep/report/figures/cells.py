"""Which cells a sweep's figures show, what they are called there, and how they look: the same in all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sweep.report.data import CellData, SweepData
from sweep.report.figures.figure import Look
from sweep.report.figures.labels import labels
from sweep.report.figures.style import COLORS, DASHES, LOOKS, SYMBOLS
from sweep.report.texts import load_texts

MAX_CELLS: Final = 20  # as many as `source.read_sweep` reads in detail


@dataclass(frozen=True, eq=False)
class Shown:
    """A cell of a figure."""

    cell: CellData
    label: str
    look: Look


def shown_cells(sweep: SweepData, also: Sequence[CellData] = ()) -> list[Shown]:
    """Return the finished cells that are shown by name, at most 20, in grid order: those in detail, then the best.

    Some of those asked for `also` follow, as many as there are looks for.
    """
    finished = sweep.finished
    order = sorted(range(len(finished)), key=lambda index: (*_place(finished[index], sweep.settings.ranked_by), index))
    chosen = [finished[index] for index in sorted(order[:MAX_CELLS])]
    chosen += [cell for cell in also if cell not in chosen][: LOOKS - len(chosen)]
    named = zip(chosen, labels([cell.name for cell in chosen]), strict=True)
    return [Shown(cell, label, look_of(index)) for index, (cell, label) in enumerate(named)]


def look_of(index: int) -> Look:
    """Return a look that no other of the first 24 has: colours first, then dashes and markers."""
    turn = index // len(COLORS)
    return Look(COLORS[index % len(COLORS)], list(DASHES)[turn % len(DASHES)], SYMBOLS[turn % len(SYMBOLS)])


def caption(name: str, shown: Sequence[object], of: Sequence[object]) -> str:
    """Return a figure's caption, which says where it shows some of the cells only."""
    texts = load_texts("figures")
    text = str(texts["captions"][name])
    if len(shown) == len(of):
        return text
    return str(texts["best_of"]).format(caption=text, shown=len(shown), all=len(of))


def _place(cell: CellData, metric: str) -> tuple[bool, float]:
    value = cell.number(metric)
    return cell.curves is None and cell.statistics is None, -(0.0 if value is None else value)
