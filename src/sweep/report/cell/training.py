"""How the training went, in sentences: mAP50 and the losses from the first epoch to the last."""

from __future__ import annotations

from typing import Final

from sweep.report.cell.final import LOSSES
from sweep.report.cell.grid import Head, grid
from sweep.report.cell.progress import SETTLED_WITHIN, Progress, curve, factor, fall, progress
from sweep.report.cell.wording import bold, phrase
from sweep.report.cells import number
from sweep.report.data import CellData, SweepData
from sweep.report.render import Markdown

METRIC: Final = "metrics/mAP50"
# Below this a factor says less than a percentage: 1.3 times is "30 % more".
SMALL_FACTOR: Final = 2.0
WHOLE_FACTOR: Final = 10.0  # from here a factor has no digits


def progress_lines(sweep: SweepData, cell: CellData) -> list[Markdown]:
    """Return the progress of mAP50, a line a fact; or why there is none."""
    told = progress(curve(cell, METRIC))
    if told is None:
        if cell.curves is None and not cell.finished:
            return [phrase("progress.not_read")]
        return [phrase("progress.left_out" if cell.curves is None and sweep.left_out else "progress.no_curve")]
    lines = [
        phrase(
            "progress.rise",
            first_epoch=told.first_epoch,
            first=_value(told.first),
            last_epoch=told.last_epoch,
            last=_value(told.last),
            change=_change(told),
        )
    ]
    if told.last_epoch == told.first_epoch:
        return [*lines, phrase("progress.one_epoch")]
    if told.half_epoch is not None:
        lines.append(phrase("progress.half", epoch=told.half_epoch, value=_value(told.half)))
    return [*lines, _settled(told)]


def loss_table(cell: CellData) -> Markdown | None:
    """Return each loss, first epoch to last with its change, in training and, where logged, in validation."""
    curves = {name: progress(curve(cell, name)) for kind in ("train", "val") for name in _losses(kind)}
    if not any(curves.values()):
        return None
    validated = any(curves[name] for name in _losses("val"))
    kinds = ("train", "val") if validated else ("train",)
    heads = [Head(phrase("losses.loss"))]
    for kind in kinds:
        heads += [Head(phrase(f"losses.{kind}"), right=True), Head(phrase("losses.change"), right=True)]
    rows = []
    for name in LOSSES:
        row: list[object] = [bold(phrase(f"final.names.{name}"))]
        for kind in kinds:
            row += _loss_cells(curves[f"{kind}/{name}"])
        rows.append(row)
    return grid(heads, rows)


def _losses(kind: str) -> list[str]:
    return [f"{kind}/{name}" for name in LOSSES]


def _loss_cells(told: Progress | None) -> list[object]:
    if told is None:
        return [phrase("losses.not_logged"), "–"]
    arrow = phrase("losses.arrow", first=_value(told.first), last=_value(told.last))
    return [arrow, _loss_change(told)]


def _loss_change(told: Progress) -> Markdown | str:
    fallen = fall(told.first, told.last)
    if fallen is None or told.first_epoch == told.last_epoch:
        return "–"
    if abs(fallen) < 0.5:  # it would read 0 %
        return phrase("losses.same")
    return phrase("losses.fell" if fallen > 0 else "losses.rose", percent=number(abs(fallen), 0))


def _change(told: Progress) -> Markdown:
    times = factor(told.first, told.last)
    if told.first_epoch == told.last_epoch or told.first is None or told.last is None:
        return Markdown("")
    if times is None:
        return phrase("progress.from_zero") if told.first == 0 < told.last else Markdown("")
    if times >= SMALL_FACTOR:
        return phrase("progress.times", factor=number(times, 0 if times >= WHOLE_FACTOR else 1))
    change = number(abs(100 * (times - 1)), 1)
    return phrase("progress.more" if times > 1 else "progress.same" if times == 1 else "progress.less", percent=change)


def _settled(told: Progress) -> Markdown:
    within = number(100 * SETTLED_WITHIN, 0)
    if told.last is not None and told.last == 0:
        return phrase("progress.zero")
    if told.settled is None:
        return phrase("progress.no_end")
    if told.settled >= told.last_epoch:
        return phrase("progress.moving", within=within)
    return phrase("progress.settled", epoch=told.settled, within=within, last=told.last_epoch)


def _value(value: float | None) -> str | Markdown:
    return phrase("no_number") if value is None else number(value, 3)
