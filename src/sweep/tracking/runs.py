"""What a cell asks of tracking before it trains: is it done already, and did somebody die over it?"""

from __future__ import annotations

import platform
from collections.abc import Callable

from sweep.tracking import names, write
from sweep.tracking.read import RunInfo, find_runs_by_key, search
from sweep.tracking.store import Store

NO_WORD = "its process ended without a word"


def finished_run(store: Store, key: str) -> RunInfo | None:
    """The newest finished run of a cell, or None."""
    runs = find_runs_by_key(store, [key]).get(key, [])
    return next((run for run in runs if run.status == "finished"), None)


def close_abandoned(store: Store, key: str) -> None:
    """Mark this home's runs of a cell that are still RUNNING as KILLED.

    The caller holds the cell's lock, so the process that started them is gone.
    """
    for run in find_runs_by_key(store, [key]).get(key, []):
        if run.status == "running" and _from_here(store, run):
            write.finish(store, run.run_id, "KILLED", reason=NO_WORD)


def close_dead_sweeps(store: Store, *, sweep_alive: Callable[[str], bool], cell_alive: Callable[[str], bool]) -> None:
    """Mark this home's sweeps that are RUNNING, but whose process is gone, as KILLED, and their open cells with them.

    Args:
        store: The opened store.
        sweep_alive: Whether a process still holds the sweep of this id.
        cell_alive: Whether a process still holds the cell of this key.
    """
    running = "attributes.status = 'RUNNING'"
    for sweep in search(store, f"tags.`{names.KIND}` = '{names.KIND_SWEEP}' AND {running}"):
        if not _from_here(store, sweep) or sweep_alive(str(sweep.sweep_id)):
            continue
        for cell in search(store, f"tags.`{names.PARENT}` = '{sweep.run_id}' AND {running}"):
            if not cell_alive(str(cell.key)):
                write.finish(store, cell.run_id, "KILLED", reason=NO_WORD)
        write.finish(store, sweep.run_id, "KILLED", reason=NO_WORD)


def _from_here(store: Store, run: RunInfo) -> bool:
    """Whether this host started the run, in this home: only then do the home's locks tell whether its process lives."""
    return run.tags.get(names.HOST) == platform.node() and run.tags.get(names.HOME) == str(store.home)
