"""Where runs of a home are delivered to, in a word that a moved home and other passwords leave as it is."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Final

from sweep.tracking.spool.journal import JOURNAL, read
from sweep.tracking.store import Store
from sweep.tracking.uri import resolve_uri, sqlite_path, without_credentials

DEFAULT: Final = "npu-sweep"  # the experiment that is meant where none is named (conf/config.yaml)


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


def sync_command(store: Store) -> str:
    """The command that delivers what is left in this home."""
    words = ["python", "-m", "sweep", "sync"]
    if store.home != Path.cwd() / "mlruns":
        words += ["--home", str(store.home)]
    if store.uri != resolve_uri(store.home, None):
        words += ["--tracking-uri", without_credentials(store.uri)]
    if store.experiment != DEFAULT:
        words += ["--experiment", store.experiment]
    return shlex.join(words)
