"""How a cell's run ends: failed with its reason, or finished and then measured."""

from __future__ import annotations

import contextlib
import traceback
from collections.abc import Iterator
from pathlib import Path

from sweep.errors import in_one_line
from sweep.measuring import measure_and_log, measure_run, measured_or_said, wanted_names
from sweep.redaction import redacted
from sweep.tracking.read import RunInfo
from sweep.work import Work


class CellFailed(RuntimeError):
    """A cell that was recorded as failed; the message is its reason in one line."""


@contextlib.contextmanager
def recorded(work: Work, run_id: str, folder: Path) -> Iterator[None]:
    """What is raised inside ends the cell's run as FAILED, with its traceback and the log so far.

    Raises:
        CellFailed: In the place of what was raised.
    """
    from sweep.tracking import write

    try:
        yield
    except Exception as error:
        reason = in_one_line(error)
        with contextlib.suppress(Exception):  # a full disk, a server that is away: the run has to end
            log_failure(work, run_id, folder)
        write.finish(work.store, run_id, "FAILED", reason=reason)
        work.progress.write("failed", run_id=run_id, reason=reason)
        raise CellFailed(reason) from error


def log_failure(work: Work, run_id: str, folder: Path) -> None:
    """Log the traceback of the exception that is being handled, and the log so far."""
    from sweep.tracking import write

    (folder / "traceback.txt").write_text(redacted(traceback.format_exc()), "utf-8")
    write.log_files(work.store, run_id, {name: folder / name for name in ("traceback.txt", "train.log")})


def finish_and_measure(work: Work, run_id: str, checkpoint: Path, graph: Path, folder: Path) -> None:
    """End a cell's run as FINISHED and measure it: what was trained is finished, whatever measuring comes to.

    Args:
        work: The cell's work.
        run_id: Its run.
        checkpoint: Its best checkpoint.
        graph: The ONNX export of it.
        folder: The run's folder.
    """
    from sweep.tracking import write

    write.finish(work.store, run_id, "FINISHED")
    work.progress.write("trained", run_id=run_id)
    wanted = wanted_names(work.targets)
    if wanted:
        measuring = work.measuring(wanted)
        measured_or_said(
            work.store,
            run_id,
            wanted,
            lambda: measure_and_log(work.store, run_id, checkpoint, graph, folder / "export", measuring),
        )


def measure_finished(work: Work, run: RunInfo) -> None:
    """Measure what a finished cell lacks of what is asked for now, without training it again."""
    from sweep.tracking.measured import lacking

    wanted = lacking(run.tags, wanted_names(work.targets))
    if wanted:
        work.progress.write("measuring", run_id=run.run_id)
        measure_run(work.store, run, wanted, lambda: work.measuring(wanted))
