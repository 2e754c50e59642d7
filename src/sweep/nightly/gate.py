"""Whether tonight's cells are worse than those of the nights before them: figures in, findings out.

A cell is judged by the median of its trailing window of trainings and by a spread that is pooled over all cells of the
night: each cell's own window is too short to tell how much trainings differ by chance. The spread is 1.4826 times the
median absolute deviation, which for normal noise is its standard deviation (Rousseeuw and Croux 1993).

One training tells little: of cells that are as good as ever one in forty is two spreads worse by chance. Such a cell is
trained again before anything is said of it (`suspected`), and the mean of all its trainings of the night is judged.
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
        worse: how many standard errors worse a night has to be.
        suspect: how many make a cell worth more trainings.
        certain: how many need none.
        small: how far a spread that was taken from few values is distrusted: by this over their number.
    """

    window: int = 21
    least: int = 5
    worse: float = 4.5
    suspect: float = 1.75
    certain: float = 6.0
    small: float = 2.0


@dataclass(frozen=True)
class Rule:
    """What is bad about a metric.

    Attributes:
        rises: whether a rise is bad; otherwise a fall.
        relative: whether it is judged by its ratio to the usual value.
        least: the least spread: a figure that was always the same may still change a little.
        trained: whether it depends on the chances of training, so that further trainings tell more of it.
        timed: whether it depends on the machine and on what runs beside it.
    """

    rises: bool
    relative: bool
    least: float
    trained: bool = False
    timed: bool = False


@dataclass(frozen=True)
class Series:
    """A metric of a cell: what earlier trainings gave, oldest first, and what those of tonight did.

    Without one of tonight it is not judged, but tells how much trainings differ.
    """

    cell: str
    metric: str
    earlier: tuple[float, ...]
    now: tuple[float, ...]


@dataclass(frozen=True)
class Finding:
    """A metric of a cell that has become worse.

    Attributes:
        cell: its name.
        metric: by its MLflow name.
        now: tonight's value, the mean over its trainings.
        trainings: how many there were tonight.
        usual: the median of the window.
        spread: how much trainings differ by chance, in the metric's own unit.
        errors: how many standard errors of such a difference it is worse.
        spread_known: whether `spread` is what was found; otherwise trainings hardly differed, and it is the least.
    """

    cell: str
    metric: str
    now: float
    trainings: int
    usual: float
    spread: float
    errors: float
    spread_known: bool


def rule_of(metric: str) -> Rule | None:
    """What is bad about a metric; None for one that is not judged."""
    if metric in ("best/mAP50", "best/mAP50-95", "int8/mAP50", "int8/mAP50-95"):
        return Rule(rises=False, relative=False, least=0.003, trained=True)
    if metric in (names.TRAIN_TIME, "int8/latency_ms", "fp32/latency_ms"):  # on the host, beside what else it does
        return Rule(rises=True, relative=True, least=0.1, timed=True)
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
    return [one.finding() for one in _judged(series, limits) if one.errors > limits.worse]


def suspected(series: Sequence[Series], limits: Limits | None = None) -> list[str]:
    """The cells that more trainings would tell more of: they look worse, and not so much that it is certain.

    Args:
        series: As of `regressions`, with one training of tonight each.
        limits: When a cell is worth it.
    """
    limits = limits or Limits()
    judged = _judged(series, limits)
    certain = {one.series.cell for one in judged if one.errors > limits.certain}
    doubtful = dict.fromkeys(one.series.cell for one in judged if one.errors > limits.suspect and one.rule.trained)
    return [cell for cell in doubtful if cell not in certain]


@dataclass(frozen=True)
class _Judged:
    """A series beside its spread.

    Attributes:
        series: the series.
        rule: what is bad about its metric.
        spread: how much trainings differ by chance; of a relative metric in its logarithm.
        usual: the median of the window.
        errors: how many standard errors worse; of a spread from few values fewer.
    """

    series: Series
    rule: Rule
    spread: float
    usual: float
    errors: float

    def finding(self) -> Finding:
        one, rule = self.series, self.rule
        own = self.usual * (math.exp(self.spread) - 1) if rule.relative else self.spread
        now = statistics.fmean(one.now)
        return Finding(one.cell, one.metric, now, len(one.now), self.usual, own, self.errors, self.spread > rule.least)


def _judged(series: Sequence[Series], limits: Limits) -> list[_Judged]:
    """The series that can be judged, in their order."""
    with_rules = [(_usable(one), rule_of(one.metric)) for one in series]
    known = [(one, rule) for one, rule in with_rules if rule is not None and len(one.earlier) >= limits.least]
    found = {}
    for metric, rule in {one.metric: rule for one, rule in known}.items():
        windows = [_worse(one.earlier[-limits.window :], rule) for one, _ in known if one.metric == metric]
        trust = 1 + limits.small / sum(map(len, windows))
        found[metric] = max(rule.least, _spread(windows)), trust
    return [_beside(one, rule, *found[one.metric], limits) for one, rule in known if one.now]


def _usable(one: Series) -> Series:
    """A series without what is no number; of figures that further trainings tell nothing of only the first one."""
    rule, earlier = rule_of(one.metric), tuple(filter(math.isfinite, one.earlier))
    now = one.now if rule is not None and rule.trained else one.now[:1]
    return Series(one.cell, one.metric, earlier, tuple(value for value in now if not math.isnan(value)))


def _beside(one: Series, rule: Rule, spread: float, trust: float, limits: Limits) -> _Judged:
    window = one.earlier[-limits.window :]
    usual = statistics.median(_worse(window, rule))
    now = statistics.fmean(_worse(one.now, rule))
    error = spread * math.sqrt(1 / len(one.now) + OF_MEDIAN / len(window))
    return _Judged(one, rule, spread, statistics.median(window), (now - usual) / (error * trust))


def _worse(values: Sequence[float], rule: Rule) -> list[float]:
    """Values so turned and scaled that more is worse."""
    sign = 1.0 if rule.rises else -1.0
    return [sign * (math.log(max(value, 1e-12)) if rule.relative else value) for value in values]


def _spread(windows: Sequence[Sequence[float]]) -> float:
    """How much trainings of one cell differ by chance, over all cells."""
    away: list[float] = []
    for window in windows:
        middle = statistics.median(window)
        short = math.sqrt(len(window) / (len(window) - 1))  # the median lies nearer to its own values than to others
        away += [abs(value - middle) * short for value in window]
    return NORMAL * statistics.median(away)
