"""How far each cell is: one append-only file per cell in the sweep's folder, which any process that sees home can read.

Files work under every launcher, and outlive a killed worker: the sweep learns from them which run was cut short.
"""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sweep.paths import inside
from sweep.redaction import redacted

log = logging.getLogger(__name__)


def progress_file(home: Path, sweep_id: str, index: int) -> Path:
    """The file to which cell number `index` of a sweep writes its progress."""
    return inside(home / "sweeps", sweep_id) / "progress" / f"{index:05d}.jsonl"


class ProgressWriter:
    """Appends events, each as one line written at once, so that a reader never sees half of one."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path

    def write(self, event: str, **fields: Any) -> None:
        """Append an event: started, waiting, epoch, stage, finished or failed.

        A disk that takes no more keeps nobody from working: the event is lost, and the log says so.
        """
        line = json.dumps({"event": event, "time": time.time(), "pid": os.getpid(), **fields}, ensure_ascii=True)
        try:
            self._append((redacted(line) + "\n").encode())
        except OSError as error:
            log.warning("%s: `%s` could not be written: %s", self._path, event, error)

    def _append(self, line: bytes) -> None:
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            end = os.lseek(descriptor, 0, os.SEEK_END)
            if end and os.pread(descriptor, 1, end - 1) != b"\n":  # a full disk has cut the line before it short
                line = b"\n" + line
            os.write(descriptor, line)
        finally:
            os.close(descriptor)


def progress_end(path: Path) -> int:
    """The offset behind what a progress file holds: what comes later is read from there, whatever the clock says."""
    return path.stat().st_size if path.exists() else 0


def read_progress(path: Path, offset: int = 0) -> tuple[list[dict[str, Any]], int]:
    """The complete events from a byte offset on, and the offset behind them."""
    try:
        with path.open("rb") as stream:
            stream.seek(offset)
            data = stream.read()
    except FileNotFoundError:
        return [], offset
    complete = data[: data.rfind(b"\n") + 1]
    return list(_events(complete)), offset + len(complete)


def _events(data: bytes) -> Iterator[dict[str, Any]]:
    for line in data.splitlines():
        try:
            event = json.loads(line)
        except ValueError:  # a full disk may cut a line short
            continue
        if isinstance(event, dict):
            yield event
