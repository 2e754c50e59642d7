"""Trials in MLflow whose worker died, and trials that a new run of their cell takes over."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from sweep.errors import in_one_line
from sweep.tracking import names, write
from sweep.tracking.known import home_runs
from sweep.tracking.read import RunInfo, search
from sweep.tracking.run import run_of
from sweep.tracking.runs import mark_lost
from sweep.tracking.spool.deliver import mlflow_id
from sweep.tracking.spool.run import SpooledRun
from sweep.tuning.slots import RUN_ID

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

    from sweep.tracking.store import Store

log = logging.getLogger(__name__)


def close_lost_run(store: Store, key: str, cell: str, trial: FrozenTrial) -> None:
    """Mark the runs of a lost trial as KILLED and `trial-lost`, whatever they came to.

    Args:
        store: The store.
        key: The cell's key.
        cell: What the cell's run is called, under which all trials of its study are.
        trial: The trial; its worker may have died before it could say which run it had opened.
    """
    for run in home_runs(store, key, names.KIND_TRIAL):
        own = run.parent_run_id == cell and run.tags[names.TRIAL] == str(trial.number)
        if own and (run.status == "running" or run.id == trial.user_attrs.get(RUN_ID)):
            mark_lost(run_of(store, run))


def adopt_trials(store: Store, earlier: Iterable[RunInfo], cell: SpooledRun, trials: Iterable[FrozenTrial]) -> None:
    """Put the trials of a study under the new run of its cell: the study goes on, and its trials stay together.

    Args:
        store: The store.
        earlier: The cell's earlier runs; they may have trials of other studies too, in other storages or homes.
        cell: The new run.
        trials: The study's.
    """
    runs = {str(trial.number): trial.user_attrs.get(RUN_ID) for trial in trials}  # None: it has not come to say which
    before = [run for run in earlier if names.TUNE_STUDY in run.tags]

    def belongs(run: RunInfo) -> bool:
        return runs.get(run.tags.get(names.TRIAL, ""), "") in (None, run.id)

    parents = {run.id for run in before}
    key = cell.folder.parent.name
    here = [run for kind in (names.KIND_TRIAL, names.KIND_LOST) for run in home_runs(store, key, kind)]
    for run in here:
        if run.folder is not None and run.parent_run_id in parents and belongs(run):
            SpooledRun(store, run.folder).set_parent(cell.folder)
    elsewhere = [run for run in before if run.folder is None and run.tags.get(names.HOME) != str(store.home)]
    if elsewhere:
        _adopt_from_elsewhere(store, elsewhere, cell, belongs)


def runs_of_trials(store: Store, key: str, ids: Iterable[str]) -> dict[str, RunInfo]:
    """The runs of trials by what they are called in their homes: of this home, and otherwise of MLflow."""
    wanted = set(ids)
    found = {run.id: run for run in home_runs(store, key, names.KIND_TRIAL) if run.id in wanted}
    for missing in wanted - set(found):
        run = next(search(store, f"tags.`{names.LOCAL_ID}` = '{missing}'"), None)
        if run is not None:
            found[missing] = run
    return found


def _adopt_from_elsewhere(
    store: Store, earlier: Iterable[RunInfo], cell: SpooledRun, belongs: Callable[[RunInfo], bool]
) -> None:
    """The same for trials that other homes have logged; where MLflow is away, they stay where they are."""
    try:
        own = mlflow_id(store, cell.folder)
        for run in earlier:
            for trial in list(search(store, f"tags.`{names.PARENT}` = '{run.run_id}'")):  # read before they are moved
                if belongs(trial):
                    write.set_tags(store, trial.run_id, {names.PARENT: own})
    except Exception as error:
        log.warning("trials of other homes stay under their earlier run: %s", in_one_line(error))
