"""Nights: one at a time, to their end, and on with what is left the next time."""

from __future__ import annotations

import signal
from datetime import UTC, datetime
from datetime import time as clock

import pytest

from e2e.conftest import TINY, Desk, gone_within, tree
from sweep.nightly.night import last_night, run_night
from sweep.nightly.times import Schedule

pytestmark = pytest.mark.slow
NIGHT = (
    *TINY,
    "npu=none",
    "recipe.epochs=20",
    "recipe.patience=0",
    "workers=1",
    "sweeps=nightly",
    "level=2,3",
    "act=relu",
)
SCHEDULE = Schedule(clock(1, 0), clock(6, 0))


def test_a_night_that_is_over_in_mid_sweep_goes_on_in_the_next(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(desk.folder)
    said: list[str] = []

    def over() -> datetime:
        """Two o'clock, until a cell has come to its third epoch; then it is after six."""
        far = any(event["event"] == "epoch" and event["epoch"] >= 3 for event in desk.events())
        return datetime(2026, 3, 2, 7 if far else 2, tzinfo=UTC)

    assert run_night(desk.home, SCHEDULE, NIGHT, said.append, now=over) == 0
    night = last_night(desk.home)
    assert night is not None and night.over and night.exit_code == 0
    assert "The night of 2026-03-02 begins, until 06:00 UTC" in said[0]
    assert "the next night goes on" in said[1]
    assert [run.status for run in desk.cell_runs()] == ["killed"]

    def day() -> datetime:
        return datetime(2026, 3, 2, 12, tzinfo=UTC)

    assert run_night(desk.home, SCHEDULE, NIGHT, said.append, if_due=True, now=day) == 0
    assert said[-1] == "No night is due."

    def missed() -> datetime:
        """The second night was missed; in the third it is half past one before the machine is there."""
        return datetime(2026, 3, 4, 1, 30, tzinfo=UTC)

    assert run_night(desk.home, SCHEDULE, NIGHT, said.append, if_due=True, now=missed) == 0
    night = last_night(desk.home)
    assert night is not None and not night.over and night.night == "2026-03-04T01:00:00"
    assert list(desk.last_cells()["status"]) == ["finished", "finished"]
    again = [event for event in desk.events() if event["event"] == "started" and event["done"] >= 3]
    assert len(again) == 1, "the cell that was under way went on"
    assert run_night(desk.home, SCHEDULE, NIGHT, said.append, if_due=True, now=missed) == 0
    assert said[-1] == "No night is due."


def test_two_at_once_and_a_stop(desk: Desk) -> None:
    first = desk.start("nightly", "run", *NIGHT, "recipe.epochs=500")
    desk.wait_for(lambda event: event["event"] == "epoch")
    code, output = desk.run("nightly", "run", *NIGHT)
    assert code == 0
    assert "A night is under way since" in output
    assert "A night is under way since" in desk.run("nightly", "status")[1]

    processes = tree(first)
    first.send_signal(signal.SIGTERM)
    first.communicate(timeout=120)
    assert first.returncode == 143
    assert not gone_within(processes, 20)
    assert "was cut short" in desk.run("nightly", "status")[1]
