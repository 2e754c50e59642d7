"""How a cell's run ends: failed with its reason, or finished and then measured."""

from __future__ import annotations

import contextlib
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from sweep.disk_full import refusal
from sweep.errors import in_one_line
from sweep.measuring import measure_and_log, measure_run, measured_or_said, wanted_names
from sweep.redaction import redacted
from sweep.tracking.read import RunInfo
from sweep.work import Work

if TYPE_CHECKING:
    from sweep.tracking.spool.run import SpooledRun


class CellFailed(RuntimeError):
    """A cell that was recorded as failed; the message is its reason in one line."""


@contextlib.contextmanager
def recorded(work: Work, run: SpooledRun) -> Iterator[None]:
    """What is raised inside ends the cell's run as FAILED, with its traceback and the log so far.

    Raises:
        CellFailed: In the place of what was raised.
    """
    try:
        yield
    except Exception as error:
        reason = str(refusal(error, run.folder) or in_one_line(error))
        with contextlib.suppress(Exception):  # a full disk: the run has to end
            log_failure(run)
        with contextlib.suppress(OSError):  # the same; then the sweep ends it, or the next one
            run.finish("FAILED", reason)
        work.progress.write("failed", run_id=run.id, reason=reason)
        raise CellFailed(reason) from error


def log_failure(run: SpooledRun) -> None:
    """Log the traceback of the exception that is being handled, and the log so far."""
    (run.folder / "traceback.txt").write_text(redacted(traceback.format_exc()), "utf-8")
    run.log_files({name: run.folder / name for name in ("traceback.txt", "train.log")})


def finish_and_measure(work: Work, run: SpooledRun, checkpoint: Path, graph: Path) -> None:
    """End a cell's run as FINISHED and measure it: what was trained is finished, whatever measuring comes to.

    Args:
        work: The cell's work.
        run: Its run.
        checkpoint: Its best checkpoint.
        graph: The ONNX export of it.
    """
    run.finish("FINISHED")
    work.progress.write("trained", run_id=run.id)
    wanted = wanted_names(work.targets)
    if wanted:
        measuring = work.measuring(wanted)
        measured_or_said(run, wanted, lambda: measure_and_log(run, checkpoint, graph, run.folder / "export", measuring))


def finished_run(work: Work) -> RunInfo | None:
    """The finished run of a cell that counts, or None: one of this home, or that which the plan has found in MLflow."""
    from sweep.tracking.known import finished_of, home_runs
    from sweep.tracking.read import runs_by_id

    here = finished_of(home_runs(work.store, work.identity.key))
    known = str(work.job["finished"] or "")
    if not known or (here is not None and here.id == known):
        return here
    try:
        return runs_by_id(work.store, [known]).get(known, here)
    except Exception:  # MLflow has gone away since the plan was made
        return here


def measure_finished(work: Work, run: RunInfo) -> None:
    """Measure what a finished cell lacks of what is asked for now, without training it again."""
    from sweep.tracking.measured import lacking

    wanted = lacking(run.tags, wanted_names(work.targets))
    if wanted:
        work.progress.write("measuring", run_id=run.run_id)
        measure_run(work.store, run, wanted, lambda: work.measuring(wanted))
