"""What the user sees while a sweep runs: a live table on a terminal, plain lines elsewhere."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from sweep.progress import progress_end, progress_file, read_progress

REFRESH_S = 0.5
MOST_ROWS = 30
LINES_PER_CELL = 20  # plain lines that report on epochs, at most, for each cell
STYLES = {
    "waiting": "dim", "queued": "dim", "running": "cyan", "measuring": "cyan", "to be measured": "cyan",
    "finished": "green", "reused": "green", "failed": "red", "killed": "red", "skipped": "yellow", "new": "",
    "interrupted": "yellow", "to be tuned on": "yellow", "changed": "yellow", "canary": "cyan",
}  # fmt: skip
OPEN = {"queued", "running", "measuring"}  # states of a cell that has not ended


@dataclass
class Row:
    """How far one cell is, from the byte `offset` of its progress file on."""

    name: str
    path: Path
    state: str = "queued"
    epoch: int = 0
    epochs: int = 0
    metrics: dict[str, float] = field(default_factory=dict)
    note: str = ""
    started: float = 0.0
    at_epoch: int = 0
    """How many epochs an earlier sweep had finished, which this one goes on after."""
    offset: int = 0
    trials: int = 0
    """Of a cell that is tuned: how many trials there are to be."""
    ended: int = 0
    at_start: int = 0
    """How many of them had ended when this launch began."""
    best: float | None = None

    def apply(self, event: dict[str, Any]) -> None:
        """Take in one event of the cell's progress file."""
        kind = event["event"]
        if kind == "started":
            self.state, self.metrics, self.note = "running", {}, ""
            self.epochs, self.started = int(event["epochs"]), event["time"]
            self.epoch = self.at_epoch = int(event.get("done", 0))
            self.trials, self.at_start = int(event.get("trials", 0)), int(event.get("ended", 0))
        elif kind == "trial":
            self._apply_trial(event)
        elif kind == "epoch":
            self.epoch, self.metrics, self.note = int(event["epoch"]), event["metrics"], ""
        elif kind == "stage":
            self.note = event["stage"]
        elif kind == "measuring":
            self.state, self.note = "measuring", "trained before"
        elif kind == "waiting":
            self.note = "another process trains this cell"
        elif kind in {"finished", "failed"}:
            self.state = "reused" if event.get("reused") else kind
            self.note = event.get("reason", "")
            if kind == "finished" and "metrics" in event:
                self.metrics = self.metrics | {"metrics/mAP50": event["metrics"]["mAP50"]}

    def _apply_trial(self, event: dict[str, Any]) -> None:
        if self.state == "queued" or not self.trials:  # a worker that joined the others, or that was started again
            self.state, self.started, self.at_start = "running", event["time"], int(event["ended"])
        self.trials, self.ended, self.best = int(event["trials"]), int(event["ended"]), event.get("best")
        if event["state"] == "running":
            self.epoch, self.epochs = 0, int(event["epochs"])

    @property
    def reached(self) -> str:
        """How far it is: `3/15` epochs, or `7/20 trials`."""
        if self.trials:
            return f"{self.ended}/{self.trials} trials"
        return f"{self.epoch}/{self.epochs}" if self.epochs else ""

    def seconds_left(self, now: float) -> float | None:
        """Time to the end of the training, from the pace so far; None before the first epoch."""
        if self.trials and self.state == "running":
            done = self.ended - self.at_start
            return max(0.0, (now - self.started) / done * (self.trials - self.ended)) if done > 0 else None
        done = self.epoch - self.at_epoch
        if self.state != "running" or done <= 0:
            return None
        return max(0.0, (now - self.started) / done * (self.epochs - self.epoch))


class Progress:
    """Follows the progress files of a sweep's cells in a thread of its own, and shows them.

    Use it as a context manager around the launch.
    """

    def __init__(self, console: Console, home: Path, sweep_id: str, cells: Iterable[tuple[int, str]]) -> None:
        self._console = console
        paths = [(name, progress_file(home, sweep_id, index)) for index, name in cells]
        # Earlier attempts do not count.
        self._rows = [Row(name, path, offset=progress_end(path)) for name, path in paths]
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="progress", daemon=True)

    def __enter__(self) -> Progress:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _follow(self) -> None:
        if self._console.is_terminal:
            with Live(self._table(), console=self._console, refresh_per_second=4, transient=True) as live:
                while not self._stop.wait(REFRESH_S):
                    self._read()
                    live.update(self._table())
                self._read()
        else:
            while not self._stop.wait(REFRESH_S):
                self._read(print_lines=True)
            self._read(print_lines=True)

    def _read(self, print_lines: bool = False) -> None:
        for row in self._rows:
            events, row.offset = read_progress(row.path, row.offset)
            for event in events:
                row.apply(event)
                if print_lines:
                    line = plain_line(row, event)
                    if line:
                        self._console.print(line, highlight=False, markup=False, soft_wrap=True)

    def _table(self) -> Table:
        done = sum(row.state not in OPEN for row in self._rows)
        return progress_table(self._rows, f"{done} of {len(self._rows)} cells done")


def progress_table(rows: Sequence[Row], title: str) -> Table:
    """How far cells are, as a table; of a large sweep those that run and the last that ended."""
    table = Table(title=title, title_justify="left", expand=False)
    for heading in ("cell", "state", "reached", "mAP50", "box", "cls", "dfl", "time left"):
        table.add_column(heading, justify="left" if heading in {"cell", "state"} else "right", no_wrap=True)
    now = time.time()
    for row in _shown(rows):
        losses = [_figure(row.metrics.get(f"train/{name}_loss")) for name in ("box", "cls", "dfl")]
        left = row.note if row.state in OPEN and row.note else duration(row.seconds_left(now))
        table.add_row(
            row.name,
            Text(row.state, style=STYLES.get(row.state, "")),
            row.reached,
            _figure(row.metrics.get("metrics/mAP50")),
            *losses,
            left,
        )
    return table


def _shown(rows: Sequence[Row]) -> Sequence[Row]:
    if len(rows) <= MOST_ROWS:
        return rows
    running = [row for row in rows if row.state in {"running", "measuring"}]
    ended = [row for row in rows if row.state not in OPEN]
    return [*ended[-(MOST_ROWS - len(running)) :], *running][-MOST_ROWS:]


def plain_line(row: Row, event: dict[str, Any]) -> str | None:
    """An event as one line for a log; None where it would only be noise."""
    kind = event["event"]
    if kind in {"epoch", "trial"}:
        return _epoch_line(row, event) if kind == "epoch" else _trial_line(row, event)
    if kind == "finished":
        if event.get("reused"):
            return f"{row.name}: finished before, reused"
        return f"{row.name}: finished, mAP50 {_figure(row.metrics.get('metrics/mAP50'))}"
    if kind == "stage" and not event.get("long"):
        return None
    texts = {
        "started": f"goes on after epoch {row.at_epoch}" if row.at_epoch else "started",
        "failed": f"failed: {row.note}",
        "waiting": row.note,
        "measuring": "trained before, measuring what it lacks",
        "stage": row.note,
    }
    return f"{row.name}: {texts[kind]}" if kind in texts else None


def _epoch_line(row: Row, event: dict[str, Any]) -> str | None:
    """An epoch as one line; of the trials of a study, which run several at once, only their ends are told."""
    if row.trials and not event.get("refit"):
        return None
    every = max(1, -(-row.epochs // LINES_PER_CELL))
    if row.epoch % every and row.epoch != row.epochs:
        return None
    losses = " ".join(f"{name} {_figure(row.metrics.get(f'train/{name}_loss'))}" for name in ("box", "cls", "dfl"))
    left = duration(row.seconds_left(event["time"]))
    accuracy = _figure(row.metrics.get("metrics/mAP50"))
    return f"{row.name}: epoch {row.epoch}/{row.epochs}  mAP50 {accuracy}  {losses}  {left} left"


def _trial_line(row: Row, event: dict[str, Any]) -> str | None:
    """The end of a trial as one line for a log."""
    if event["state"] == "running":
        return None
    value = f" {_figure(event['value'])}" if event.get("value") is not None else ""
    reason = f": {event['reason']}" if event.get("reason") else ""
    best = f", best {_figure(row.best)}" if row.best is not None else ""
    left = row.seconds_left(event["time"])
    left_text = f", {duration(left)} left" if left else ""
    return f"{row.name}: trial {event['trial']} {event['state']}{value}{reason}  ({row.reached}{best}{left_text})"


def duration(seconds: float | None) -> str:
    """`1 h 05 min`, `3 min 20 s` or `12 s`; empty when unknown."""
    if seconds is None:
        return ""
    whole = round(seconds)
    if whole >= 3600:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    return f"{whole // 60} min {whole % 60:02d} s" if whole >= 60 else f"{whole} s"


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
