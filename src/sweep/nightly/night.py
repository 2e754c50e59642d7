"""One night: a sweep as a process of its own, alone in its home, and stopped when the night is over."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from sweep.delivery import EXIT_FAILED
from sweep.errors import SweepError
from sweep.files import replacing
from sweep.interruption import EXIT_CODES, Interrupted, interruptible
from sweep.nightly.second_look import Ended
from sweep.nightly.settings import with_sweep
from sweep.nightly.times import Schedule, due, end_of, last_begin
from sweep.tracking import names
from sweep.tracking.spool.journal import JOURNAL, read

LOOK_S: Final = 1.0
LOCK_S: Final = 2.0  # whoever asks how things are holds the lock for a moment


@dataclass(frozen=True)
class Night:
    """What is known of a night; times are UTC in ISO 8601.

    Attributes:
        night: when it was to begin.
        began: when it did.
        ended: None while it runs, or where it was cut short without a word.
        exit_code: of its sweep.
        over: whether it was stopped at `nightly.until`, so that the next night goes on.
        log: what its sweep has said.
    """

    night: str
    began: str
    ended: str | None = None
    exit_code: int | None = None
    over: bool = False
    log: str = ""


After = Callable[[Ended, "NightSweeps"], int]
"""What is done when the sweep of a night has ended, with how it did and the night, in which more sweeps may run;
returns the night's exit code."""


def folder_of(home: Path) -> Path:
    """Where nights keep what they know."""
    return home / "nightly"


def last_night(home: Path) -> Night | None:
    """The last night of a home; None where there was none."""
    try:
        content = json.loads((folder_of(home) / "last.json").read_text("utf-8"))
        return Night(**content)
    except (OSError, ValueError, TypeError):
        return None


def begin_with(home: Path, schedule: Schedule, now: datetime) -> None:
    """Let the next night be the first one that is due: those before it were never asked for."""
    folder_of(home).mkdir(parents=True, exist_ok=True)
    known, begin = last_night(home), _text(last_begin(schedule, now))
    if known is None:
        _keep(home, Night(begin, _text(now)))
    elif known.night < begin:
        _keep(home, replace(known, night=begin))


def runs_now(home: Path) -> bool:
    """Whether a night is under way."""
    path = folder_of(home) / "lock"
    if not path.exists():
        return False
    try:
        with FileLock(path, timeout=0):
            return False
    except Timeout:
        return True


def run_night(
    home: Path,
    schedule: Schedule,
    overrides: Sequence[str],
    say: Callable[[str], None],
    *,
    after: After | None = None,
    if_due: bool = False,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> int:
    """Run a night, unless one is under way.

    Args:
        home: The sweep's home.
        schedule: When nights are.
        overrides: Those of the sweep.
        say: Where to say what is done.
        after: What is done when its sweep has ended.
        if_due: Do nothing unless the last night that was to begin has not been run, and is not over.
        now: The time.

    Returns:
        The exit code: that of the sweep, but 0 where the night was over before it, or where nothing was to be done.

    Raises:
        Interrupted: Ctrl-C or SIGTERM, when the sweep has ended.
    """
    folder_of(home).mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder_of(home) / "lock", timeout=LOCK_S)
    try:
        lock.acquire()
    except Timeout:
        known = last_night(home)
        since = "" if known is None else f" since {known.began} UTC"
        say(f"A night is under way{since}: nothing to do.")
        return 0
    try:
        begin = _begin(home, schedule, now(), if_due)
        if begin is None:
            say("No night is due.")
            return 0
        return _run(home, schedule, begin, overrides, say, after or (lambda ended, _: ended.code), now)
    finally:
        lock.release()


def _begin(home: Path, schedule: Schedule, now: datetime, if_due: bool) -> datetime | None:
    if not if_due:
        return last_begin(schedule, now)
    known = last_night(home)
    return due(schedule, now, None if known is None else datetime.fromisoformat(known.night).replace(tzinfo=UTC))


def _run(
    home: Path,
    schedule: Schedule,
    begin: datetime,
    overrides: Sequence[str],
    say: Callable[[str], None],
    after: After,
    now: Callable[[], datetime],
) -> int:
    logs = folder_of(home) / "logs"
    logs.mkdir(exist_ok=True)
    log = logs / f"{now():%Y-%m-%dT%H%M%SZ}.log"
    night = Night(_text(begin), _text(now()), log=str(log))
    _keep(home, night)
    end = end_of(schedule, begin)
    if end is not None and end <= now():  # begun by hand, outside its time
        end = None
    until = "" if end is None else f", until {end:%H:%M} UTC"
    say(f"The night of {begin:%Y-%m-%d} begins{until}. Its log: {log}")
    sweeps = NightSweeps(home, log, end, now, say)
    ended = sweeps.run(with_sweep(overrides))
    sweeps.tell(_ending(log, ended.code, ended.over))
    code = after(ended, sweeps)
    _keep(home, replace(night, ended=_text(now()), exit_code=code, over=ended.over))
    return code


@dataclass
class NightSweeps:
    """Runs the sweeps of a night, one after the other.

    Attributes:
        home: their home.
        log: what they say.
        end: when the night is over; None where it has no end.
        now: the time.
        say: where to say what becomes of them.
        over: whether one was stopped because the night was over.
    """

    home: Path
    log: Path
    end: datetime | None
    now: Callable[[], datetime]
    say: Callable[[str], None]
    over: bool = False

    def tell(self, text: str) -> None:
        """Say something, and keep it in the log: under cron nobody listens."""
        self.say(text)
        with self.log.open("a", encoding="utf-8") as log:
            log.write(f"{text}\n")

    def run(self, overrides: Sequence[str]) -> Ended:
        """Run a sweep to its end, or until the night is over; not begun where it is already."""
        if self._is_over():
            return Ended(0, None, over=True)
        ours = [text for text in overrides if not text.startswith("nightly.")]  # addresses hold secrets
        before = _sweep_ids(self.home)
        with self.log.open("a", encoding="utf-8") as output:
            process = subprocess.Popen(  # in a group of its own: a terminal's Ctrl-C would reach it twice
                [sys.executable, "-m", "sweep", *ours], stdout=output, stderr=subprocess.STDOUT, text=True,
                start_new_session=True,
            )  # fmt: skip
            self._wait(process)
        code = process.returncode if process.returncode >= 0 else EXIT_FAILED  # a signal has killed it
        if self.over and code in EXIT_CODES.values():
            code = 0
        made = [sweep_id for sweep_id in _sweep_ids(self.home) - before if _made_by(self.home, sweep_id, process.pid)]
        return Ended(code, max(made, default=None), self.over)

    def _is_over(self) -> bool:
        return self.over or (self.end is not None and self.now() >= self.end)

    def _wait(self, process: subprocess.Popen[str]) -> None:
        """Wait for a sweep, and ask it to stop when the night is over."""
        try:
            with interruptible():
                while process.poll() is None:
                    if not self.over and self._is_over():
                        self.over = True
                        self.tell(
                            "The night is over: its sweep stops after the epochs under way, and the next night goes on."
                        )
                        process.send_signal(signal.SIGINT)
                    _pause(process)
        except Interrupted as interruption:
            process.send_signal(next(number for number, code in EXIT_CODES.items() if code == interruption.exit_code))
            process.wait()
            raise


def _made_by(home: Path, sweep_id: str, pid: int) -> bool:
    """Whether a sweep is that of a process, and not one that somebody else has started meanwhile."""
    first = next(read(home / "sweeps" / sweep_id / JOURNAL), None)
    return first is not None and first[0].get("tags", {}).get(names.PID) == str(pid)


def _sweep_ids(home: Path) -> set[str]:
    """The ids of the sweeps of a home."""
    return {path.name for path in home.glob("sweeps/*") if path.is_dir()}


def _pause(process: subprocess.Popen[str]) -> None:
    try:
        process.wait(LOOK_S)
    except subprocess.TimeoutExpired:
        return


def _ending(log: Path, code: int, over: bool) -> str:
    """How a night has ended, in words: with its report, or with what its sweep has refused."""
    if over and code == 0:
        return "The night has ended; what is left goes on in the next one."
    told = [line for line in log.read_text("utf-8", "replace").splitlines() if line.startswith(("Report: ", "error: "))]
    return "\n".join([f"The night has ended with exit code {code}.", *told])


def _keep(home: Path, night: Night) -> None:
    with replacing(folder_of(home) / "last.json") as part:
        part.write_text(json.dumps(asdict(night), indent=2), "utf-8")


def _text(time: datetime) -> str:
    return f"{time:%Y-%m-%dT%H:%M:%S}"


def refuse_verbs(overrides: Sequence[str]) -> None:
    """Refuse what is no override of a sweep.

    Raises:
        SweepError: With each of them.
    """
    wrong = [text for text in overrides if "=" not in text and not text.startswith("~")]
    if wrong:
        raise SweepError(*(f"`{text}` is no option of a sweep: options are key=value." for text in wrong))
