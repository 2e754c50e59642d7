"""What the rules of the recommendation found, as values: its sentences are texts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from sweep.report.data import CellData
from sweep.report.ranking import Standing
from sweep.report_settings import Require
from sweep.tracking import names

Rule = Literal["npu_pct", "latency_ms", "size_mb", "metric"]
Sort = Literal["without", "accuracy", "metric", "same_metric", "nobody"]

SIZE: Final = "int8/size_mb"


@dataclass(frozen=True)
class Miss:
    """Why a cell is out.

    Attributes:
        rule: the requirement, or `metric`: the cell lacks the metric that ranks.
        metric: the figure that the rule looks at, by its MLflow name; None where nothing was measured at all.
        limit: what the rule asks; None for `metric`.
        value: the cell's figure; None where it was not measured.
    """

    rule: Rule
    metric: str | None
    limit: float | None
    value: float | None


@dataclass(frozen=True, eq=False)
class Excluded:
    """A finished cell that is out, and why."""

    cell: CellData
    misses: tuple[Miss, ...]


@dataclass(frozen=True, eq=False)
class Heavier:
    """A cell that is tied with the recommended one, and lost to it by weight.

    Attributes:
        cell: the heavier one.
        metric: the figure that decided; None: all are equal or not measured, the order of the grid decided.
        own: that figure of the recommended cell. `other`: of this one.
    """

    cell: CellData
    metric: str | None
    own: float | None
    other: float | None


@dataclass(frozen=True, eq=False)
class Change:
    """What would change the recommendation, or would not.

    Attributes:
        sort: `without`: the requirement `rule` dropped gives `cell`. `accuracy`: accuracy alone gives `cell`. `metric`:
            the other metric gives `cell`. `same_metric`: the other metric gives the same cell. `nobody`: no cell whose
            figure was measured meets `rule`, and `cell` comes nearest; None where nothing was measured.
        rule: the requirement.
        metric: the figure that `rule` looks at, or the metric that would rank.
        cell: what would be recommended.
        limit: of the requirement.
        value: the figure of `cell` that the rule looks at.
        gain: the ranking metric of `cell` less that of the recommended cell; None where none is recommended.
        lo: lower end of the gain's 95 % interval, None where it was not compared. So `hi`.
    """

    sort: Sort
    rule: Rule | None = None
    metric: str | None = None
    cell: CellData | None = None
    limit: float | None = None
    value: float | None = None
    gain: float | None = None
    lo: float | None = None
    hi: float | None = None


@dataclass(frozen=True, eq=False)
class Recommendation:
    """What the rules found.

    Attributes:
        cell: the recommended cell; None where no cell qualifies.
        metric: what ranks, by its MLflow name.
        target: the target whose placement and latency count; None where no target was measured.
        require: the requirements.
        standings: of the cells that qualify; the first is the most accurate.
        standing: of the recommended cell among them.
        heavier: the cells that are tied with it and lost by weight.
        excluded: the finished cells that are out, in grid order.
        changes: what would change it.
    """

    cell: CellData | None
    metric: str
    target: str | None
    require: Require
    standings: tuple[Standing, ...] = ()
    standing: Standing | None = None
    heavier: tuple[Heavier, ...] = ()
    excluded: tuple[Excluded, ...] = ()
    changes: tuple[Change, ...] = ()

    @property
    def compared(self) -> bool:
        """Whether the most accurate cell was tested against any other that qualifies."""
        return bool(self.standings) and self.standings[0].compared

    def requirements(self) -> tuple[tuple[Rule, str | None, float], ...]:
        """Return what is asked: the rule, the figure that it looks at, its limit."""
        return asked(self.require, self.target)


def asked(require: Require, target: str | None) -> tuple[tuple[Rule, str | None, float], ...]:
    """Return each requirement with the figure that it looks at (None without a target) and its limit."""
    found: list[tuple[Rule, str | None, float]] = []
    if require.npu_pct is not None:
        found.append(("npu_pct", target and names.npu_metric(target, "op_pct"), require.npu_pct))
    if require.latency_ms is not None:
        found.append(("latency_ms", target and names.npu_metric(target, "latency_ms"), require.latency_ms))
    if require.size_mb is not None:
        found.append(("size_mb", SIZE, require.size_mb))
    return tuple(found)
