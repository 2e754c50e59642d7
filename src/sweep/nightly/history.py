"""The history page of a night: how each of its cells has changed over the nights, read from MLflow."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sweep.nightly.gate import Limits, rule_of
from sweep.nightly.past import called_worse, cells_of, changes
from sweep.tracking import names

if TYPE_CHECKING:
    from sweep.report.history import CellHistory, Training
    from sweep.tracking.read import RunInfo
    from sweep.tracking.store import Store

MOST: Final = 400  # trainings of a cell, the newest ones: a year of nights


def history_folder(home: Path) -> Path:
    """Where the history of the nights of a home is written."""
    return home / "nightly" / "history"


def update_history(store: Store, sweep: RunInfo) -> Path:
    """Write the history of the cells of a nightly sweep, of those too that it took over; returns the page.

    Args:
        store: The opened store.
        sweep: The sweep's run; its report settings name the languages.
    """
    from sweep.report.history import write_history
    from sweep.report_settings import settings_of

    cells = read_history(store, sweep)
    metrics = {metric for cell in cells for training in cell.trainings for metric in training.metrics}
    judged = [metric for metric in metrics if rule_of(metric) is not None]
    languages = settings_of(sweep.tags.get(names.REPORT_SETTINGS)).lang
    return write_history(cells, judged, languages, history_folder(store.home))


def last_judged(store: Store) -> RunInfo | None:
    """The sweep of the last night that was judged; None where there is none."""
    from sweep.tracking.read import SWEEPS, search

    return next((run for run in search(store, SWEEPS) if names.REGRESSION in run.tags), None)


def read_history(store: Store, sweep: RunInfo) -> list[CellHistory]:
    """The trainings of each cell of a sweep, in grid order; cells without a finished one are left out."""
    from sweep.report.history import CellHistory
    from sweep.report.source import folders_of

    limits = Limits()
    cells = cells_of(store, sweep, MOST - 1)
    worse = called_worse(store, (run for cell in cells for run in (*cell.earlier, cell.run)))
    folders = folders_of([{"cell": cell.name, "run_id": cell.run.run_id} for cell in cells])
    found = []
    for cell, folder in zip(cells, folders, strict=True):
        each = (*cell.earlier, cell.run)
        trainings = [_training(store, run, before, worse) for run, before in zip(each, (None, *each), strict=False)]
        found.append(CellHistory(cell.name, folder, tuple(trainings), limits.window, limits.least))
    return found


def _training(
    store: Store, run: RunInfo, before: RunInfo | None, worse: Mapping[tuple[str, str], set[str]]
) -> Training:
    from sweep.report.history import Training
    from sweep.tracking.links import run_link

    return Training(
        started=datetime.fromtimestamp(run.start_ms / 1000, UTC),
        metrics={name: value for name, value in run.metrics.items() if names.is_summary(name)},
        worse=frozenset(worse.get((str(run.parent_run_id), str(run.cell)), ())),
        changed=() if before is None else tuple(changes(before, run)),
        link=run_link(store, run.run_id),
    )
