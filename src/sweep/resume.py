"""Go on with a cell that was cut short: in the same run, after the last epoch that it had finished."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sweep.files import PARTS
from sweep.tracking.read import RunInfo
from sweep.work import Work

if TYPE_CHECKING:
    from sweep.tracking.spool.run import SpooledRun

UNFINISHED = {"killed", "failed"}
FINISHED = "finished"


def state_file(folder: Path) -> Path:
    """Where a run's training keeps its state, in the run's folder in home."""
    from sweep.training.state import STATE

    return folder / STATE


def interrupted_run(work: Work) -> RunInfo | None:
    """The newest run of this cell that was cut short and has left its state in this home.

    A cell that is to be trained again goes on only with what was begun for that, by the same code, or in this sweep.
    The caller holds the cell, and has closed what processes that are gone have left open.
    """
    from sweep.tracking import names
    from sweep.tracking.known import home_runs
    from sweep.tracking.provenance import code_tags, same_code

    again, now = work.settings.rerun, code_tags() if work.settings.rerun else {}
    for run in home_runs(work.store, work.identity.key):
        if again and run.status == FINISHED:  # what was cut short before it is over and done with
            return None
        begun = run.tags.get(names.RERUN) == "true" and same_code(run.tags, now)
        mine = not again or begun or run.sweep_id == work.job["sweep_id"]
        if run.status in UNFINISHED and mine and state_file(work.folder / run.id).exists():
            return run
    return None


def reopen(work: Work, run: RunInfo) -> tuple[SpooledRun, int]:
    """Let a run that was cut short be under way again; returns it, and how many epochs it has finished."""
    from sweep.tracking import names
    from sweep.tracking.spool.run import SpooledRun
    from sweep.training.state import finished_epochs

    folder = work.folder / run.id
    epochs = finished_epochs(state_file(folder))
    times = [run.tags[names.RESUMED]] if names.RESUMED in run.tags else []
    time = f"after epoch {epochs}: {run.reason or run.status}"
    reopened = SpooledRun(work.store, folder)
    reopened.reopen({names.ATTEMPT: str(work.job["attempt"]), names.RESUMED: "\n".join([*times, time])})
    return reopened, epochs


def forget_state(folder: Path) -> None:
    """Remove what a finished run has no use for: its state, which is large, and what kills have left half written."""
    for file in (state_file(folder), *folder.rglob(PARTS)):
        file.unlink(missing_ok=True)
