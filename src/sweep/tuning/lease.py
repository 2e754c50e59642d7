"""Who works on a trial: a lease that its worker renews, whatever the storage, and how a dead worker is told.

On the same machine a dead process is seen at once. Elsewhere a worker is dead when its lease has not changed for
`LEASE_S` on the observer's own clock, so that clocks need not agree; while the observer could not reach the storage
either, nobody could renew anything, and that time does not count.
"""

from __future__ import annotations

import contextlib
import logging
import os
import platform
import sys
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeGuard

import psutil

from sweep.tuning.away import OUTAGES

if TYPE_CHECKING:
    from optuna.storages import BaseStorage
    from optuna.trial import FrozenTrial

LEASE: Final = "lease"  # the user attribute of a trial
RENEW_S: Final = 15.0
LEASE_S: Final = 90.0

_LINUX = sys.platform == "linux"

log = logging.getLogger(__name__)


def own_lease(beat: int = 0) -> dict[str, Any]:
    """The lease of this process: where it runs, which process it is, and how often it has been renewed."""
    return {"place": _place(), "pid": os.getpid(), "born": _born(os.getpid()), "beat": beat}


def give_up(storage: BaseStorage, trial_id: int) -> None:
    """Take the lease off a trial that was not told: it counts as one whose worker is dead."""
    with contextlib.suppress(Exception):  # it has ended, or the storage is away
        storage.set_trial_user_attr(trial_id, LEASE, own_lease() | {"pid": None})


class Lease:
    """Renews the lease of a running trial from a thread, for as long as the block lasts.

    Attributes:
        taken: set once another worker has closed the trial, because it took this one for dead.
    """

    def __init__(self, storage: BaseStorage, trial_id: int, renew_s: float = RENEW_S) -> None:
        self.taken = threading.Event()
        self._storage = storage
        self._trial_id = trial_id
        self._renew_s = renew_s
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._renew, name="tuning-lease", daemon=True)

    def __enter__(self) -> Lease:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._over.set()
        self._thread.join()
        if kind is not None:  # this process may live on, and would hold a trial on which nobody works
            give_up(self._storage, self._trial_id)

    def _renew(self) -> None:
        from optuna.exceptions import UpdateFinishedTrialError

        beat = 0
        while True:
            try:
                self._storage.set_trial_user_attr(self._trial_id, LEASE, own_lease(beat))
            except UpdateFinishedTrialError:
                if not self._over.is_set():
                    self.taken.set()
                return
            except Exception:  # a storage that is away for a while: the next beat will do
                OUTAGES.note()
                log.warning("The lease of a trial could not be renewed", exc_info=True)
            beat += 1
            if self._over.wait(self._renew_s):
                return


@dataclass
class Watch:
    """What an observer remembers of the leases that it has seen.

    Attributes:
        lease_s: after how many seconds a lease of another machine that has not changed is dead.
        held: the ids of the trials in this process's own hands. Others with its lease were let go without a word, for
            example because the storage went away in that moment.
    """

    lease_s: float = LEASE_S
    held: set[int] = field(default_factory=set)
    _seen: dict[int, tuple[Any, float]] = field(default_factory=dict)
    _changed: set[int] = field(default_factory=set)

    def dead(self, running: Iterable[FrozenTrial]) -> list[FrozenTrial]:
        """Those of the running trials whose worker is gone, as far as can be told by now."""
        return [trial for trial in running if self._is_dead(trial)]

    def alive(self, trial: FrozenTrial) -> bool:
        """Whether the worker of a running trial is known to live: on this machine, or by a lease that has changed."""
        lease = trial.user_attrs.get(LEASE)
        if _is_here(lease):
            return self._lives(trial, lease)
        return trial.number in self._changed

    def _is_dead(self, trial: FrozenTrial) -> bool:
        lease = trial.user_attrs.get(LEASE)
        if _is_here(lease):
            return not self._lives(trial, lease)
        now = time.monotonic()
        seen, since = self._seen.get(trial.number, (None, now))
        if trial.number not in self._seen or seen != lease:
            if trial.number in self._seen:
                self._changed.add(trial.number)
            self._seen[trial.number] = (lease, now)
            return False
        return now - max(since, OUTAGES.last) > self.lease_s

    def _lives(self, trial: FrozenTrial, lease: Mapping[str, Any]) -> bool:
        pid = lease.get("pid")
        if pid == os.getpid() and trial._trial_id not in self.held:
            return False
        return _born(pid) == lease.get("born")


def _is_here(lease: object) -> TypeGuard[Mapping[str, Any]]:
    return isinstance(lease, Mapping) and lease.get("place") == _place()


@cache
def _place() -> str:
    """This machine, and on Linux its space of process numbers: containers may share a name, and not their numbers."""
    parts = [platform.node()]
    for source in (_boot, _processes):
        try:
            parts.append(source())
        except OSError:  # no Linux
            continue
    return "/".join(parts)


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()


def _processes() -> str:
    return str(Path("/proc/self/ns/pid").stat().st_ino)


def _born(pid: object) -> float | None:
    """When the process of that number was started, or None where there is none (or a zombie).

    On Linux it is counted in ticks from the start of the machine: psutil's date follows corrections of the clock, so
    that two processes may read another one for the same third.
    """
    if not isinstance(pid, int):
        return None
    try:
        if _LINUX:
            after_name = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
            return None if after_name[0] in "ZX" else float(after_name[19])
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else round(process.create_time(), 1)
    except (OSError, psutil.Error):
        return None
