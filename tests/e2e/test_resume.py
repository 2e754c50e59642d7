"""A cell that is cut short goes on in its own run, and comes to the very figures of one that never was.

Two known moments; the fault suite (`make faults`) kills at random ones.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from e2e.conftest import TINY, Desk, figures, make_desk

pytestmark = pytest.mark.slow
NAME = "yolo11n-l4-relu-s0"
CELL = ("level=4", "act=relu", *TINY, "recipe.epochs=4", "recipe.mosaic=0.5", "recipe.cache=false")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, signs: Path) -> dict[str, list[tuple[int, float]]]:
    desk = make_desk(tmp_path_factory.mktemp("undisturbed"), signs)
    code, output = desk.run(*CELL)
    assert code == 0, output
    return figures(desk, NAME)


@pytest.mark.parametrize(("victim", "moment"), [("worker", "after an epoch"), ("sweep", "after the last epoch")])
def test_a_killed_cell_goes_on_in_its_run_to_the_same_bits(
    desk: Desk, undisturbed: dict[str, list[tuple[int, float]]], victim: str, moment: str
) -> None:
    process = desk.start(*CELL)
    epoch = 2 if moment == "after an epoch" else 4
    event = desk.wait_for(lambda event: event["event"] == "epoch" and event["epoch"] == epoch)
    os.kill(event["pid"] if victim == "worker" else process.pid, signal.SIGKILL)
    process.communicate(timeout=200)
    (journal,) = desk.home.glob("cells/*/*/spool.jsonl")

    code, output = desk.run(*CELL)

    assert code == 0, output
    assert f"{NAME}: goes on after epoch " in output
    (again,) = desk.cell_runs()
    assert (again.id, again.status, again.reason) == (journal.parent.name, "finished", None)
    reason = "its process was ended by signal 9 (SIGKILL)" if victim == "worker" else "its process ended without a word"
    assert again.tags["sweep.resumed"] in {f"after epoch {number}: {reason}" for number in range(epoch, 5)}
    assert figures(desk, NAME) == undisturbed
    assert [point.step for point in desk.store().client.get_metric_history(again.run_id, "time/epoch_s")] == [
        1,
        2,
        3,
        4,
    ]
    assert not list(desk.home.glob("cells/*/*/state.pt")), "a finished cell needs none"


def test_a_cell_that_is_trained_anew_does_not_go_on(desk: Desk) -> None:
    process = desk.start(*CELL)
    desk.wait_for(lambda event: event["event"] == "epoch" and event["epoch"] == 2)
    process.kill()
    process.communicate(timeout=200)

    code, output = desk.run(*CELL, "rerun=true")

    assert code == 0, output
    assert sorted(run.status for run in desk.cell_runs()) == ["finished", "killed"]
