"""A pool of warm worker processes on this machine: devices, time limits, and a death that stays with its own job.

The local launcher only calls `run_jobs`. Nothing here knows what a job does.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, wait
from concurrent.futures import TimeoutError as JobTimeout
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import psutil
from filelock import FileLock, Timeout

from sweep.devices import Devices
from sweep.slots import Slot
from sweep.stopping import STOPPED

POLL_S = 0.25
PRELOAD_VARIABLE = "NPU_SWEEP_PRELOAD"
RESTARTS = 5  # of the pool itself, when a worker dies between two jobs


class JobLost(RuntimeError):
    """A job that ended without its own word: its process was killed, it took too long, or it was not started."""


@dataclass(frozen=True)
class PoolSettings:
    """How many workers, on what, how long a job may take, and the file that, once it is there, lets none begin."""

    slots: tuple[Slot, ...]
    timeout_s: float | None = None
    fail_fast: bool = False
    stop_file: Path | None = None
    preload: tuple[str, ...] = ()


def run_jobs(
    function: Callable[..., Any],
    jobs: Sequence[tuple[Any, ...]],
    settings: PoolSettings,
    failed: Callable[[Any], bool] = lambda _: False,
) -> list[Any]:
    """Run `function(*job)` for every job; a result per job in order, an exception in place of the result of a lost one.

    Args:
        function: What to run; importable in a fresh process.
        jobs: Arguments of each call.
        settings: Workers and limits.
        failed: Whether a result counts as a failure (for `fail_fast`).

    Raises:
        KeyboardInterrupt: And any other interruption of the calling thread; no worker is left then.
    """
    results: list[Any] = [JobLost("not started")] * len(jobs)
    waiting = list(range(len(jobs)))
    with tempfile.TemporaryDirectory(prefix="npu-sweep-slots-") as slot_folder:
        for _ in range(RESTARTS):
            waiting = _run_until_broken(function, jobs, waiting, settings, failed, results, Path(slot_folder))
            if not waiting:
                break
        for index in waiting:
            results[index] = JobLost("the worker pool broke down repeatedly: workers die before they take a job")
    return results


def _run_until_broken(
    function: Callable[..., Any],
    jobs: Sequence[tuple[Any, ...]],
    indices: Sequence[int],
    settings: PoolSettings,
    failed: Callable[[Any], bool],
    results: list[Any],
    slot_folder: Path,
) -> list[int]:
    """Run the jobs of `indices`; those that a broken pool did not get to are returned."""
    import multiprocessing

    from pebble import ProcessPool

    on_gpu = any(slot.environment for slot in settings.slots)
    pool = ProcessPool(
        max_workers=len(settings.slots),
        initializer=start_worker,
        initargs=(str(slot_folder), settings.slots, settings.preload),
        context=multiprocessing.get_context("forkserver" if _forks(on_gpu) else "spawn"),
    )
    untouched: list[int] = []
    later = deque(indices)
    # An idle worker takes the next job at once: to start nothing after a failure, give out what can run now, no more.
    ahead = len(settings.slots) if settings.fail_fast else len(indices)
    pending: dict[Any, int] = {}
    try:
        while pending or later:
            if settings.stop_file is not None and settings.stop_file.exists():
                for future in [future for future in pending if not future.running() and future.cancel()]:
                    results[pending.pop(future)] = JobLost(STOPPED)
                for index in later:
                    results[index] = JobLost(STOPPED)
                later.clear()
            while later and len(pending) < ahead and pool.active:
                index = later.popleft()
                pending[pool.schedule(function, args=jobs[index], timeout=settings.timeout_s)] = index
            done, _ = wait(pending, timeout=POLL_S, return_when=FIRST_COMPLETED)
            if not done and not pool.active:  # a broken pool forgets the jobs that it had not taken yet
                return [*untouched, *pending.values(), *later]
            for future in done:
                index = pending.pop(future)
                outcome = _outcome(future, settings)
                if isinstance(outcome, BrokenProcessPool):
                    untouched += [index, *later]
                    later.clear()
                    continue
                results[index] = outcome
                if settings.fail_fast and (isinstance(outcome, Exception) or failed(outcome)):
                    for other in pending:
                        other.cancel()
                    for other_index in (*pending.values(), *later):
                        results[other_index] = JobLost("stopped, because another cell failed and on_error=fail_fast")
                    return []
        return untouched
    finally:
        pool.stop()
        pool.join()


def _outcome(future: Any, settings: PoolSettings) -> Any:
    from pebble import ProcessExpired

    try:
        return future.result()
    except ProcessExpired as expired:
        return JobLost(f"its process was ended by {_cause(expired.exitcode)}")
    except JobTimeout:
        minutes = (settings.timeout_s or 0) / 60
        return JobLost(f"stopped after timeout_min={minutes:g} minutes")
    except CancelledError:
        return JobLost("cancelled")
    except BrokenProcessPool as broken:
        return broken
    except Exception as error:
        return error


def start_worker(slot_folder: str, slots: Sequence[Slot], preload: Sequence[str]) -> None:
    """Set up a worker process: its device, its end with its parent's, and the imports that every job needs."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_die_with_parent, name="parent-watch", daemon=True).start()
    os.environ.update(_take_slot(Path(slot_folder), slots).environment)
    import_for_good(preload)


def import_for_good(modules: Sequence[str]) -> None:
    """Import modules that stay: the garbage collector need not look through them again and again."""
    gc.disable()
    for module in modules:
        import_module(module)
    gc.freeze()
    gc.enable()


def start_imports(modules: Sequence[str], devices: Devices) -> None:
    """Begin to import modules in the process from which workers are forked later, once for all of them.

    It runs while the caller goes on planning. Only Linux and the CPU: a fork keeps neither threads nor an open GPU, so
    the modules must start no thread. Elsewhere nothing is done, and workers are spawned.
    """
    if not _forks(devices.type != "cpu") or not modules:
        return
    from multiprocessing import forkserver

    os.environ[PRELOAD_VARIABLE] = ",".join(modules)
    forkserver.set_forkserver_preload(["sweep.preload"])
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # inherited: Ctrl-C is for the parent to decide
    try:
        forkserver.ensure_running()
    finally:
        signal.signal(signal.SIGINT, before)


def _forks(on_gpu: bool) -> bool:
    return sys.platform == "linux" and not on_gpu


def _take_slot(folder: Path, slots: Sequence[Slot]) -> Slot:
    """The first place that no living worker holds: a lock of the operating system falls with its process."""
    for number, slot in enumerate(slots):
        lock = FileLock(folder / f"{number}.lock", timeout=0)
        try:
            lock.acquire()
        except Timeout:
            continue
        _held.append(lock)
        return slot
    return slots[os.getpid() % len(slots)]


_held: list[FileLock] = []


def _die_with_parent() -> None:
    """End this process and its own children as soon as the parent is gone, even by SIGKILL."""
    from multiprocessing import parent_process
    from multiprocessing.connection import wait as wait_for

    parent = parent_process()
    if parent is None:
        return
    wait_for([parent.sentinel])
    for child in psutil.Process().children(recursive=True):
        child.kill()
    os._exit(1)


def _cause(exitcode: int | None) -> str:
    if exitcode is not None and exitcode < 0:
        try:
            return f"signal {-exitcode} ({signal.Signals(-exitcode).name})"
        except ValueError:
            return f"signal {-exitcode}"
    return f"exit code {exitcode}"
