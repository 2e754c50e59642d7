"""Runs whose process is gone: found by who holds the locks of home, and ended."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final

from sweep.locks import cell_held, sweep_held
from sweep.tracking import names
from sweep.tracking.known import home_runs
from sweep.tracking.read import RunInfo, find_runs_by_key, search
from sweep.tracking.run import Run, run_of
from sweep.tracking.spool.journal import JOURNAL
from sweep.tracking.spool.pending import pending
from sweep.tracking.spool.replay import replay, replay_any
from sweep.tracking.store import Store

NO_WORD = "its process ended without a word"
LOST_WORD = "its worker died without a word; the trial was run again"
SILENCE: Final = timedelta(minutes=10)  # a run shows about once a minute that its process lives

Alive = Callable[[str], bool]


def close_abandoned(store: Store, key: str) -> None:
    """Mark this home's runs of a cell that are still open as KILLED.

    The caller holds the cell's lock, so the process that began them is gone.
    """
    for run in home_runs(store, key):
        if run.status == "running":
            run_of(store, run).finish("KILLED", NO_WORD)


def close_abandoned_imports(store: Store, key: str) -> None:
    """The same for runs that were logged to MLflow directly, as imports are."""
    for run in find_runs_by_key(store, [key]).get(key, []):
        if run.status == "running" and run.tags.get(names.HOME) == str(store.home) and _of_this_host(run):
            run_of(store, run).finish("KILLED", NO_WORD)


def orphans(store: Store, *, sweep_alive: Alive, cell_alive: Alive, there: bool = True) -> list[RunInfo]:
    """This home's sweeps and cells that are open, but whose process is gone; `close_dead_sweeps` ends them.

    Args:
        store: The store.
        sweep_alive: Whether a process still holds the sweep of this id.
        cell_alive: Whether a process still holds the cell of this key.
        there: Whether MLflow is; where it is away, home alone is asked.
    """
    return _dead([run for run in _open_runs(store, there) if _of_this_host(run)], sweep_alive, cell_alive)


def stale_journals(home: Path, *, sweep_alive: Alive, cell_alive: Alive) -> list[RunInfo]:
    """The same by the journals of a home alone, whatever stores they are for."""
    found = (replay_any(folder) for folder in pending(home))
    own = [run for _, run in filter(None, found) if run.status == "running" and _of_this_host(run)]
    return _dead(own, sweep_alive, cell_alive)


def silent(store: Store) -> Iterator[tuple[RunInfo, str]]:
    """Yield runs of other hosts that are RUNNING in MLflow without a recent sign of life, each with a word on it."""
    for run in search(store, "attributes.status = 'RUNNING'"):
        beat = run.tags.get(names.HEARTBEAT)
        if _of_this_host(run) or _kind(run) not in (names.KIND_SWEEP, names.KIND_CELL) or beat is None:
            continue
        if datetime.now(UTC) - datetime.fromisoformat(beat) > SILENCE:
            owner = f"{run.tags.get(names.HOST)}, process {run.tags.get(names.PID)}"
            yield run, f"on {owner}, no sign of life since {beat}. A sweep there, in its home, marks it as killed."


def close_dead_sweeps(
    store: Store, *, sweep_alive: Alive | None = None, cell_alive: Alive | None = None, there: bool = True
) -> None:
    """Mark this home's sweeps that are open, but whose process is gone, as KILLED, and their open cells with them.

    Args:
        store: The store.
        sweep_alive: Whether a process still holds the sweep of this id; by default its lock tells.
        cell_alive: Whether a process still holds the cell of this key; by default its lock tells.
        there: Whether MLflow is; where it is away, home alone is asked.
    """
    sweep_alive = sweep_alive or partial(sweep_held, store.home)
    cell_alive = cell_alive or partial(cell_held, store.home)
    own = [run for run in _open_runs(store, there) if _of_this_host(run)]
    for sweep in own:
        if _kind(sweep) == names.KIND_SWEEP and not sweep_alive(str(sweep.sweep_id)):
            _close_cells(store, own, sweep.id, cell_alive)
            run_of(store, sweep).finish("KILLED", NO_WORD)


def close_open_cells(store: Store, sweep: str, *, cell_alive: Alive) -> None:
    """Mark a sweep's cells that are open, but whose process is gone, as KILLED.

    Args:
        store: The store.
        sweep: What the sweep's run is called in this home.
        cell_alive: Whether a process still holds the cell of this key.
    """
    _close_cells(store, list(_open_runs(store, there=False)), sweep, cell_alive)


def close_open_trials(store: Store, cell: RunInfo) -> None:
    """Mark the trials of a cell that are still open as lost; the caller knows that their workers are gone."""
    for trial in home_runs(store, str(cell.key), names.KIND_TRIAL):
        if trial.status == "running" and trial.parent_run_id == cell.id:
            mark_lost(run_of(store, trial))


def mark_lost(run: Run) -> None:
    """End the run of a trial as lost: it counts no longer among the trials of its cell."""
    run.set_tags({names.KIND: names.KIND_LOST, names.TRIAL_STATE: names.LOST})
    run.finish("KILLED", LOST_WORD)


def _dead(own: list[RunInfo], sweep_alive: Alive, cell_alive: Alive) -> list[RunInfo]:
    """Of open runs of this host those whose process is gone: sweeps, then cells."""
    sweeps = [run for run in own if _kind(run) == names.KIND_SWEEP and not sweep_alive(str(run.sweep_id))]
    return sweeps + [run for run in own if _kind(run) == names.KIND_CELL and not cell_alive(str(run.key))]


def _close_cells(store: Store, own: list[RunInfo], sweep: str, cell_alive: Alive) -> None:
    for cell in own:
        if _kind(cell) == names.KIND_CELL and cell.parent_run_id == sweep and not cell_alive(str(cell.key)):
            close_open_trials(store, cell)
            run_of(store, cell).finish("KILLED", NO_WORD)


def _kind(run: RunInfo) -> str | None:
    return run.tags.get(names.KIND)


def _open_runs(store: Store, there: bool) -> Iterator[RunInfo]:
    """This home's runs, of any host, that have not ended: by their journals, and of those that have none by MLflow."""
    for folder in pending(store.home):
        run = replay(store, folder)
        if run is not None and run.status == "running":
            yield run
    if there:
        for run in list(search(store, "attributes.status = 'RUNNING'")):
            if run.tags.get(names.HOME) == str(store.home) and not (_folder(store, run) / JOURNAL).exists():
                yield run


def _folder(store: Store, run: RunInfo) -> Path:
    """Where the journal of a run would be in this home."""
    if _kind(run) == names.KIND_SWEEP:
        return store.home / "sweeps" / str(run.sweep_id)
    return store.home / "cells" / str(run.key) / run.id


def _of_this_host(run: RunInfo) -> bool:
    """Whether this host has begun the run: only then do the home's locks tell whether its process lives."""
    return run.tags.get(names.HOST) == platform.node()
