"""Trials in MLflow whose worker died, and trials that a new run of their cell takes over."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from sweep.tracking import names, write
from sweep.tracking.read import RunInfo, search
from sweep.tracking.runs import mark_lost
from sweep.tuning.slots import RUN_ID

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

    from sweep.tracking.store import Store


def close_lost_run(store: Store, cell_run_id: str, trial: FrozenTrial) -> None:
    """Mark the runs of a lost trial as KILLED and `trial-lost`, whatever they came to.

    Args:
        store: The opened store.
        cell_run_id: The cell's run, under which all trials of its study are.
        trial: The trial; its worker may have died before it could say which run it had opened.
    """
    where = f"tags.`{names.PARENT}` = '{cell_run_id}' AND tags.`{names.TRIAL}` = '{trial.number}'"
    for run in search(store, f"{where} AND tags.`{names.KIND}` = '{names.KIND_TRIAL}'"):
        if run.status == "running" or run.run_id == trial.user_attrs.get(RUN_ID):
            mark_lost(store, run.run_id)


def adopt_trials(store: Store, earlier: Iterable[RunInfo], run_id: str, trials: Iterable[FrozenTrial]) -> None:
    """Put the trials of a study under the new run of its cell: the study goes on, and its trials stay together.

    Args:
        store: The opened store.
        earlier: The cell's earlier runs; they may have trials of other studies too, in other storages or homes.
        run_id: The new run.
        trials: The study's.
    """
    runs = {str(trial.number): trial.user_attrs.get(RUN_ID) for trial in trials}  # None: it has not come to say which
    for cell in (run for run in earlier if names.TUNE_STUDY in run.tags):
        for run in list(search(store, f"tags.`{names.PARENT}` = '{cell.run_id}'")):  # read before they are moved
            if runs.get(run.tags.get(names.TRIAL, ""), "") in (None, run.run_id):
                write.set_tags(store, run.run_id, {names.PARENT: run_id})
