"""Deliver runs in the background: a thread of the process of the sweep, which no server that is slow or away disturbs.

Cells only write their journals: a thread beside a training would draw from its random numbers.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from sweep.errors import SweepError, in_one_line
from sweep.locks import cell_held, sweep_held
from sweep.redaction import redacted
from sweep.tracking import names
from sweep.tracking.spool.cursor import is_delivered, read_cursor
from sweep.tracking.spool.deliver import Undelivered, deliver, has_ended
from sweep.tracking.spool.destination import destination, destination_of
from sweep.tracking.spool.pending import pending
from sweep.tracking.store import Store

LOOK_S: Final = 0.5  # between two looks for news
FIRST_PAUSE_S: Final = 0.5  # after a failure; twice as long after each further one
LONGEST_PAUSE_S: Final = 15.0
HEARTBEAT_S: Final = 60.0

log = logging.getLogger(__name__)
_alone = threading.Lock()
"""Held by whoever must not be disturbed in this process: a delivery, or a training."""


def undelivered(store: Store) -> list[Path]:
    """The folders of this home's runs of which this store lacks something."""
    here = destination(store)
    return [folder for folder in pending(store.home) if destination_of(folder) == here and not is_delivered(folder)]


class Courier:
    """Delivers the runs of a home to a store, again and again, while it is open.

    Attributes:
        failure: why the last attempt failed, in one line; None after one that did not.
    """

    def __init__(self, store: Store) -> None:
        self.failure: str | None = None
        self._store = store
        self._closed = threading.Event()
        self._beat = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="courier", daemon=True)

    def __enter__(self) -> Courier:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closed.set()  # not waited for: it may be in the middle of a request that nobody answers

    def _run(self) -> None:
        pause = 0.0
        while True:
            well = [self._delivered(folder) for folder in undelivered(self._store)]
            if all(well):
                self.failure, pause = None if well else self.failure, 0.0
            else:
                pause = min(max(FIRST_PAUSE_S, 2 * pause), LONGEST_PAUSE_S)
            if time.monotonic() - self._beat > HEARTBEAT_S:
                self._beat = time.monotonic()
                self._show_life()
            if self._closed.wait(max(LOOK_S, pause)):
                return

    def _delivered(self, folder: Path) -> bool:
        """Deliver a run; returns whether that went well."""
        if self._closed.is_set():
            return True
        try:
            with _alone:
                deliver(self._store, folder)
        except Exception as error:
            if not isinstance(error, Undelivered) or self.failure is None:
                text = str(error) if isinstance(error, SweepError) else in_one_line(error)
                self.failure = redacted(" ".join(text.split()))
            log.debug("%s was not delivered", folder.name, exc_info=True)
            return False
        return True

    def _show_life(self) -> None:
        """Let runs that go on say that their processes live: other hosts have no other way to know."""
        from sweep.tracking import write

        for folder in pending(self._store.home):
            run_id = read_cursor(folder).run_id
            if run_id is None or has_ended(folder) or not _lives(self._store.home, folder):
                continue
            now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
            try:
                with _alone:
                    write.set_tags(self._store, run_id, {names.HEARTBEAT: now})
            except Exception:
                log.debug("no heartbeat of %s", folder.name, exc_info=True)
                return


def _lives(home: Path, folder: Path) -> bool:
    """Whether a process holds the sweep or the cell of a run."""
    if folder.parent.name == "sweeps":
        return sweep_held(home, folder.name)
    return cell_held(home, folder.parent.name)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Let nothing be delivered by this process: a launcher may train in the very process of the sweep."""
    with _alone:
        yield
