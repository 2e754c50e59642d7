"""Strengths and weaknesses that follow from the figures: each rule a function, each sentence a text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sweep.report.cell.classes import class_figures
from sweep.report.cell.comparison import Peers, peers, target
from sweep.report.cell.deployment import DIGITS, drop
from sweep.report.cell.facts import recipe_number, title
from sweep.report.cell.final import LOSSES
from sweep.report.cell.headline import ends, source
from sweep.report.cell.npu import targets
from sweep.report.cell.progress import SETTLED_WITHIN, curve, progress
from sweep.report.cell.wording import joined, phrase
from sweep.report.cells import number
from sweep.report.columns import metric_column, target_title
from sweep.report.data import CellData, SweepData
from sweep.report.render import Markdown
from sweep.tracking import names

# A curve that comes near its end only in the last tenth of the epochs may as well be passing through.
SETTLED_BY: Final = 0.9
# Precision and recall this close are called balanced; the reference report calls 0.854 and 0.808 so.
BALANCED: Final = 0.05
# Beyond this, one of them is bought with the other: a threshold of its own is worth a look.
UNBALANCED: Final = 0.15
# One point of mAP is what a change of the seed makes on a small set; more than three is a loss that users see.
SMALL_DROP: Final = 0.01
LARGE_DROP: Final = 0.03
# Below this share of operators a network is handed back and forth between NPU and CPU.
LOW_PLACEMENT: Final = 90.0
# A validation loss that ends this far above its minimum has been fitted to the training images.
OVERFITTED: Final = 0.10
# The last epoch this far below the best checkpoint: the end of the training did harm.
FELL_AT_END: Final = 0.02
# An interval wider than this leaves most differences between cells open.
WIDE: Final = 0.10
# A class this far below the mean is what the mean hides.
WEAK_CLASS: Final = 0.20
# Below this the model has hardly learned to detect anything.
BARELY: Final = 0.05
MAX_WEAK: Final = 5  # classes named


@dataclass(frozen=True)
class Finding:
    """Something that the figures say: the name of a text under `findings`, and the values put in."""

    key: str
    values: Mapping[str, Any] = field(default_factory=dict)
    good: bool = True

    def sentence(self) -> Markdown:
        """Return it in the spoken language."""
        return phrase(f"findings.{self.key}", **self.values)


Rule = Callable[[SweepData, CellData], Iterator[Finding]]


def findings(sweep: SweepData, cell: CellData) -> tuple[Finding, ...]:
    """Return all that the rules find, in their order; strengths are `good`."""
    return tuple(finding for rule in RULES for finding in rule(sweep, cell))


def _learned(sweep: SweepData, cell: CellData) -> Iterator[Finding]:
    value = cell.number(f"{source([cell])}/mAP50")
    if value is not None and value < BARELY:
        yield Finding("barely", {"value": number(value, 3)}, good=False)
    # Weights that are NaN stay so: the last epoch tells. A gap before it may be an epoch that was not logged.
    ends_of = {name: progress(curve(cell, f"train/{name}")) for name in LOSSES}
    lost = [name for name, loss in ends_of.items() if loss is not None and loss.last is None]
    if lost:
        told = joined(phrase(f"final.names.{name}") for name in lost)
        yield Finding("nan_losses", {"losses": told}, good=False)


def _completed(sweep: SweepData, cell: CellData) -> Iterator[Finding]:
    told, planned = progress(curve(cell, "metrics/mAP50")), recipe_number(cell, "epochs")
    if told is None or planned is None:
        return
    if told.last_epoch >= planned:
        yield Finding("completed", {"epochs": number(planned, 0)})
    else:
        yield Finding("stopped", {"epoch": told.last_epoch, "epochs": number(planned, 0)}, good=False)


def _converged(sweep: SweepData, cell: CellData) -> Iterator[Finding]:
    told = progress(curve(cell, "metrics/mAP50"))
    if told is None or told.settled is None or told.last_epoch == told.first_epoch:
        return
    values: dict[str, object] = {"epoch": told.settled, "last": told.last_epoch}
    values["within"] = number(100 * SETTLED_WITHIN, 0)
    if told.settled <= SETTLED_BY * told.last_epoch:
        yield Finding("converged", values)
    else:
        moving = told.settled == told.last_epoch
        yield Finding("moving" if moving else "not_converged", values, good=False)


def _ended_well(sweep: SweepData, cell: CellData) -> Iterator[Finding]:
    best, last = cell.number("best/mAP50"), cell.number("final/mAP50")
    if best is not None and last is not None and best - last > FELL_AT_END:
        values = {"best": number(best, 3), "last": number(last, 3), "difference": number(best - last, 3)}
        yield Finding("fell_at_end", values, good=False)
    for name in LOSSES:
        points = {epoch: value for epoch, value in curve(cell, f"val/{name}").items() if value == value}  # noqa: PLR0124
        if not points:
            continue
        lowest, end = min(points, key=lambda epoch: (points[epoch], epoch)), points[max(points)]
        if 0 < points[lowest] * (1 + OVERFITTED) < end:
            ends_at = {"lowest": number(points[lowest], 3), "end": number(end, 3)}
            told = {"loss": phrase(f"final.names.{name}"), "epoch": str(lowest), **ends_at}
            yield Finding("overfitted", told, good=False)


def _balanced(sweep: SweepData, cell: CellData) -> Iterator[Finding]:
    told = source([cell])
    precision, recall = cell.number(f"{told}/precision"), cell.number(f"{told}/recall")
    if precision is None or recall is None:
        return
    gap = abs(precision - recall)
    values = {"precision": number(precision, 3), "recall": number(recall, 3), "gap": number(gap, 3)}
    if gap <= BALANCED and min(precision, recall) > BARELY:
        yield Finding("balanced", values)
    elif gap > UNBALANCED:
        yield Finding("precise" if precision > recall else "sensitive", values, good=False)


def _accuracy(sweep: SweepData, cell: CellData) -> Iterator[Finding]:
    for axis in ("level", "act"):
        found = peers(sweep, cell, axis)
        if found is None:
            continue
        metric = f"{found.source}/mAP50"
        own = cell.number(metric)
        others = [(value, other) for other in found.cells if other is not cell and (value := other.number(metric))]
        if own is None or not others or not cell.finished:
            continue
        second, runner = max(others, key=lambda entry: entry[0])
        if own > second:
            values = {"value": number(own, 3), "second": number(second, 3), "other": title(runner)}
            yield Finding(f"top_{axis}_{_certainty(found, runner)}", values)


def _certainty(found: Peers, runner: CellData) -> str:
    """Whether the first of these cells is better than the next by more than chance, and tied with none."""
    second = next((entry for entry in found.standings if entry.cell is runner), None)
    if second is None or not second.compared:
        return "untested"
    return "tied" if found.standings[0].tied else "clear"


def _lightest(sweep: SweepData, cell: CellData) -> Iterator[Finding]:
    """In what it alone is best of its series, of what costs: placement, latency, size."""
    found, chosen = peers(sweep, cell, "level"), target(sweep)
    if found is None:
        return
    npu = [names.npu_metric(chosen, figure) for figure in ("op_pct", "latency_ms")] if chosen else []
    firsts = []
    for metric in (*npu, "int8/size_mb", names.PARAMS, names.GFLOPS):
        own = cell.number(metric)
        others = [value for other in found.cells if other is not cell and (value := other.number(metric)) is not None]
        if own is None or not others:
            continue
        column = metric_column(metric, cell.facts)
        second = max(others) if column.better == "up" else min(others)
        if own > second if column.better == "up" else own < second:
            digits = column.digits or 0
            told = {"value": number(own, digits), "second": number(second, digits)}
            firsts.append(phrase("findings.first", figure=column.heading, **told))
    if firsts:
        yield Finding("first_of_series", {"figures": joined(firsts)})


def _placement(sweep: SweepData, cell: CellData) -> Iterator[Finding]:
    shares = {name: cell.number(names.npu_metric(name, "op_pct")) for name in targets(sweep)}
    whole = [target_title(name, cell.facts) for name, share in shares.items() if share is not None and share >= 100]
    if whole:
        yield Finding("all_on_npu", {"targets": joined(whole)})
    for name, share in shares.items():
        if share is not None and share < LOW_PLACEMENT:
            values = {"target": target_title(name, cell.facts), "share": number(share, 1)}
            yield Finding("low_placement", values, good=False)


def _int8(sweep: SweepData, cell: CellData) -> Iterator[Finding]:
    lost = drop(cell)
    if lost is None:
        return
    before, after = cell.number("fp32/mAP50") or 0.0, cell.number("int8/mAP50") or 0.0
    values = {"before": number(before, DIGITS), "after": number(after, DIGITS)}
    values["change"] = number(-lost, DIGITS, signed=True)
    if lost < SMALL_DROP:
        yield Finding("int8_keeps", values)
    elif lost > LARGE_DROP:
        yield Finding("int8_loses", values, good=False)


def _certain(sweep: SweepData, cell: CellData) -> Iterator[Finding]:
    told = ends(cell, "best/mAP50")
    if told is None:
        return
    lo, hi = told
    values = {"lo": number(lo, 3), "hi": number(hi, 3)}
    if hi - lo > WIDE:
        yield Finding("wide_interval", {**values, "width": number(hi - lo, 3)}, good=False)
    test = cell.number("test/mAP50")
    if test is not None and test < lo:
        yield Finding("test_below", {**values, "test": number(test, 3)}, good=False)
    elif test is not None:
        yield Finding("test_holds", {**values, "test": number(test, 3)})


def _classes(sweep: SweepData, cell: CellData) -> Iterator[Finding]:
    figures = class_figures(cell.statistics) if cell.statistics is not None else ()
    if len(figures) < 2:
        return
    mean = sum(it.ap50 for it in figures) / len(figures)
    weak = [it for it in figures if it.ap50 < mean - WEAK_CLASS]
    if weak:
        told = joined(phrase("findings.class", name=it.name, ap50=number(it.ap50, 3)) for it in weak[:MAX_WEAK])
        yield Finding("weak_classes", {"classes": told, "count": len(weak), "mean": number(mean, 3)}, good=False)


RULES: Final[tuple[Rule, ...]] = (
    _learned,
    _completed,
    _converged,
    _ended_well,
    _balanced,
    _accuracy,
    _lightest,
    _placement,
    _int8,
    _certain,
    _classes,
)
