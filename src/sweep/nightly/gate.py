"""Whether tonight's cells are worse than those of the nights before them: figures in, findings out.

A cell is judged by the median of its trailing window of trainings and by a spread that is pooled over all cells of the
night: each cell's own window is too short to tell how much trainings differ by chance. The spread is 1.4826 times the
median absolute deviation, which for normal noise is its standard deviation (Rousseeuw and Croux 1993).
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sweep.tracking import names

NORMAL: Final = 1.4826  # standard deviations in a median absolute deviation
OF_MEDIAN: Final = math.pi / 2  # variance of a median of n values, in those of one value over n


@dataclass(frozen=True)
class Limits:
    """When a change is called a regression.

    Attributes:
        window: of how many earlier trainings the usual value is taken.
        least: with fewer earlier trainings nothing is judged.
        one: how many spreads worse a night has to be.
        two: how many spreads worse two nights in a row have to be on average.
    """

    window: int = 21
    least: int = 5
    one: float = 4.2
    two: float = 3.8


@dataclass(frozen=True)
class Rule:
    """What is bad about a metric.

    Attributes:
        rises: whether a rise is bad; otherwise a fall.
        relative: whether it is judged by its ratio to the usual value.
        least: the least spread: a figure that was always the same may still change a little.
    """

    rises: bool
    relative: bool
    least: float


@dataclass(frozen=True)
class Series:
    """A metric of a cell: what earlier trainings gave, oldest first, and what tonight's gave."""

    cell: str
    metric: str
    earlier: tuple[float, ...]
    now: float


@dataclass(frozen=True)
class Finding:
    """A metric of a cell that has become worse.

    Attributes:
        cell: its name.
        metric: by its MLflow name.
        now: tonight's value.
        usual: the median of the window.
        spread: how much trainings differ by chance, in the metric's own unit.
        nights: 1 where tonight alone shows it, 2 where the last two nights do.
        spreads: how many spreads worse.
    """

    cell: str
    metric: str
    now: float
    usual: float
    spread: float
    nights: int
    spreads: float


def rule_of(metric: str) -> Rule | None:
    """What is bad about a metric; None for one that is not judged."""
    if metric in ("best/mAP50", "best/mAP50-95", "int8/mAP50", "int8/mAP50-95"):
        return Rule(rises=False, relative=False, least=0.001)
    if metric == names.TRAIN_TIME:
        return Rule(rises=True, relative=True, least=0.1)
    if metric in ("int8/latency_ms", "fp32/latency_ms"):  # on the host, beside whatever else it does
        return Rule(rises=True, relative=True, least=0.1)
    if metric in ("int8/size_mb", "fp32/size_mb"):
        return Rule(rises=True, relative=True, least=0.005)
    figure = _figure(metric)
    if figure in ("latency_ms", "npu_part_ms", "sram_kb"):
        return Rule(rises=True, relative=True, least=0.005)
    return Rule(rises=False, relative=False, least=0.1) if figure in ("op_pct", "mac_pct") else None


def _figure(metric: str) -> str:
    found = names.npu_figure(metric)
    return "" if found is None else found[1]


def regressions(series: Sequence[Series], limits: Limits | None = None) -> list[Finding]:
    """What has become worse, in the order of the series.

    Args:
        series: Of all cells and metrics of the night; those without a rule, or with too few earlier values, are passed
            over.
        limits: When a change counts.
    """
    limits = limits or Limits()
    judged = [one for one in series if rule_of(one.metric) is not None and len(one.earlier) >= limits.least]
    spreads = {metric: _spread([one for one in judged if one.metric == metric], limits) for metric in _metrics(judged)}
    return [finding for one in judged if (finding := _finding(one, spreads[one.metric], limits)) is not None]


def _metrics(series: Sequence[Series]) -> list[str]:
    return list(dict.fromkeys(one.metric for one in series))


def _worse(one: Series, limits: Limits) -> tuple[list[float], float]:
    """The window and tonight's value, so turned and scaled that more is worse."""
    rule = rule_of(one.metric)
    assert rule is not None
    sign = 1.0 if rule.rises else -1.0

    def turned(value: float) -> float:
        return sign * (math.log(max(value, 1e-12)) if rule.relative else value)

    return [turned(value) for value in one.earlier[-limits.window - 1 :]], turned(one.now)


def _spread(series: Sequence[Series], limits: Limits) -> float:
    """How much trainings of one cell differ by chance, over all cells."""
    rule = rule_of(series[0].metric)
    assert rule is not None
    away: list[float] = []
    for one in series:
        values, _ = _worse(one, limits)
        window = values[-limits.window :]
        middle = statistics.median(window)
        short = math.sqrt(len(window) / (len(window) - 1))  # the median lies nearer to its own values than to others
        away += [abs(value - middle) * short for value in window]
    return max(rule.least, NORMAL * statistics.median(away))


def _finding(one: Series, spread: float, limits: Limits) -> Finding | None:
    values, now = _worse(one, limits)
    window = values[-limits.window :]
    single = (now - statistics.median(window)) / (spread * math.sqrt(1 + OF_MEDIAN / len(window)))
    nights, far = (1, single) if single > limits.one else (0, 0.0)
    before = values[:-1][-limits.window :]
    if not nights and len(before) >= limits.least and single > 1:
        both = (now + values[-1]) / 2 - statistics.median(before)
        double = both / (spread * math.sqrt(1 / 2 + OF_MEDIAN / len(before)))
        nights, far = (2, double) if double > limits.two else (0, 0.0)
    if not nights:
        return None
    rule = rule_of(one.metric)
    assert rule is not None
    usual = statistics.median(one.earlier[-limits.window :])
    own = usual * (math.exp(spread) - 1) if rule.relative else spread
    return Finding(one.cell, one.metric, one.now, usual, own, nights, far)
