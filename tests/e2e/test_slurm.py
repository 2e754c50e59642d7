"""`hydra/launcher=slurm` on a real SLURM of one node: jobs that are cancelled or come to their limit go on."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.conftest import TINY, Desk
from hydra_plugins.npu_sweep.slurm_launcher import job_states, withdraw
from support.mlflow_server import mlflow_server
from support.slurm import slurm, why_not

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(why_not() is not None, reason=str(why_not())),
]
EPOCHS = 80  # longer than SLURM takes to give notice, two cells on two cores beside other tests
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


def start_what_was_put_back() -> list[str]:
    """Let jobs that were put back into the queue start now, for which SLURM waits two minutes; their ids."""
    waiting = [job_id for job_id, state in queue() if state == "PENDING"]
    for job_id in waiting:
        command = ["scontrol", "update", f"JobId={job_id}", "StartTime=now"]
        subprocess.run(command, check=False, capture_output=True)  # it may have begun meanwhile
    return waiting


def test_a_job_that_is_cancelled_and_one_at_its_time_limit_are_finished(on_slurm: Desk) -> None:
    """The limit is a real one, of two minutes: a minute before it, or a little earlier, SLURM gives notice."""
    desk = on_slurm
    process = desk.start(
        *ON_SLURM, "level=2,3", "act=relu", f"tracking.uri={desk.uri}", f"recipe.epochs={EPOCHS}", "recipe.patience=0",
        "retries=1", "hydra.launcher.time_limit_min=2",
    )  # fmt: skip
    reached: list[int] = []
    while len(reached) < 2 or min(reached) < 2:
        assert process.poll() is None
        time.sleep(0.1)
        reached = [path.read_text().count('"epoch",') for path in desk.home.glob("sweeps/*/progress/*.jsonl")]
    cancelled, limited = (job_id for job_id, _ in queue())
    subprocess.run(["scancel", cancelled], check=True)
    put_back: set[str] = set()
    while process.poll() is None:
        put_back |= set(start_what_was_put_back())
        time.sleep(0.5)
    output, _ = process.communicate(timeout=60)

    assert process.returncode == 0, output
    assert cancelled not in put_back
    assert "Trying 1 cell again" in output
    assert sorted(desk.last_cells()["status"]) == ["finished", "finished"]
    again = [event for event in desk.events() if event["event"] == "started" and event["done"] > 0]
    assert len({event["run_id"] for event in again}) == 1 + (limited in put_back), "each went on in its run"
    for run in desk.cell_runs():
        history = desk.store().client.get_metric_history(run.run_id, "metrics/mAP50")
        assert sorted(point.step for point in history) == list(range(1, EPOCHS + 1)), "every epoch once"
    if limited not in put_back:
        pytest.skip(f"{EPOCHS} epochs were trained here before SLURM gave notice")


def test_a_sweep_that_is_stopped_leaves_no_job(on_slurm: Desk) -> None:
    desk = on_slurm
    process = desk.start(*ON_SLURM, "level=2,3,4", f"tracking.uri={desk.uri}", "recipe.epochs=500", "workers=1")
    desk.wait_for(lambda event: event["event"] == "epoch")
    states = sorted(state for _, state in queue())
    assert states == ["PENDING", "PENDING", "RUNNING"], "workers=1: one after the other"
    process.terminate()
    output, _ = process.communicate(timeout=240)
    assert process.returncode == 143, output
    deadline = time.monotonic() + 60
    while queue():
        assert time.monotonic() < deadline
        time.sleep(0.5)


def test_jobs_that_wait_leave_the_queue_and_one_that_runs_goes_on(
    cluster: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the first Ctrl-C does; nothing is trained."""
    monkeypatch.setenv("SLURM_CONF", str(cluster))
    command = ["sbatch", "--parsable", "--array=0-2%1", "--output=/dev/null", "--wrap=sleep 120"]
    array = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    jobs = [f"{array}_{number}" for number in range(3)]
    deadline = time.monotonic() + 60
    while (job_states(jobs) or {}).get(jobs[0]) != "RUNNING":
        assert time.monotonic() < deadline
        time.sleep(0.5)
    assert withdraw(jobs) == jobs[1:]
    assert queue() == [(jobs[0], "RUNNING")]
    assert withdraw(jobs[:1]) == []
    subprocess.run(["scancel", array], check=True)
    while queue():
        assert time.monotonic() < deadline + 60
        time.sleep(0.5)


def test_tracking_in_a_file_is_refused(desk: Desk) -> None:
    code, output = desk.run(*ON_SLURM, "level=2")
    assert code == 2
    assert "tracking.uri=http://HOST:5000" in output
