"""Learning curves and losses over the epochs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from sweep.report.data import CellData, SweepData
from sweep.report.figures.cells import caption, look_of, shown_cells
from sweep.report.figures.figure import Axis, Figure, Line, Look, Panel, Values
from sweep.report.figures.numbers import span, thinned, values
from sweep.report.figures.style import GREY
from sweep.report.texts import load_texts
from sweep.tracking import names

if TYPE_CHECKING:
    import pandas as pd

ACCURACY: Final = ("metrics/mAP50", "metrics/mAP50-95")
RATES: Final = ("metrics/precision", "metrics/recall")
PARTS: Final = ("box", "cls", "dfl")
SPLITS: Final = ("train", "val")
FEW: Final = 12  # epochs of which each has a marker


def sweep_curves(sweep: SweepData) -> Iterator[Figure]:
    """Yield mAP50 and mAP50-95 of each cell over the epochs, where any has them."""
    titles = load_texts("figures")["metrics"]
    panels = _panels(sweep, {metric: titles[metric] for metric in ACCURACY}, share=True)
    if panels:
        yield Figure("curves", _caption("curves", sweep), panels, columns=2)


def sweep_losses(sweep: SweepData) -> Iterator[Figure]:
    """Yield the losses of each cell over the epochs: a row a split, a column a loss."""
    titles = load_texts("figures")["losses"]
    panels = _panels(sweep, {metric: titles[metric] for metric in names.LOSSES}, share=False)
    if panels:
        yield Figure("losses", _caption("losses", sweep), panels, columns=3, panel_height=200)


def cell_curves(cell: CellData) -> Iterator[Figure]:
    """Yield accuracy, precision and recall of a cell over the epochs, and its best epoch."""
    texts = load_texts("figures")
    lines: list[list[Line]] = []
    for metrics, first in ((ACCURACY, 0), (RATES, 2)):
        named = enumerate(metrics, start=first)
        lines.append(_present(_line(cell.curves, m, texts["metrics"][m], look_of(index)) for index, m in named))
    best = cell.number(names.BEST_EPOCH)
    drawn = [group for group in lines if group]
    panels = []
    for group in drawn:
        y = Axis("", (0.0, _top(group)))
        mark = []
        if best is not None and any(best in line.x for line in group):  # named once, so that the legend ends with it
            name = str(texts["best_epoch"]).format(epoch=f"{best:.0f}") if group is drawn[-1] else ""
            mark = [Line(name, values((best, best)), values((0, y.range[1])), Look(GREY, "dash"), width=1.2)]
        panels.append(Panel("", _epochs(group), y, (*group, *mark)))
    if panels:
        yield Figure("curves", caption("curves", (), ()), tuple(panels), columns=2, panel_height=280)


def cell_losses(cell: CellData) -> Iterator[Figure]:
    """Yield the losses of a cell over the epochs, those of training and validation together."""
    texts = load_texts("figures")
    panels = []
    for part in PARTS:
        lines = _present(
            _line(cell.curves, f"{split}/{part}_loss", texts["splits"][split], look_of(index))
            for index, split in enumerate(SPLITS)
        )
        if lines:
            panels.append(Panel(texts["parts"][part], _epochs(lines), _losses(lines), tuple(lines)))
    if panels:
        yield Figure("losses", caption("losses", (), ()), tuple(panels), columns=3, panel_height=240)


def _panels(sweep: SweepData, titles: dict[str, str], *, share: bool) -> tuple[Panel, ...]:
    """A panel a metric. `share`: accuracies, which share their range from zero."""
    cells = shown_cells(sweep)
    found = {
        title: _present(_line(it.cell.curves, metric, it.label, it.look) for it in cells)
        for metric, title in titles.items()
    }
    every = [line for lines in found.values() for line in lines]
    return tuple(
        Panel(title, _epochs(every), Axis("", (0.0, _top(every))) if share else _losses(lines), tuple(lines))
        for title, lines in found.items()
        if lines
    )


def _caption(name: str, sweep: SweepData) -> str:
    drawn = [it for it in shown_cells(sweep) if it.cell.curves is not None]
    left = [cell for cell in sweep.finished if cell.curves is None] if sweep.left_out else []
    return caption(name, drawn, [*drawn, *left])


def _line(curves: pd.DataFrame | None, metric: str, name: str, look: Look) -> Line | None:
    """A metric over the epochs; None where there is nothing to draw."""
    if curves is None or metric not in curves:
        return None
    kept = thinned(len(curves))
    y = values(curves[metric].iloc[kept])
    if all(value is None for value in y):
        return None
    return Line(name, values(curves.index[kept]), y, look, markers=len(y) <= FEW or _alone(y))


def _alone(y: Values) -> bool:
    """Whether a point has no neighbour, so that no line shows it."""
    around = (None, *y, None)
    return any(
        value is not None and before is None and after is None
        for before, value, after in zip(around, y, around[2:], strict=False)
    )


def _present(lines: Iterator[Line | None]) -> list[Line]:
    return [line for line in lines if line is not None]


def _epochs(lines: Sequence[Line]) -> Axis:
    known = [x for line in lines for x in line.x if x is not None]
    low, high = min(known), max(known)
    air = 0.03 * (high - low) or 1.0
    return Axis(str(load_texts("figures")["epoch"]), (low - air, high + air), integers=True)


def _losses(lines: Sequence[Line]) -> Axis:
    return Axis("", span(y for line in lines for y in line.y))


def _top(lines: Sequence[Line]) -> float:
    """The end of an axis of accuracies: a little above the highest one, at most a little above 1."""
    highest = max(y for line in lines for y in line.y if y is not None)
    return highest * 1.06 if highest > 0 else 1.0
