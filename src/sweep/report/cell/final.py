"""The final metrics: of the last epoch, and of the best checkpoint with its interval and its test figures."""

from __future__ import annotations

from sweep.report.cell.grid import Head, grid
from sweep.report.cell.headline import BEST, FINAL, ends
from sweep.report.cell.progress import curve, progress
from sweep.report.cell.wording import bold, interval, missing, percent, phrase, shown
from sweep.report.cells import number
from sweep.report.data import CellData
from sweep.report.render import Markdown
from sweep.tracking import names

# In the order of the reports that this one replaces.
DETECTION = ("mAP50", "mAP50-95", "precision", "recall")
LOSSES = ("box_loss", "cls_loss", "dfl_loss")
EVALUATED_ANEW = "evaluation"


def last_epoch(cell: CellData) -> int | None:
    """Return the last epoch that was logged; None where no curves were read."""
    told = progress(curve(cell, "metrics/mAP50")) or progress(curve(cell, "train/box_loss"))
    return told.last_epoch if told else None


def final_table(cell: CellData) -> Markdown:
    """Return the table of the last epoch, with the best checkpoint and its interval beside it where there are any."""
    best = any(cell.number(name) is not None for name in names.BEST)
    intervals = best and any(cell.number(name) is not None for name in names.INTERVAL_METRICS)
    epoch = last_epoch(cell)
    last = phrase("final.last") if epoch is None else phrase("final.last_epoch", epoch=epoch)
    heads = [Head(phrase("final.metric")), Head(last, right=True)]
    heads += [Head(_best_head(cell), right=True)] if best else []
    heads += [Head(phrase("final.interval"), right=True)] if intervals else []
    rows = []
    for name in DETECTION:
        value = cell.number(f"{FINAL}/{name}")
        row: list[object] = [bold(phrase(f"final.names.{name}")), bold(shown(cell, value))]
        row += [shown(cell, cell.number(f"{BEST}/{name}"))] if best else []
        row += [_interval(cell, name)] if intervals else []
        rows.append([*row, _detection_words(name, value)])
    for name in LOSSES:
        row = [bold(phrase(f"final.names.{name}")), _loss(cell, f"train/{name}")]
        rows.append([*row, *["–"] * (best + intervals), _loss_words(cell, name)])
    return grid([*heads, Head(phrase("final.words"))], rows)


def final_notes(cell: CellData) -> list[Markdown]:
    """Return what the figures are, and which are missing."""
    notes = [phrase("final.note_last")]
    if all(cell.number(name) is None for name in names.BEST):
        notes.append(phrase("final.note_no_best", missing=missing(cell)))
    else:
        anew = cell.tags.get(names.BEST_FROM, EVALUATED_ANEW) == EVALUATED_ANEW
        notes.append(phrase("final.note_best" if anew else "final.note_best_csv"))
        told = any(cell.number(name) is not None for name in names.INTERVAL_METRICS)
        notes.append(phrase("final.note_interval" if told else "final.note_no_interval", missing=missing(cell)))
    notes.append(_test(cell))
    return notes


def _best_head(cell: CellData) -> Markdown:
    epoch = cell.number(names.BEST_EPOCH)
    return phrase("final.best") if epoch is None else phrase("final.best_epoch", epoch=number(epoch, 0))


def _interval(cell: CellData, name: str) -> str:
    metric = f"{BEST}/{name}"
    return interval(cell, *(ends(cell, metric) or (None, None))) if metric in names.INTERVALS else "–"


def _detection_words(name: str, value: float | None) -> Markdown:
    meaning = phrase(f"final.meanings.{name}")
    return meaning if value is None else phrase("final.percent", percent=percent(value), meaning=meaning)


def _loss(cell: CellData, name: str) -> Markdown | str:
    """The loss of the last epoch; NaN is said to be NaN, for a loss that is no number is a finding."""
    value = cell.number(f"{FINAL}/{name}")
    if value is not None:
        return number(value, 3)
    points = curve(cell, name)
    return phrase("no_number") if points else missing(cell)


def _loss_words(cell: CellData, name: str) -> Markdown:
    meaning = phrase(f"final.meanings.{name}")
    validated = cell.number(f"{FINAL}/val/{name}")
    if validated is None:
        return phrase("final.train", meaning=meaning)
    return phrase("final.train_and_val", meaning=meaning, val=number(validated, 3))


def _test(cell: CellData) -> Markdown:
    values = [cell.number(name) for name in names.TEST]
    if all(value is None for value in values):
        return phrase("final.no_test", missing=missing(cell))
    told = {name: shown(cell, value) for name, value in zip(("map50", "map5095"), values, strict=True)}
    return phrase("final.test", **told)
