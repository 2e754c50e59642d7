"""How far a sweep is, from MLflow alone: from any machine that reaches the server."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from sweep.console import Row, duration, progress_table
from sweep.errors import SweepError, in_one_line
from sweep.show import counted
from sweep.tracking import names
from sweep.tracking.expected import expected_of
from sweep.tracking.failures import StoreAway
from sweep.tracking.read import as_count, cells_under, read_json, search, sweep_run, tag_is
from sweep.tracking.runs import SILENCE

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from sweep.tracking.read import RunInfo
    from sweep.tracking.store import Store

log = logging.getLogger(__name__)
WATCH_S = 5.0  # between two looks at the server
RUNNING = "running"


@dataclass(frozen=True)
class Status:
    """A sweep and its cells as MLflow has them now.

    Attributes:
        sweep: the sweep's run.
        rows: its cells that have begun, in the order in which they did.
        cells: how many it has in all; None where that is not known.
        reused: how many of these were finished before it began.
        states: of a sweep that has ended, how each of its cells has; None where that is not known.
    """

    sweep: RunInfo
    rows: tuple[Row, ...]
    cells: int | None
    reused: int
    states: tuple[str, ...] | None = None

    @property
    def ended(self) -> bool:
        """Whether the sweep has."""
        return self.sweep.status != RUNNING

    @property
    def silent_since(self) -> datetime | None:
        """The last sign of life of a sweep that has given none for long: a kill leaves it running for ever."""
        beat = self.sweep.tags.get(names.HEARTBEAT)
        last = _time(self.sweep.start_ms) if beat is None else datetime.fromisoformat(beat)
        return last if not self.ended and datetime.now(UTC) - last > SILENCE else None

    @property
    def goes_on(self) -> bool:
        """Whether there is more to come of it."""
        return not self.ended and self.silent_since is None

    @property
    def finished(self) -> int:
        """How many cells are finished. While the sweep runs, those that it only measures are not seen to be."""
        if self.states is not None:
            return self.states.count("finished")
        return sum(row.state == "finished" for row in self.rows) + self.reused


def read_status(store: Store, which: str) -> Status:
    """How far a sweep is.

    Args:
        store: The opened store.
        which: A sweep's id, or `latest`.

    Raises:
        SweepError: There is no such sweep.
    """
    sweep = sweep_run(store, which)
    runs = cells_under(store, sweep.run_id)
    cells, to_run = as_count(sweep.tags.get(names.CELL_COUNT)), as_count(sweep.tags.get(names.TO_RUN))
    reused = 0 if cells is None or to_run is None else cells - to_run
    rows = tuple(_row(store, run) for run in runs)
    return Status(sweep, rows, cells, reused, None if sweep.status == RUNNING else _states(store, sweep))


def _states(store: Store, sweep: RunInfo) -> tuple[str, ...] | None:
    """How each cell of a sweep has ended, those that it took over included."""
    try:
        listed = read_json(store, sweep, names.CELLS_JSON)
        return None if listed is None else tuple(str(cell["state"]) for cell in listed["cells"])
    except Exception:  # its artifacts are where this machine does not reach: MLflow itself tells enough
        log.debug("%s of %s cannot be read", names.CELLS_JSON, sweep.sweep_id, exc_info=True)
        return None


def _time(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def _row(store: Store, run: RunInfo) -> Row:
    """A cell as the live table shows it."""
    row = Row(run.cell or run.name, Path(), state=run.status, started=run.start_ms / 1000)
    row.metrics = dict(run.metrics)
    row.note = run.reason or "" if run.status in {"failed", "killed"} else ""
    row.epochs = as_count(run.params.get("recipe.epochs")) or 0
    if names.TUNE_STUDY in run.tags:
        row.ended = as_count(run.tags.get(names.TUNE_ENDED)) or _ended_trials(store, run)
        row.trials = as_count(run.tags.get(names.TUNE_ASKED)) or row.ended
    if run.status == "finished":
        row.epoch = row.epochs
        row.metrics["metrics/mAP50"] = run.metrics.get("best/mAP50", run.metrics.get("metrics/mAP50", float("nan")))
    elif "metrics/mAP50" in run.metrics:
        history = store.client.get_metric_history(run.run_id, "metrics/mAP50")
        row.epoch = max((int(point.step) for point in history), default=0)
    return row


def _ended_trials(store: Store, cell: RunInfo) -> int:
    trials = search(store, f"{tag_is(names.KIND, names.KIND_TRIAL)} AND {tag_is(names.PARENT, cell.run_id)}")
    return sum(trial.status != RUNNING for trial in trials)


def status_lines(status: Status) -> list[str]:
    """The sweep in sentences: its state, since when, and what was expected of it."""
    sweep = status.sweep
    began, done, silent = _time(sweep.start_ms), status.finished, status.silent_since
    took_s = ((sweep.end_ms / 1000) if sweep.end_ms else time.time()) - sweep.start_ms / 1000
    since = f"began {began:%Y-%m-%d %H:%M} UTC, {'took' if status.ended else 'runs for'} {duration(took_s)}"
    lines = [f"Sweep {sweep.sweep_id} on {sweep.tags.get(names.HOST, '?')}: {sweep.status}; {since}."]
    before = f" ({status.reused} before this sweep)" if status.reused else ""
    lines.append(f"{counted(done) if status.cells is None else f'{done} of {counted(status.cells)}'} finished{before}.")
    if silent is not None:
        lines.append(
            f"No sign of life since {silent:%Y-%m-%d %H:%M} UTC: its process is gone, or MLflow is out of its reach. "
            "The next sweep on that host, in its home, marks it as killed."
        )
        return lines
    expected = expected_of(sweep.tags)
    if not status.ended and expected is not None and expected.likely_s is not None and not expected.unknown:
        left = expected.likely_s - took_s
        lines.append(
            f"About {duration(left)} left, as expected when it began." if left > 0 else "Longer than expected."
        )
    return lines


def print_status(console: Console, status: Status) -> None:
    """The state of a sweep and the table of its cells."""
    for line in status_lines(status):
        console.print(line, markup=False, soft_wrap=True)
    if status.rows:
        console.print(progress_table(status.rows, ""))


def watch(store: Store, which: str, console: Console) -> None:
    """Show how far a sweep is until it has ended, or nothing is heard of it any more.

    A server that does not answer is asked again.

    Raises:
        SweepError: There is no such sweep, or no longer.
    """
    from rich.console import Group
    from rich.live import Live
    from rich.text import Text

    which = str(sweep_run(store, which).sweep_id or which)  # `latest` may become another one meanwhile
    last: Status | None = None
    with Live(console=console, refresh_per_second=2, transient=True) as live:
        while last is None or last.goes_on:
            try:
                last, away = read_status(store, which), None
            except Exception as error:
                gone = isinstance(error, SweepError) and not isinstance(error, StoreAway)  # somebody has deleted it
                if last is None or gone:
                    raise
                away = f"MLflow does not answer: {in_one_line(error)}"
            parts: list[RenderableType] = [Text(line) for line in status_lines(last)]
            parts += [progress_table(last.rows, "")] if last.rows else []
            parts += [Text(away, style="yellow")] if away else []
            live.update(Group(*parts))
            if last.goes_on:
                time.sleep(WATCH_S)
    print_status(console, last)
