"""Kill a process of a sweep at a moment: while a certain file is being written, or at a random time."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Final

import psutil

from e2e.conftest import LIMIT_S, Desk

LOOK_S: Final = 0.0005
REFRESH_S: Final = 0.1
PART: Final = re.compile(r"\.(\d+)\.part$")  # sweep.files.replacing names the process that writes


@dataclass(frozen=True)
class Aim:
    """What is being done when the process is killed.

    Attributes:
        name: in words.
        patterns: files in home that are there, or grow, at that moment; the first pattern that fits any file counts.
            None: a random time.
        grows: whether such a file has to have grown, or to be new, rather than only to be there.
    """

    name: str
    patterns: tuple[str, ...] | None = None
    grows: bool = False


STATE: Final = Aim("the state is written", ("cells/*/*/.state.pt.*.part",))
CHECKPOINT: Final = Aim("a checkpoint is written", ("cells/*/*/weights/.*.pt.*.part",))
JOURNAL: Final = Aim(
    "the spool or the progress is written", ("cells/*/*/spool.jsonl", "sweeps/*/progress/*.jsonl"), grows=True
)
DATABASE: Final = Aim("MLflow's database is written", ("mlflow.db-journal",))
TABLE: Final = Aim("a table is written", ("sweeps/*/report.new/tables/*",), grows=True)
RANDOM: Final = Aim("anything is done")


@dataclass(frozen=True)
class Kill:
    """A kill that was made: at what, and how many files it left half written."""

    aim: Aim
    half_written: int


def workers(process: subprocess.Popen[str]) -> list[int]:
    """The worker processes of a sweep, as far as they are there: forked by a server, or spawned by the sweep itself."""
    try:
        children = psutil.Process(process.pid).children()
        below = [pid.pid for child in children for pid in child.children()]
        return below or [child.pid for child in children if "spawn_main" in " ".join(child.cmdline())]
    except psutil.Error:
        return []


def kill_worker(desk: Desk, process: subprocess.Popen[str], aim: Aim, random: Random, seconds: float) -> Kill | None:
    """SIGKILL a worker; None if the sweep came to its end before the moment did.

    A worker that is aimed at while it writes is stopped first, to see that it still does.
    """
    watch, refreshed, found = Watch(desk.home, aim, random), -1.0, list[int]()
    moment = time.monotonic() + random.uniform(0, seconds)
    while process.poll() is None:
        now = time.monotonic()
        if now - refreshed > REFRESH_S:
            refreshed, found = now, workers(process)
        if aim.patterns is None:
            if found and now > moment:
                return _kill(desk, random.choice(found), aim)
        elif (path := watch.seen()) is not None:
            victim = _writer(path, found)
            if victim is not None:
                os.kill(victim, signal.SIGSTOP)
                if aim.grows or path.exists():
                    return _kill(desk, victim, aim)
                os.kill(victim, signal.SIGCONT)
        time.sleep(LOOK_S)
    return None


def kill_sweep(desk: Desk, process: subprocess.Popen[str], aim: Aim, random: Random, seconds: float) -> Kill | None:
    """SIGKILL the process of the sweep itself; None if it came to its end before the moment did."""
    watch = Watch(desk.home, aim, random)
    moment = time.monotonic() + random.uniform(0, seconds)
    while process.poll() is None:
        if time.monotonic() > moment if aim.patterns is None else watch.seen() is not None:
            return _kill(desk, process.pid, aim)
        time.sleep(LOOK_S)
    return None


class Watch:
    """Sees that a file is being written, the first, second or third time that it happens."""

    def __init__(self, home: Path, aim: Aim, random: Random) -> None:
        self._home, self._aim = home, aim
        self._known = self._files() if aim.grows else {}
        self._wait = random.randrange(3)
        self._last: tuple[Path, tuple[int, ...]] | None = None

    def seen(self) -> Path | None:
        """The file, if it is being written at this moment."""
        files = self._files()
        news = [(path, stamp) for path, stamp in files.items() if self._known.get(path) != stamp]
        if self._aim.grows:
            self._known = files
        if not news:
            return None
        path, stamp = news[0]
        if (path, stamp) != self._last:
            self._last = path, stamp
            self._wait -= 1
        return path if self._wait < 0 else None

    def _files(self) -> dict[Path, tuple[int, ...]]:
        for pattern in self._aim.patterns or ():
            found = {path: stamp for path in self._home.glob(pattern) if (stamp := self._stamp(path)) is not None}
            if found:
                return found
        return {}

    def _stamp(self, path: Path) -> tuple[int, ...] | None:
        try:
            stat = path.stat()
        except OSError:
            return None
        return (stat.st_size,) if self._aim.grows else (stat.st_ino,)


def _kill(desk: Desk, pid: int, aim: Aim) -> Kill | None:
    os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + LIMIT_S
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return Kill(aim, len([path for path in desk.home.rglob(".*.part") if f".{pid}." in path.name]))


def _writer(path: Path, candidates: Sequence[int]) -> int | None:
    """Which of the processes writes a file: the one that its name tells, that has it open, or a file beside it."""
    if match := PART.search(path.name):
        return next((pid for pid in candidates if pid == int(match[1])), None)
    opened = {pid: _opened(pid) for pid in candidates}
    for pid, paths in opened.items():
        if str(path) in paths:
            return pid
    beside = [pid for pid, paths in opened.items() if any(one.startswith(f"{path.parent}/") for one in paths)]
    return beside[0] if beside else _last_word(path, candidates)


def _opened(pid: int) -> set[str]:
    found: set[str] = set()
    with contextlib.suppress(OSError):
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):  # closed meanwhile
                found.add(str(descriptor.readlink()))
    return found


def _last_word(path: Path, candidates: Sequence[int]) -> int | None:
    """The process that wrote the last line of a progress file."""
    import json

    if path.suffix != ".jsonl":
        return None
    try:
        event: dict[str, Any] = json.loads(path.read_text("utf-8").splitlines()[-1])
    except (OSError, ValueError, IndexError):
        return None
    return event["pid"] if event.get("pid") in candidates else None
