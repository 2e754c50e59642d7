"""Trials in MLflow whose worker died, and trials that a new run of their cell takes over."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sweep.tracking import names, write
from sweep.tracking.read import RunInfo, search
from sweep.tracking.runs import mark_lost

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

    from sweep.tracking.store import Store


def close_lost_run(store: Store, key: str, trial: FrozenTrial) -> None:
    """Mark the runs of a lost trial as KILLED and `trial-lost`, whatever they came to.

    Args:
        store: The opened store.
        key: The cell's key.
        trial: The trial; its worker may have died before it could say which run it had opened.
    """
    where = f"tags.`{names.CELL_KEY}` = '{key}' AND tags.`{names.TRIAL}` = '{trial.number}'"
    for run in search(store, f"{where} AND tags.`{names.KIND}` = '{names.KIND_TRIAL}'"):
        if run.status == "running" or run.run_id == trial.user_attrs.get("run_id"):
            mark_lost(store, run.run_id)


def adopt_trials(store: Store, earlier: Sequence[RunInfo], run_id: str) -> None:
    """Put the trials of a study under the new run of its cell: the study goes on, and its trials stay together.

    Args:
        store: The opened store.
        earlier: The cell's runs, newest first, back to the one that began the study, and perhaps beyond.
        run_id: The new run.
    """
    for run in (run for run in earlier if names.TUNE_STUDY in run.tags):
        for trial in list(search(store, f"tags.`{names.PARENT}` = '{run.run_id}'")):  # read before they are moved
            write.set_tags(store, trial.run_id, {names.PARENT: run_id})
        if run.tags.get(names.TUNE_BEGAN) == "true":
            return
