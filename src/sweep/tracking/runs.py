"""What a cell asks of tracking before it trains: is it done already, and did somebody die over it?"""

from __future__ import annotations

import platform
from collections.abc import Callable

from sweep.tracking import names, write
from sweep.tracking.read import RunInfo, find_runs_by_key, search
from sweep.tracking.store import Store

NO_WORD = "its process ended without a word"
LOST_WORD = "its worker died without a word; the trial was run again"
RUNNING = "attributes.status = 'RUNNING'"


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


def orphans(store: Store, *, sweep_alive: Callable[[str], bool], cell_alive: Callable[[str], bool]) -> list[RunInfo]:
    """This home's sweeps and cells that are RUNNING, but whose process is gone; `close_dead_sweeps` ends them.

    Args:
        store: The opened store.
        sweep_alive: Whether a process still holds the sweep of this id.
        cell_alive: Whether a process still holds the cell of this key.
    """
    own = {
        kind: [run for run in search(store, f"tags.`{names.KIND}` = '{kind}' AND {RUNNING}") if _from_here(store, run)]
        for kind in (names.KIND_SWEEP, names.KIND_CELL)
    }
    sweeps = [run for run in own[names.KIND_SWEEP] if not sweep_alive(str(run.sweep_id))]
    return sweeps + [run for run in own[names.KIND_CELL] if not cell_alive(str(run.key))]


def close_dead_sweeps(store: Store, *, sweep_alive: Callable[[str], bool], cell_alive: Callable[[str], bool]) -> None:
    """Mark this home's sweeps that are RUNNING, but whose process is gone, as KILLED, and their open cells with them.

    Args:
        store: The opened store.
        sweep_alive: Whether a process still holds the sweep of this id.
        cell_alive: Whether a process still holds the cell of this key.
    """
    for sweep in search(store, f"tags.`{names.KIND}` = '{names.KIND_SWEEP}' AND {RUNNING}"):
        if not _from_here(store, sweep) or sweep_alive(str(sweep.sweep_id)):
            continue
        close_open_cells(store, sweep.run_id, cell_alive=cell_alive)
        write.finish(store, sweep.run_id, "KILLED", reason=NO_WORD)


def close_open_cells(store: Store, sweep_run_id: str, *, cell_alive: Callable[[str], bool]) -> None:
    """Mark a sweep's cells that are RUNNING, but whose process is gone, as KILLED.

    Args:
        store: The opened store.
        sweep_run_id: The sweep's run.
        cell_alive: Whether a process still holds the cell of this key.
    """
    for cell in search(store, f"tags.`{names.PARENT}` = '{sweep_run_id}' AND {RUNNING}"):
        if not cell_alive(str(cell.key)):
            close_open_trials(store, cell.run_id)
            write.finish(store, cell.run_id, "KILLED", reason=NO_WORD)


def close_open_trials(store: Store, cell_run_id: str) -> None:
    """Mark the trials of a cell that are still RUNNING as lost; the caller knows that their workers are gone."""
    for trial in list(search(store, f"tags.`{names.PARENT}` = '{cell_run_id}' AND {RUNNING}")):
        mark_lost(store, trial.run_id)


def mark_lost(store: Store, run_id: str) -> None:
    """End the run of a trial as lost: it counts no longer among the trials of its cell."""
    write.set_tags(store, run_id, {names.KIND: names.KIND_LOST, names.TRIAL_STATE: names.LOST})
    write.finish(store, run_id, "KILLED", reason=LOST_WORD)


def _from_here(store: Store, run: RunInfo) -> bool:
    """Whether this host started the run, in this home: only then do the home's locks tell whether its process lives."""
    return run.tags.get(names.HOST) == platform.node() and run.tags.get(names.HOME) == str(store.home)
