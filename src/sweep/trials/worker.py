"""A worker on a cell's study: it takes trials until there are none, and the last one finishes the cell."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any, Final

from sweep.ending import CellFailed, measure_finished
from sweep.locks import cell_lock
from sweep.trials.finish import finish_cell
from sweep.trials.join import Ended, Joined, join
from sweep.trials.trial import run_trial
from sweep.tuning.away import patiently
from sweep.tuning.study import TuningFailed

if TYPE_CHECKING:
    from sweep.tune_settings import TuneSettings
    from sweep.work import Work

POLL_S: Final = 2.0


def tune_cell(work: Work, tune: TuneSettings) -> dict[str, Any]:
    """Work on a cell's study.

    Returns:
        As `sweep.cell.run_cell`.

    Raises:
        CellFailed: The cell failed and is recorded as such in MLflow.
    """
    home, key = work.settings.home, work.identity.key
    with contextlib.ExitStack() as held:
        joined = join(work, tune, held)
        if isinstance(joined, Ended):
            with cell_lock(home, key, on_wait=lambda: work.progress.write("waiting")):
                measure_finished(work, joined.run)
            if joined.reused:
                work.progress.write("finished", run_id=joined.run.run_id, reused=True)
            return {"run_id": joined.run.run_id, "reused": joined.reused, "finished": True}
        try:
            while True:
                while (taken := patiently(joined.study.take)) is not None:
                    run_trial(work, joined, taken)
                    work.stop_if_asked(joined.run.id)
                if _left_to_others(joined):
                    return {"run_id": joined.run.id, "reused": False, "finished": False}
                if not patiently(joined.study.survey).running:
                    break
                work.stop_if_asked(joined.run.id)
                time.sleep(POLL_S)
        except TuningFailed as error:
            raise _failed(work, joined, str(error)) from error
        with cell_lock(home, key, on_wait=lambda: None):
            finish_cell(work, tune, joined)
        return {"run_id": joined.run.id, "reused": False, "finished": True}


def _left_to_others(joined: Joined) -> bool:
    """Whether all trials under way are in the hands of workers that live: the last of them finishes the cell."""
    running = patiently(joined.study.survey).running
    return bool(running) and all(joined.study.watch.alive(trial) for trial in running)


def _failed(work: Work, joined: Joined, reason: str) -> CellFailed:
    """Record the cell as failed, if no other worker has done so."""
    with cell_lock(work.settings.home, work.identity.key, on_wait=lambda: None):
        if joined.info().status == "running":
            joined.run.finish("FAILED", reason)
            work.progress.write("failed", run_id=joined.run.id, reason=reason)
    return CellFailed(reason)
