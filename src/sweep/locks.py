"""Who holds a cell or a sweep: locks of the operating system, which fall when their holder dies, however it dies."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from sweep.paths import inside

LOCK = ".lock"
WAIT_S = 1.0
WORKERS = "workers"  # in a cell's folder: a lock of each worker that tunes it


@contextlib.contextmanager
def cell_lock(
    home: Path, key: str, on_wait: Callable[[], None], while_waiting: Callable[[], None] = lambda: None
) -> Iterator[None]:
    """Hold the folder of a cell while it trains.

    Args:
        home: The folder that holds all state.
        key: The cell's.
        on_wait: Called once when another process holds it.
        while_waiting: Called again and again then; what it raises ends the waiting.
    """
    lock = _lock(cell_folder(home, key))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        on_wait()
        while not lock.is_locked:
            while_waiting()
            with contextlib.suppress(Timeout):
                lock.acquire(timeout=WAIT_S)
    try:
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def tuning_lock(home: Path, key: str, sweep_id: str, worker: int) -> Iterator[None]:
    """Be known as one of the workers of a sweep that tune a cell: they share it, and no other sweep may have it."""
    path = _workers(home, key) / f"{sweep_id}.{worker}{LOCK}"
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path):
        yield
    path.unlink(missing_ok=True)  # its name is this worker's alone


def tuned_elsewhere(home: Path, key: str, sweep_id: str) -> bool:
    """Whether workers of another sweep on this host tune the cell at this moment."""
    locks = _workers(home, key).glob(f"*{LOCK}")
    return any(_taken(path) for path in locks if not path.name.startswith(f"{sweep_id}."))


@contextlib.contextmanager
def sweep_lock(home: Path, sweep_id: str) -> Iterator[None]:
    """Hold the folder of a sweep while its process lives."""
    with _lock(_sweep(home, sweep_id)):
        yield


def cell_held(home: Path, key: str, wait_s: float = 0.0) -> bool:
    """Whether a process of this host holds the cell, or tunes it, and does not let go of it within some seconds."""
    return _held(cell_folder(home, key), wait_s) or any(
        _taken(path, wait_s) for path in _workers(home, key).glob(f"*{LOCK}")
    )


def sweep_held(home: Path, sweep_id: str) -> bool:
    """Whether a process of this host holds the sweep."""
    return _held(_sweep(home, sweep_id))


def cell_folder(home: Path, key: str) -> Path:
    """The folder of a cell in home, with a folder for each of its runs."""
    return inside(home / "cells", key)


def _sweep(home: Path, sweep_id: str) -> Path:
    return inside(home / "sweeps", sweep_id)


def _lock(folder: Path) -> FileLock:
    folder.mkdir(parents=True, exist_ok=True)
    return FileLock(folder / LOCK)


def _workers(home: Path, key: str) -> Path:
    return cell_folder(home, key) / WORKERS


def _held(folder: Path, wait_s: float = 0.0) -> bool:
    return _taken(folder / LOCK, wait_s)


def _taken(path: Path, wait_s: float = 0.0) -> bool:
    if not path.exists():
        return False
    try:
        with FileLock(path, timeout=wait_s):
            return False
    except Timeout:
        return True
