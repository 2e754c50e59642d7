"""`hydra/launcher=slurm` on a real SLURM of one node: jobs that are cancelled or come to their limit go on."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.conftest import TINY, Desk
from support.mlflow_server import mlflow_server
from support.slurm import slurm, why_not

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(why_not() is not None, reason=str(why_not())),
]
ON_SLURM = ("hydra/launcher=slurm", *TINY, "npu=none")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with slurm(tmp_path_factory.mktemp("slurm") / "one") as conf:
        yield conf


@pytest.fixture
def on_slurm(cluster: Path, desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """A desk on a login node, with a server for tracking."""
    monkeypatch.setenv("SLURM_CONF", str(cluster))
    (tmp_path / "server").mkdir()
    with mlflow_server(tmp_path / "server") as uri:
        desk.uri = uri
        yield desk


def queue() -> list[tuple[str, str]]:
    """The jobs that have not ended: id and state."""
    told = subprocess.run(["squeue", "-h", "--array", "--format=%i %T"], capture_output=True, text=True, check=True)
    return [(line.split()[0], line.split()[1]) for line in told.stdout.splitlines()]


def test_cancelled_and_timed_out_jobs_are_finished(on_slurm: Desk) -> None:
    """One job is cancelled, the other comes to its time limit: both cells go on after their last epochs, and finish."""
    desk = on_slurm
    process = desk.start(
        *ON_SLURM, "level=2,3", "act=relu", f"tracking.uri={desk.uri}", "recipe.epochs=120", "recipe.patience=0",
        "retries=1", "hydra.launcher.time_limit_min=1", "hydra.launcher.signal_delay_s=20",
    )  # fmt: skip
    desk.wait_for(lambda event: event["event"] == "epoch" and event["epoch"] >= 2)
    cancelled = next(job_id for job_id, state in queue() if state == "RUNNING")
    subprocess.run(["scancel", cancelled], check=True)
    output, _ = process.communicate(timeout=840)

    assert process.returncode == 0, output
    assert "Trying 1 cell again" in output
    assert sorted(desk.last_cells()["status"]) == ["finished", "finished"]
    again = [event for event in desk.events() if event["event"] == "started" and event["done"] > 0]
    assert len({event["run_id"] for event in again}) == 2, "both went on in their runs"
    for run in desk.cell_runs():
        history = desk.store().client.get_metric_history(run.run_id, "metrics/mAP50")
        assert sorted(point.step for point in history) == list(range(1, 121)), "every epoch once"


def test_a_sweep_that_is_stopped_leaves_no_job(on_slurm: Desk) -> None:
    desk = on_slurm
    process = desk.start(*ON_SLURM, "level=2,3,4", f"tracking.uri={desk.uri}", "recipe.epochs=500", "workers=1")
    desk.wait_for(lambda event: event["event"] == "epoch")
    assert [state for _, state in queue()] == ["RUNNING", "PENDING", "PENDING"], "workers=1: one after the other"
    process.terminate()
    output, _ = process.communicate(timeout=240)
    assert process.returncode == 143, output
    deadline = time.monotonic() + 60
    while queue():
        assert time.monotonic() < deadline
        time.sleep(0.5)


def test_tracking_in_a_file_is_refused(desk: Desk) -> None:
    code, output = desk.run(*ON_SLURM, "level=2")
    assert code == 2
    assert "tracking.uri=http://HOST:5000" in output
