"""A sweep that was asked to stop: its cells see it, under every launcher, by a file in the sweep's folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sweep.files import replacing
from sweep.paths import inside

STOP = "stop"
STOPPED = "stopped, because the sweep was asked to stop"  # what a launcher says of jobs that it has not begun


class Stopped(BaseException):
    """The cell has ended its epoch because the sweep was asked to stop. Not an Exception: it is no failure.

    Attributes:
        run_id: the cell's run, if it has one.
    """

    def __init__(self, run_id: str | None = None) -> None:
        super().__init__(STOPPED)
        self.run_id = run_id


def stop_file(home: Path, sweep_id: str) -> Path:
    """The file that asks the cells of a sweep to stop."""
    return inside(home / "sweeps", sweep_id) / STOP


def ask_to_stop(home: Path, sweep_id: str, reason: str) -> None:
    """Ask the cells of a sweep to stop after the epochs that they are in."""
    with replacing(stop_file(home, sweep_id)) as part:
        part.write_text(reason, "utf-8")


def stop_if_asked(home: Path, sweep_id: str, run_id: str | None = None) -> None:
    """Leave the cell if the sweep was asked to stop.

    Raises:
        Stopped: It was.
    """
    if stop_file(home, sweep_id).exists():
        raise Stopped(run_id)


def stopper(home: Path, sweep_id: str, run_id: str | None = None) -> Callable[[], None]:
    """`stop_if_asked` with its arguments."""
    return lambda: stop_if_asked(home, sweep_id, run_id)
