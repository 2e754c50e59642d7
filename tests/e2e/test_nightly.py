"""Nights: one at a time, to their end, and on with what is left the next time."""

from __future__ import annotations

import signal
from datetime import UTC, datetime
from datetime import time as clock

import pytest

from e2e.conftest import TINY, Desk, gone_within, tree
from support.sweeps import end_sweep, store_cell, store_sweep
from sweep.nightly.night import last_night, run_night
from sweep.nightly.past import cells_of
from sweep.nightly.second_look import Ended
from sweep.nightly.times import Schedule
from sweep.tracking.read import search, sweep_run

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


def test_a_cell_that_looks_worse_is_trained_again_in_the_same_night(desk: Desk) -> None:
    """A real night, a week of better ones that are only figures, and a real one again."""
    options = (*TINY, "npu=none", "recipe.epochs=2", "sweeps=nightly", "level=4", "act=relu")
    code, output = desk.run("nightly", "run", *options)
    assert code == 0, output
    assert "No regression in 0 cells; of 1 cell there are too few earlier trainings." in output
    store, (first,) = desk.store(), desk.cell_runs()
    for number in range(7):
        parent = store_sweep(store, sweep_id=f"night{number}")
        better = first.metrics["best/mAP50"] + 0.12 + 0.03 * (number % 3 - 1)
        summary = {"best/mAP50": better, "best/mAP50-95": better, "time/train_s": first.metrics["time/train_s"]}
        cell = store_cell(
            store, parent, str(first.cell), sweep_id=f"night{number}", params=first.params, summary=summary
        )
        end_sweep(store, parent, [cell], sweep_id=f"night{number}")

    code, output = desk.run("nightly", "run", *options)

    assert code == 3, output
    assert f"{first.cell} looks worse than usual. To be sure, it is trained 3 times more." in output
    assert f"{first.cell}: best/mAP50 " in output and "(mean of 4 trainings), usually 0.1" in output
    again = [run for run in desk.cell_runs() if run.params["seed"] in {"1000", "2000", "3000"}]
    assert [run.status for run in again] == ["finished"] * 3
    night = last_night(desk.home)
    assert night is not None and night.exit_code == 3
    code, output = desk.run("status")
    assert f"Sweep {again[0].sweep_id}" not in output, "the night's own sweep is the latest one"


def test_a_canary_that_is_cut_goes_on_in_the_next_night(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is finished, and trained again: from the epoch that the night before came to, and not from the first."""
    monkeypatch.chdir(desk.folder)
    options = [*NIGHT, "level=2", "recipe.epochs=8"]
    assert desk.run(*options)[0] == 0
    began = max(event["time"] for event in desk.events())

    def over() -> datetime:
        far = any(
            event["event"] == "epoch" and event["epoch"] >= 3 and event["time"] > began for event in desk.events()
        )
        return datetime(2026, 3, 2, 7 if far else 2, tzinfo=UTC)

    ended: list[Ended] = []

    def after(end: Ended, _: object) -> int:
        ended.append(end)
        return end.code

    assert run_night(desk.home, SCHEDULE, options, print, now=over, after=after) == 0
    assert ended[0].over

    def next_night() -> datetime:
        return datetime(2026, 3, 3, 2, tzinfo=UTC)

    assert run_night(desk.home, SCHEDULE, options, print, now=next_night, after=after) == 0
    starts = [event["done"] for event in desk.events() if event["event"] == "started"]
    assert starts[:2] == [0, 0] and starts[2] >= 3
    assert [run.status for run in desk.cell_runs()] == ["finished", "finished"], "the cut run was ended, not begun anew"
    store = desk.store()
    (cell,) = cells_of(store, sweep_run(store, str(ended[1].sweep_id)), 21)
    assert cell.trained and len(cell.earlier) == 1, "it is judged by the night that has ended it"


def test_a_sweep_that_somebody_starts_meanwhile_is_not_taken_for_the_night(desk: Desk) -> None:
    night = desk.start("nightly", "run", *NIGHT, "level=2", "recipe.epochs=6")
    desk.wait_for(lambda event: event["event"] == "epoch")
    code, output = desk.run(*TINY, "npu=none", "recipe.epochs=1", "level=4", "act=silu", "experiment=npu-sweep")
    assert code == 0, output
    output, _ = night.communicate(timeout=240)
    assert night.returncode == 0, output
    assert "No regression in 0 cells; of 1 cell there are too few earlier trainings." in output
    (judged,) = [run for run in search(desk.store(), "tags.`sweep.kind` = 'sweep'") if "sweep.regression" in run.tags]
    (cell,) = [run for run in desk.cell_runs() if run.parent_run_id == judged.run_id]
    assert cell.params["level"] == "2"
