"""What the cell is worth: its figures, its place in the sweep, and whether the sweep recommends it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from sweep.report.cell.comparison import target
from sweep.report.cell.deployment import DIGITS, drop
from sweep.report.cell.facts import title
from sweep.report.cell.headline import ends, source
from sweep.report.cell.npu import latency
from sweep.report.cell.wording import joined, phrase
from sweep.report.cells import number
from sweep.report.columns import heading, metric_column, target_title
from sweep.report.data import CellData, SweepData
from sweep.report.ranking import Standing, rank
from sweep.report.recommend import recommend
from sweep.report.recommendation import Miss, Recommendation
from sweep.report.render import Markdown
from sweep.tracking import names

MAX_TIED: Final = 5  # cells named in one sentence


def conclusion(sweep: SweepData, cell: CellData) -> list[Markdown]:
    """Return what the cell is, in sentences made from its figures."""
    lines = [_accuracy(sweep, cell), _place(sweep, cell)]
    chosen = target(sweep)
    share = cell.number(names.npu_metric(chosen, "op_pct")) if chosen else None
    if chosen and share is not None:
        time = latency(cell, chosen)
        told = {"target": target_title(chosen, cell.facts), "share": number(share, 1)}
        if time is None:
            lines.append(phrase("conclusion.placement", **told))
        else:
            lines.append(phrase("conclusion.placement_latency", latency=time, **told))
    lost, size = drop(cell), cell.number("int8/size_mb")
    if lost is not None:
        told = {"change": number(-lost, DIGITS, signed=True), "size": number(size, 2) if size is not None else ""}
        lines.append(phrase("conclusion.int8" if size is None else "conclusion.int8_size", **told))
    return lines


def recommendation(sweep: SweepData, cell: CellData) -> list[Markdown]:
    """Return whether the sweep recommends this cell, or which one instead and why."""
    found = _recommended(sweep)
    if found.cell is None:
        lines = [phrase("recommendation.nobody")]
    elif found.cell is cell:
        return [_this(found, cell), *_heavier(found)]
    else:
        lines = [_instead(found, found.cell, cell)]
    own = next((entry for entry in found.excluded if entry.cell is cell), None)
    lines += [_miss(cell, miss) for miss in own.misses] if own else []
    return lines


@lru_cache(maxsize=2)
def _recommended(sweep: SweepData) -> Recommendation:
    return recommend(sweep)


@lru_cache(maxsize=2)
def _ranked(sweep: SweepData) -> tuple[Standing, ...]:
    return rank(sweep)


def _accuracy(sweep: SweepData, cell: CellData) -> Markdown:
    told = source([cell])
    value, told_ends = cell.number(f"{told}/mAP50"), ends(cell, f"{told}/mAP50")
    if value is None:
        return phrase("conclusion.no_accuracy", title=title(cell))
    values = {"title": title(cell), "value": number(value, 3), "source": phrase(f"conclusion.{told}")}
    if told_ends is None:
        return phrase("conclusion.accuracy", **values)
    lo, hi = told_ends
    return phrase("conclusion.accuracy_interval", lo=number(lo, 3), hi=number(hi, 3), **values)


def _place(sweep: SweepData, cell: CellData) -> Markdown:
    order = _ranked(sweep)
    own = next((entry for entry in order if entry.cell is cell), None)
    metric = heading(sweep.settings.ranked_by, {})
    if own is None:
        return phrase("conclusion.unranked", metric=metric)
    if len(order) == 1:
        return phrase("conclusion.only")
    leader = order[0]
    if own is leader:
        tied = [entry.cell for entry in order[1:] if entry.tied]
        key = "leads_untested" if not leader.compared else "leads_tied" if tied else "leads"
        return phrase(f"conclusion.{key}", metric=metric, count=len(order), others=_named(tied))
    values = {
        "metric": metric,
        "count": len(order),
        "rank": own.rank,
        "leader": leader.cell.name,
        "difference": "–" if own.difference is None else number(own.difference, 3, signed=True),
    }
    if own.diff_lo is None or own.diff_hi is None:
        return phrase("conclusion.behind_untested", **values)
    values |= {"lo": number(own.diff_lo, 3, signed=True), "hi": number(own.diff_hi, 3, signed=True)}
    return phrase("conclusion.tied" if own.tied else "conclusion.behind", **values)


def _named(cells: Sequence[CellData]) -> Markdown:
    told = joined(cell.name for cell in cells[:MAX_TIED])
    more = len(cells) - MAX_TIED
    return phrase("conclusion.more", cells=told, count=more) if more > 0 else told


def _this(found: Recommendation, cell: CellData) -> Markdown:
    """Why it is this one: the most accurate, or tied with that one and lighter."""
    best = found.standings[0].cell
    key = f"recommendation.this{'_required' if found.requirements() else ''}{'' if best is cell else '_tied'}"
    values = {} if best is cell else {"best": best.name}
    return phrase(key, metric=heading(found.metric, {}), **values)


def _heavier(found: Recommendation) -> list[Markdown]:
    """What it was preferred to though neither is more accurate."""
    lines = []
    for other in found.heavier[:MAX_TIED]:
        if other.metric is None or other.own is None or other.other is None:
            continue
        digits = metric_column(other.metric).digits or 0
        values = {"cell": other.cell.name, "figure": heading(other.metric, {})}
        own, others = number(other.own, digits), number(other.other, digits)
        lines.append(phrase("recommendation.lighter", own=own, other=others, **values))
    return lines


def _instead(found: Recommendation, better: CellData, cell: CellData) -> Markdown:
    """The recommended cell with the figures that stand against this one's."""
    told = []
    chosen = found.target
    npu = [names.npu_metric(chosen, figure) for figure in ("op_pct", "latency_ms")] if chosen else []
    for metric in (found.metric, *npu, "int8/size_mb", names.PARAMS):
        theirs, own = better.number(metric), cell.number(metric)
        if theirs is None or own is None or theirs == own:
            continue
        digits = 3 if metric == found.metric else metric_column(metric).digits or 0
        values = {"figure": heading(metric, better.facts), "theirs": number(theirs, digits), "own": number(own, digits)}
        told.append(phrase("recommendation.against", **values))
    key = "recommendation.instead" if told else "recommendation.instead_alone"
    return phrase(key, cell=better.name, title=title(better), figures=joined(told))


def _miss(cell: CellData, miss: Miss) -> Markdown:
    figure = heading(miss.metric, cell.facts) if miss.metric else ""
    if miss.value is None or miss.limit is None:
        key = "miss_metric" if miss.rule == "metric" else "miss_unmeasured" if figure else "miss_nothing"
        return phrase(f"recommendation.{key}", figure=figure)
    digits = metric_column(miss.metric or "").digits or 0
    key = "miss_least" if miss.rule == "npu_pct" else "miss_most"
    return phrase(f"recommendation.{key}", figure=figure, value=number(miss.value, digits), limit=f"{miss.limit:g}")
