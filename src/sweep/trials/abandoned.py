"""Close the trials that the workers of a stopped sweep have left open."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from sweep.tracking import names
from sweep.tracking.known import home_runs
from sweep.tracking.read import RunInfo
from sweep.tracking.runs import close_open_trials
from sweep.trials.lost import close_lost_run
from sweep.tuning.claims import close_dead
from sweep.tuning.lease import Watch
from sweep.tuning.storage import open_storage

if TYPE_CHECKING:
    from sweep.tracking.store import Store

POLL_S: Final = 0.2

log = logging.getLogger(__name__)


def close_trials(store: Store, sweep_id: str, storages: Mapping[str, str | None], wait_s: float) -> None:
    """Close the open trials of cells whose workers are dead, or die within some seconds, in studies and in MLflow.

    Args:
        store: The store.
        sweep_id: The sweep; cells that another sweep runs are left alone.
        storages: By key of a cell that did not finish, `tune.storage`.
        wait_s: How long a worker that its launcher has given up may take to go.
    """
    until = time.monotonic() + wait_s
    for key, storage in storages.items():
        own = (run for run in home_runs(store, key) if run.sweep_id == sweep_id)
        run = next((run for run in own if names.TUNE_STUDY in run.tags), None)
        if run is None:
            continue
        try:
            _close(store, run, storage, until)
        except Exception:  # a storage that is away: the next sweep of the cell closes them in it
            log.warning("Trials of %s could not be closed", run.cell, exc_info=True)
        close_open_trials(store, run)


def _close(store: Store, run: RunInfo, storage: str | None, until: float) -> None:
    import optuna

    opened = open_storage(storage, store.home)
    study = optuna.load_study(study_name=run.tags[names.TUNE_STUDY], storage=opened)
    while any(trial.state.name == "RUNNING" for trial in study.get_trials(deepcopy=False)):
        close_dead(study, opened, Watch(), lambda trial: close_lost_run(store, str(run.key), run.id, trial))
        if time.monotonic() > until:
            return
        time.sleep(POLL_S)
