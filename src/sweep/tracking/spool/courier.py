"""Deliver runs in the background: a thread of this process, which a server that is slow or away does not disturb."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from sweep.errors import SweepError, in_one_line
from sweep.redaction import redacted
from sweep.tracking import names
from sweep.tracking.spool.cursor import read_cursor
from sweep.tracking.spool.deliver import Undelivered, deliver
from sweep.tracking.store import Store

FIRST_PAUSE_S: Final = 0.5  # after a failure; twice as long after each further one
LONGEST_PAUSE_S: Final = 15.0
GATHER_S: Final = 0.1  # what comes within this time is delivered together
HEARTBEAT_S: Final = 60.0

log = logging.getLogger(__name__)


class Courier:
    """Delivers the runs that it is told of, again and again until MLflow has all of them.

    Attributes:
        failure: why the last attempt failed, in one line; None after one that did not.
    """

    def __init__(self, store: Store) -> None:
        self.failure: str | None = None
        self._store = store
        self._waiting: dict[Path, None] = {}
        self._open: dict[Path, float] = {}
        """Runs of this process that go on, and when each has last shown that it lives."""
        self._lock = threading.Lock()
        self._news = threading.Event()
        self._pause = 0.0
        threading.Thread(target=self._run, name="courier", daemon=True).start()

    def poke(self, folder: Path) -> None:
        """Tell it that a run of this process has something to deliver."""
        with self._lock:
            self._waiting[folder] = None
            self._open.setdefault(folder, time.monotonic())
        self._news.set()

    def bring(self, folders: Iterable[Path]) -> None:
        """Tell it of runs of any process that have something to deliver."""
        with self._lock:
            self._waiting |= dict.fromkeys(folders)
        self._news.set()

    def _run(self) -> None:
        while True:
            self._news.wait(HEARTBEAT_S if self._open else None)
            self._news.clear()
            time.sleep(self._pause or GATHER_S)
            with self._lock:
                waiting, self._waiting = self._waiting, {}
            failed = [folder for folder in waiting if not self._delivered(folder)]
            self._show_life()
            if failed:
                self._pause = min(max(FIRST_PAUSE_S, 2 * self._pause), LONGEST_PAUSE_S)
                self.bring(failed)
            elif waiting:
                self._pause, self.failure = 0.0, None

    def _delivered(self, folder: Path) -> bool:
        """Deliver a run; returns whether that went well."""
        try:
            if deliver(self._store, folder):
                self._open.pop(folder, None)
        except Exception as error:
            if not isinstance(error, Undelivered) or self.failure is None:
                text = str(error) if isinstance(error, SweepError) else in_one_line(error)
                self.failure = redacted(" ".join(text.split()))
            log.debug("%s was not delivered", folder.name, exc_info=True)
            return False
        return True

    def _show_life(self) -> None:
        """Let runs that go on say that their process lives: other hosts have no other way to know."""
        from sweep.tracking import write

        for folder, before in list(self._open.items()):
            run_id = read_cursor(folder).run_id
            if run_id is None or time.monotonic() - before < HEARTBEAT_S:
                continue
            self._open[folder] = time.monotonic()
            try:
                write.set_tags(self._store, run_id, {names.HEARTBEAT: f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"})
            except Exception:
                log.debug("no heartbeat of %s", folder.name, exc_info=True)


_couriers: dict[tuple[int, Path, str, str], Courier] = {}
_couriers_lock = threading.Lock()


def courier_for(store: Store) -> Courier:
    """This process's courier from a home to a store."""
    key = (os.getpid(), store.home, store.uri, store.experiment)
    with _couriers_lock:
        if key not in _couriers:
            _couriers[key] = Courier(store)
        return _couriers[key]


def poke(store: Store, folder: Path) -> None:
    """Let a run of this process be delivered in the background."""
    courier_for(store).poke(folder)
