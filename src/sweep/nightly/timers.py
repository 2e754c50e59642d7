"""What starts the nights: a timer of systemd, or a line in the user's crontab, whichever this machine has."""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sweep.errors import SweepError
from sweep.files import replacing
from sweep.nightly.times import Schedule

SYSTEMD, CRON = "systemd", "cron"
EVERY_MIN: Final = 10  # how often cron asks whether a night is due: it knows neither UTC nor missed nights
STOP_S: Final = 300  # how long systemd waits for a sweep that was asked to stop
TIMEOUT_S: Final = 60


@dataclass(frozen=True)
class Job:
    """What is to be started every night.

    Attributes:
        home: the home of its sweeps, by which the job is known.
        folder: where it is started.
        schedule: when.
        overrides: those of its sweep.
    """

    home: Path
    folder: Path
    schedule: Schedule
    overrides: tuple[str, ...]

    @property
    def name(self) -> str:
        """The name of the job on this machine."""
        return job_name(self.home)

    def words(self) -> str:
        """When it is started, in words."""
        until = "" if self.schedule.until is None else f", until {self.schedule.until:%H:%M}"
        return f"Every night at {self.schedule.at:%H:%M} UTC{until}"

    @property
    def command(self) -> str:
        """The command line that a timer starts."""
        words = [sys.executable, "-m", "sweep", "nightly", "run", "--if-due", *self.overrides]
        return shlex.join(words)


def job_name(home: Path) -> str:
    """What the job of a home is called."""
    return f"npu-sweep-{hashlib.sha256(str(home).encode()).hexdigest()[:8]}"


def available() -> str:
    """What there is: `systemd` where it runs, otherwise `cron`.

    Raises:
        SweepError: Neither is there.
    """
    if _systemd_runs():
        return SYSTEMD
    if shutil.which("crontab"):
        return CRON
    raise SweepError(
        "Neither systemd nor cron is here to start the nights. Install cron (Debian and Ubuntu: apt-get install cron), "
        "or start `python -m sweep nightly run --if-due` every ten minutes by what you have."
    )


def files_of(job: Job) -> dict[Path, str]:
    """The units of systemd, by where they go."""
    # Specifiers, variables and escapes of systemd: a command line may hold all three signs.
    command = job.command.replace("\\", "\\\\").replace("%", "%%").replace("$", "$$")
    home = str(job.home).replace("%", "%%")
    service = f"""\
[Unit]
Description=npu-sweep, every night, in {home}

[Service]
Type=oneshot
WorkingDirectory={str(job.folder).replace("%", "%%")}
ExecStart={command}
KillMode=mixed
TimeoutStopSec={STOP_S}
# 3: a regression was found, which the night has told
SuccessExitStatus=3
"""
    timer = f"""\
[Unit]
Description=npu-sweep, every night, in {home}

[Timer]
OnCalendar=*-*-* {job.schedule.at:%H:%M}:00 UTC
Persistent=true

[Install]
WantedBy=timers.target
"""
    return {_units() / f"{job.name}.service": service, _units() / f"{job.name}.timer": timer}


def cron_line(job: Job) -> str:
    """The line of the crontab."""
    command = f"cd {shlex.quote(str(job.folder))} && {job.command}".replace("%", "\\%")  # cron takes % for a line's end
    return f"*/{EVERY_MIN} * * * * {command} >/dev/null # {job.name}"


def install(job: Job, kind: str) -> None:
    """Set the timer, in the place of an earlier one of the same home.

    Raises:
        SweepError: The system refuses.
    """
    remove(job.home)
    with replacing(_words_file(job.home)) as part:
        part.write_text(job.words(), "utf-8")
    if kind == CRON:
        _write_crontab([*_crontab(), cron_line(job)])
        return
    for path, text in files_of(job).items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.chmod(0o600)  # an override may hold a password
        path.write_text(text, "utf-8")
    _systemctl("daemon-reload")
    _systemctl("enable", "--now", f"{job.name}.timer")


def remove(home: Path) -> list[str]:
    """Take away what starts the nights of a home; returns what there was.

    Raises:
        SweepError: The system refuses.
    """
    name, found = job_name(home), []
    timer = _units() / f"{name}.timer"
    if timer.exists():
        if _systemd_runs():
            _systemctl("disable", "--now", timer.name)
        for path in (timer, timer.with_suffix(".service")):
            path.unlink(missing_ok=True)
        if _systemd_runs():
            _systemctl("daemon-reload")
        found.append(SYSTEMD)
    lines = _crontab()
    kept = [line for line in lines if not line.endswith(f"# {name}")]
    if len(kept) < len(lines):
        _write_crontab(kept)
        found.append(CRON)
    return found


def words_of(home: Path) -> str | None:
    """When the installed job of a home is started, in words; None where that is not known."""
    try:
        return _words_file(home).read_text("utf-8")
    except OSError:
        return None


def _words_file(home: Path) -> Path:
    return home / "nightly" / "installed"


def installed(home: Path) -> list[str]:
    """What starts the nights of a home."""
    name = job_name(home)
    found = [SYSTEMD] if (_units() / f"{name}.timer").exists() else []
    return [*found, CRON] if any(line.endswith(f"# {name}") for line in _crontab()) else found


def _units() -> Path:
    """Where units go: those of the system for root, otherwise the user's own."""
    if os.geteuid() == 0:
        return Path("/etc/systemd/system")
    return Path(os.environ.get("XDG_CONFIG_HOME", "~/.config")).expanduser() / "systemd" / "user"


def _systemd_runs() -> bool:
    """Whether this systemd can be asked to start something."""
    if shutil.which("systemctl") is None or not Path("/run/systemd/system").is_dir():
        return False
    return _run(["systemctl", *_scope(), "show-environment"]).returncode == 0


def _systemctl(*arguments: str) -> None:
    done = _run(["systemctl", *_scope(), *arguments])
    if done.returncode:
        raise SweepError(f"systemctl {' '.join(arguments)} failed: {done.stderr.strip() or done.stdout.strip()}")


def _scope() -> Sequence[str]:
    return [] if os.geteuid() == 0 else ["--user"]


def _crontab() -> list[str]:
    """The lines of the user's crontab."""
    if shutil.which("crontab") is None:
        return []
    done = _run(["crontab", "-l"])
    if done.returncode and "no crontab for" not in done.stderr:
        raise SweepError(f"The crontab cannot be read, so it is left as it is: {done.stderr.strip()}")
    return done.stdout.splitlines() if done.returncode == 0 else []


def _write_crontab(lines: Sequence[str]) -> None:
    done = _run(["crontab", "-"], "".join(f"{line}\n" for line in lines))
    if done.returncode:
        raise SweepError(f"crontab refuses the line: {done.stderr.strip()}")


def _run(command: Sequence[str], given: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, input=given, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
