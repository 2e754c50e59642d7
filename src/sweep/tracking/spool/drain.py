"""Wait until MLflow has what the runs of a home hold, or until nothing gets through any more."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sweep.tracking.spool.courier import Courier, undelivered
from sweep.tracking.spool.cursor import is_delivered, read_cursor
from sweep.tracking.spool.destination import destination_of
from sweep.tracking.spool.pending import pending
from sweep.tracking.store import Store

POLL_S: Final = 0.1


@dataclass(frozen=True)
class Left:
    """What could not be delivered: the folders of the runs, and why the last attempt failed."""

    folders: tuple[Path, ...] = ()
    reason: str = ""

    def __bool__(self) -> bool:
        return bool(self.folders)


def undelivered_by_destination(home: Path) -> dict[str, int]:
    """How many runs of a home stores and experiments lack something of, by their destinations."""
    places = (destination_of(folder) for folder in pending(home) if not is_delivered(folder))
    return dict(Counter(place for place in places if place is not None))


def drain(
    store: Store, wait_s: float, *, only: Callable[[Path], bool] | None = None, say: Callable[[int], None] | None = None
) -> Left:
    """Deliver all that the runs of this home have for the store, and wait for it.

    Args:
        store: The store; it may be away.
        wait_s: How long to wait while nothing gets through.
        only: Which runs to wait for; None: all.
        say: Told again and again how many runs are left.

    Returns:
        What is left when nothing has got through for that long.
    """
    before, since = None, time.monotonic()
    with Courier(store) as courier:
        while left := [folder for folder in undelivered(store) if only is None or only(folder)]:
            if say is not None:
                say(len(left))
            now = _progress(left)
            if now != before:
                before, since = now, time.monotonic()
            elif time.monotonic() - since > wait_s:
                return Left(tuple(left), courier.failure or "it does not answer")
            time.sleep(POLL_S)
    return Left()


def _progress(folders: Iterable[Path]) -> list[tuple[Path, int]]:
    return [(folder, read_cursor(folder).offset) for folder in folders]
