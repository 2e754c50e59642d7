"""A sweep as its report sees it: plain values that were read from MLflow, and nothing else."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sweep.report.axes import plain, word
from sweep.report.compare import FINISHED
from sweep.report_settings import ReportSettings

if TYPE_CHECKING:
    import pandas as pd

    from sweep.report.study import Study
    from sweep.statistics.images import ImageStatistics
    from sweep.tracking.measured import TargetFacts


@dataclass(frozen=True, eq=False)
class CellData:
    """A cell.

    Attributes:
        name: as its run and the tables call it; it can hold anything.
        folder: the name of its folder in the report: safe for every file system, and no other cell's.
        run_id: of its run; None where it never had one.
        status: finished, failed, killed, skipped, running or missing.
        reason: why it failed.
        values: its row of `tracking.read.sweep_cells`, trusted (`report.measurements`): params as text, metrics as
            numbers, by their MLflow names. What it does not have is absent.
        facts: what its measured figures are, by target.
        tags: those of its run.
        started: in UTC; None where it has no run. So `ended`.
        curves: its metrics over the epochs, as `tracking.read.curves` gives them; None where they were not read.
        statistics: of its evaluation, by image; None where there are none, or they were not read.
        study: of its tuning; None where it was not tuned, or where its study was not read.
        link: the address of its run in MLflow's UI.
        artifact_uri: where its run keeps artifacts.
    """

    name: str
    folder: str
    run_id: str | None
    status: str
    reason: str | None
    values: Mapping[str, Any]
    facts: Mapping[str, TargetFacts] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    started: datetime | None = None
    ended: datetime | None = None
    curves: pd.DataFrame | None = None
    statistics: ImageStatistics | None = None
    study: Study | None = None
    link: str | None = None
    artifact_uri: str | None = None

    @property
    def finished(self) -> bool:
        """Whether its training came to its end."""
        return self.status == FINISHED

    def number(self, metric: str) -> float | None:
        """Return a metric; None where it is missing or no number (NaN). Infinity is a number."""
        value = plain(self.values.get(metric))
        return float(value) if isinstance(value, int | float) and not math.isnan(value) else None

    def text(self, name: str) -> str:
        """Return a parameter as a word (`4` for 4.0), nothing where it is missing."""
        return word(plain(self.values.get(name)))


@dataclass(frozen=True, eq=False)
class SweepData:
    """A sweep.

    Attributes:
        id: the sweep's id.
        run_id: of its parent run.
        name: of that run.
        command: what the user typed.
        tags: of its run: versions, commit, host.
        started: in UTC. So `ended`, None while it runs.
        cells: in grid order.
        frame: the cells as `tracking.read.sweep_cells` gives them, trusted: what the tables are made of. A row a cell,
            in the order of `cells`.
        settings: languages and rules.
        link: the address that compares its runs in MLflow's UI.
        baseline: an earlier sweep to compare with.
        left_out: how many cells have neither curves nor statistics here, though they may have some in MLflow.
    """

    id: str
    run_id: str
    name: str
    command: str
    tags: Mapping[str, str]
    started: datetime | None
    ended: datetime | None
    cells: tuple[CellData, ...]
    frame: pd.DataFrame
    settings: ReportSettings
    link: str | None = None
    baseline: SweepData | None = None
    left_out: int = 0

    @property
    def finished(self) -> tuple[CellData, ...]:
        """The cells whose training came to its end."""
        return tuple(cell for cell in self.cells if cell.finished)
