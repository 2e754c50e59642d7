"""Ctrl-C and SIGTERM: the first lets the epochs under way end, the second does not wait."""

from __future__ import annotations

import os
import signal
from typing import Any

import psutil
import pytest

from e2e.conftest import TINY, Desk, gone_within, tree

pytestmark = pytest.mark.slow
THREE = ("level=2,3,4", "act=relu", *TINY, "recipe.epochs=200", "workers=2")
LONG_EPOCH = ("level=4", "act=relu", "recipe.imgsz=416", "recipe.epochs=3")  # half a minute, or more


def check_stopped(desk: Desk, processes: list[psutil.Process], reason: str) -> Any:
    """Nothing runs any more, and every cell is told how it ended."""
    assert gone_within(processes, 5) == []
    cells = desk.last_cells()
    assert set(cells["status"]) <= {"killed", "skipped"}
    assert set(cells["reason"]) <= {reason, "stopped, because the sweep was asked to stop"}
    assert {run.status for run in desk.cell_runs()} == {"killed"}
    assert {run.reason for run in desk.cell_runs()} == {reason}
    return cells


@pytest.mark.parametrize("group", [False, True], ids=["to the sweep", "to the group"])
@pytest.mark.parametrize(
    ("number", "code", "reason"), [(signal.SIGINT, 130, "Ctrl-C"), (signal.SIGTERM, 143, "SIGTERM")]
)
def test_the_first_lets_epochs_end(desk: Desk, number: signal.Signals, code: int, reason: str, group: bool) -> None:
    process = desk.start(*THREE)
    desk.wait_for(lambda event: event["event"] == "epoch" and event["epoch"] == 2)
    processes = tree(process)
    (os.killpg if group else os.kill)(process.pid, number)
    output, _ = process.communicate(timeout=60)

    assert process.returncode == code, output
    assert "Traceback" not in output
    cells = check_stopped(desk, processes, reason)
    assert "skipped" in set(cells["status"])
    from sweep.training.state import finished_epochs

    killed_too = group and number == signal.SIGTERM  # the workers, between their state and MLflow perhaps
    for run in desk.cell_runs():
        (state,) = desk.home.glob(f"cells/*/{run.id}/state.pt")
        steps = [point.step for point in desk.store().client.get_metric_history(run.run_id, "time/epoch_s")]
        ended = list(range(1, finished_epochs(state) + 1))
        assert steps == ended or (killed_too and steps == ended[:-1]), "every epoch that has ended is there"
    asked = next(desk.home.glob("sweeps/*/stop")).stat().st_mtime
    after = [event for event in desk.events() if event["event"] == "epoch" and event["time"] > asked]
    assert len(after) <= 2, "one of each worker"


def test_the_second_stops_at_once(desk: Desk) -> None:
    process = desk.start(*LONG_EPOCH)
    desk.wait_for(lambda event: event["event"] == "started")
    processes = tree(process)
    process.send_signal(signal.SIGINT)
    desk.wait_for_stop()
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)

    assert process.returncode == 130, output
    assert "stopping after the epochs under way" in output
    assert [event for event in desk.events() if event["event"] == "epoch"] == []
    check_stopped(desk, processes, "Ctrl-C")


def test_sigterm_waits_for_its_grace_only(desk: Desk) -> None:
    process = desk.start(*LONG_EPOCH, "grace_s=1")
    desk.wait_for(lambda event: event["event"] == "started")
    processes = tree(process)
    process.terminate()
    output, _ = process.communicate(timeout=60)

    assert process.returncode == 143, output
    assert [event for event in desk.events() if event["event"] == "epoch"] == []
    check_stopped(desk, processes, "SIGTERM")


def test_a_job_that_waits_for_another_sweep_leaves(desk: Desk) -> None:
    command = ("level=4", "act=relu", *TINY, "recipe.epochs=30")
    first = desk.start(*command)
    desk.wait_for(lambda event: event["event"] == "epoch")
    second = desk.start(*command)
    desk.wait_for(lambda event: event["event"] == "waiting")
    second.send_signal(signal.SIGINT)
    output, _ = second.communicate(timeout=60)

    assert second.returncode == 130, output
    assert first.poll() is None, "the other goes on"
    assert first.communicate(timeout=200) is not None
    assert first.returncode == 0
