"""`python -m sweep nightly`: what starts the nights, and which of them are run."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.command_line import Ended
from support.plans import made
from sweep.nightly.timers import job_name
from sweep.plan import CANARY, CHANGED, FINISHED, NEW, with_states
from sweep.tracking import names, write
from sweep.tracking.provenance import provenance_tags
from sweep.tracking.store import open_store

needs_cron = pytest.mark.skipif(shutil.which("crontab") is None, reason="cron is not installed (apt-get install cron)")


def test_units_are_what_systemd_understands(sweep: Callable[..., Ended], home: Path, tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed (apt-get install systemd)")
    ended = sweep("nightly", "install", "level=2,3", f"home={home}", "nightly.at=02:30", "--with", "systemd", "--print")
    assert ended.returncode == 0, ended.stderr
    assert "OnCalendar=*-*-* 02:30:00 UTC" in ended.stdout
    assert "Persistent=true" in ended.stdout
    units = []
    for part in ended.stdout.split("# /")[1:]:
        path, _, text = part.partition("\n")
        units.append(tmp_path / Path(path).name)
        units[-1].write_text(text)
    assert {unit.suffix for unit in units} == {".service", ".timer"}
    done = subprocess.run(
        ["systemd-analyze", "verify", *map(str, units)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert job_name(home) not in done.stderr, done.stderr


@pytest.fixture
def crontab(home: Path) -> Iterator[Callable[[], list[str]]]:
    """`crontab()`: the lines of this home; none is left afterwards, and others stay as they are."""

    def lines() -> list[str]:
        done = subprocess.run(["crontab", "-l"], capture_output=True, text=True, check=False)
        return [line for line in done.stdout.splitlines() if job_name(home) in line]

    yield lines
    from sweep.nightly.timers import remove

    remove(home)


@needs_cron
def test_cron(sweep: Callable[..., Ended], home: Path, tmp_path: Path, crontab: Callable[[], list[str]]) -> None:
    """Installed twice it is there once; what cron starts runs in an empty environment; removed it is gone."""
    options = ("level=2", f"home={home}", "nightly.at=00:00", "exclude=[{level: 9}]")
    for _ in range(2):
        ended = sweep("nightly", "install", *options, "--with", "cron")
        assert ended.returncode == 0, ended.stderr
        assert "Every night at 00:00 UTC, by cron" in ended.stdout
    (line,) = crontab()
    schedule, command = line.split(" ", 5)[:5], line.split(" ", 5)[5]
    assert schedule == ["*/10", "*", "*", "*", "*"]
    command = command.replace(">/dev/null", "").replace("\\%", "%")  # cron's own reading of the line
    done = subprocess.run(
        ["/bin/sh", "-c", command], env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}, capture_output=True,
        text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout == "No night is due.\n", "those before it was installed were never asked for"

    ended = sweep("nightly", "status", f"home={home}")
    assert "Every night at 00:00 UTC, by cron" in ended.stdout, "as installed, whatever the configuration says now"
    assert "There was no night yet." in ended.stdout
    assert "Removed from cron." in sweep("nightly", "remove", f"home={home}").stdout
    assert crontab() == []
    assert "nothing to remove" in sweep("nightly", "remove", f"home={home}").stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "nightly.at=25:00"], "nightly.at=25:00 must be a time of day in UTC"),
        (["run", "nightly.until=soon"], "nightly.until=soon must be a time of day"),
        (["run", "plan"], "`plan` is no option of a sweep"),
        (["run", "lvl=2"], "There is no option `lvl`"),
        (["install", "--with", "at"], "--with at is unknown. Choices: auto, systemd, cron"),
        (["run", "nightly.at=01:00,02:00"], "nightly.at cannot be swept"),
    ],
)
def test_what_is_wrong_is_said(sweep: Callable[..., Ended], home: Path, arguments: list[str], said: str) -> None:
    ended = sweep("nightly", *arguments, f"home={home}")
    assert ended.returncode == 2
    assert said in ended.stdout + ended.stderr


def test_only_what_changed_and_a_canary_are_trained_again(home: Path) -> None:
    store = open_store(home, "npu-sweep")
    parent = write.start_sweep(store, sweep_id="s", name="s", command="c", tags={})
    arguments = ["level=4", "seed=range(0,4)", f"home={home}", "npu=none"]
    other = {names.GIT_COMMIT: "0123", f"{names.VERSION_PREFIX}sweep": "0.0.0"}
    for planned, tags in zip(made(*arguments).cells[:3], ({}, {}, other), strict=True):
        run = write.start_cell(
            store, parent_run_id=parent, sweep_id="s", cell_name=planned.cell.name, cell_key=planned.cell.key,
            params={}, tags=provenance_tags("cpu") | tags,
        )  # fmt: skip
        write.finish(store, run, "FINISHED")

    plan = with_states(made(*arguments, "rerun=changed"), store)
    assert [planned.state for planned in plan.cells] == [CANARY, FINISHED, CHANGED, NEW]
    assert [planned.cell.index for planned in plan.to_run] == [0, 2, 3]
    assert len(with_states(made(*arguments), store).to_run) == 1


def test_a_crontab_that_cannot_be_read_is_left_alone(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from subprocess import CompletedProcess

    from sweep.errors import SweepError
    from sweep.nightly import timers

    asked: list[list[str]] = []

    def run(command: list[str], given: str | None = None) -> CompletedProcess[str]:
        asked.append(command)
        return CompletedProcess(command, 1, "", "crontab: You are not allowed to use this program")

    monkeypatch.setattr(timers, "_run", run)
    monkeypatch.setattr(timers.shutil, "which", lambda name: f"/usr/bin/{name}")
    with pytest.raises(SweepError, match="cannot be read, so it is left as it is"):
        timers.remove(home)
    assert asked == [["crontab", "-l"]]


def test_installing_anew_asks_for_no_night_that_is_past(home: Path) -> None:
    """Nobody wants a sweep in the middle of the day, because a timer was installed months ago."""
    from datetime import UTC, datetime, time

    from sweep.nightly.night import Night, _keep, begin_with, last_night
    from sweep.nightly.times import Schedule, due

    schedule, noon = Schedule(time(1, 0)), datetime(2026, 3, 2, 12, tzinfo=UTC)
    (home / "nightly").mkdir(parents=True)
    _keep(home, Night("2025-12-01T01:00:00", "2025-12-01T01:00:03", exit_code=0))
    begin_with(home, schedule, noon)
    known = last_night(home)
    assert known is not None and known.exit_code == 0
    assert due(schedule, noon, datetime.fromisoformat(known.night).replace(tzinfo=UTC)) is None
