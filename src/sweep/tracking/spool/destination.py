"""Where runs of a home are delivered to, in a word that a moved home and other passwords leave as it is."""

from __future__ import annotations

from pathlib import Path

from sweep.tracking.spool.journal import JOURNAL, read
from sweep.tracking.store import Store
from sweep.tracking.uri import sqlite_path, without_credentials


def destination(store: Store) -> str:
    """The store and the experiment as one text."""
    path = sqlite_path(store.uri)
    inside = path is not None and path.parent == store.home
    place = f"home/{path.name}" if inside and path is not None else without_credentials(store.uri)
    return f"{store.experiment} @ {place}"


def destination_of(folder: Path) -> str | None:
    """Where the run of a folder is delivered to; None where there is no run."""
    first = next(read(folder / JOURNAL), None)
    return None if first is None else first[0].get("destination")
