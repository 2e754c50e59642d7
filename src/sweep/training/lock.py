"""A cell's folder is held by one process at a time. The operating system frees the lock when its holder dies."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

from filelock import FileLock, Timeout


@contextlib.contextmanager
def cell_lock(home: Path, key: str, on_wait: Callable[[], None]) -> Iterator[None]:
    """Hold the folder of a cell; `on_wait` is called once when another process holds it."""
    folder = home / "cells" / key
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        on_wait()
        lock.acquire()
    try:
        yield
    finally:
        lock.release()
