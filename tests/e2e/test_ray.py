"""`hydra/launcher=ray` on a cluster of two nodes: one that dies, one without the sweep's home, and tuning over both."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.conftest import TINY, Desk
from support.mlflow_server import mlflow_server
from support.postgres import Postgres
from support.ray_cluster import RayCluster, why_not, why_nothing_is_hidden
from support.tuned import TUNED, check_totals, states, trials

pytestmark = [pytest.mark.slow, pytest.mark.skipif(why_not() is not None, reason=str(why_not()))]
LIMIT_S = 400


@pytest.fixture
def cluster() -> Iterator[RayCluster]:
    folder = Path(tempfile.mkdtemp(prefix="ray-"))  # its sockets need a short path
    made = RayCluster(folder)
    yield made
    made.stop()


@pytest.fixture
def on_ray(cluster: RayCluster, desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """A desk on the head node, with a server for tracking."""
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    (tmp_path / "server").mkdir()
    with mlflow_server(tmp_path / "server") as uri:
        desk.uri = uri
        yield desk


def options(cluster: RayCluster, desk: Desk) -> list[str]:
    address = f"hydra.launcher.init.address='{cluster.address}'"
    return ["hydra/launcher=ray", address, f"tracking.uri={desk.uri}"]


def test_a_node_that_dies(cluster: RayCluster, on_ray: Desk) -> None:
    """The grid runs over both nodes; the cell of the one that dies goes on at the other, in its run."""
    desk = on_ray
    _, second = cluster.start_node(cpus=1), cluster.start_node(cpus=1)
    process = desk.start(
        *options(cluster, desk), *TINY, "npu=none", "level=2,3", "recipe.epochs=30", "recipe.patience=0"
    )
    reached: dict[str, int] = {}
    deadline = time.monotonic() + LIMIT_S
    while len(reached) < 2 or min(reached.values()) < 2:
        assert time.monotonic() < deadline and process.poll() is None
        reached = {
            path.name: path.read_text().count('"epoch",') for path in desk.home.glob("sweeps/*/progress/*.jsonl")
        }
        time.sleep(0.1)
    assert len(cluster.workers(second)) == 1
    cluster.kill(second)
    output, _ = process.communicate(timeout=LIMIT_S)

    assert process.returncode == 0, output
    assert "state-dump" not in output, "Ray's pages about a dead node are no use to anybody"
    assert sorted(desk.last_cells()["status"]) == ["finished", "finished"]
    (again,) = [event for event in desk.events() if event["event"] == "started" and event["done"] > 0]
    for run in desk.cell_runs():
        history = desk.store().client.get_metric_history(run.run_id, "metrics/mAP50")
        assert sorted(point.step for point in history) == list(range(1, 31)), "every epoch once"
        assert ("sweep.resumed" in run.tags) == (run.id == again["run_id"])


def test_a_node_that_does_not_see_the_home(cluster: RayCluster, on_ray: Desk) -> None:
    """Its results come through MLflow alone, into the same tables."""
    if why := why_nothing_is_hidden():
        pytest.skip(why)
    desk = on_ray
    cluster.start_node(cpus=1)
    cluster.start_node(cpus=1, hidden=desk.home)
    process = desk.start(
        *options(cluster, desk), *TINY, "npu=none", "level=2,3", "recipe.epochs=20", "recipe.patience=0"
    )
    live = seen_live(desk)
    output, _ = process.communicate(timeout=LIMIT_S)

    assert process.returncode == 0, output
    cells = desk.last_cells()
    assert list(cells["status"]) == ["finished", "finished"]
    assert cells["best/mAP50"].notna().all()
    (here,) = desk.home.glob("cells/*/*/spool.jsonl")
    elsewhere = [run for run in desk.cell_runs() if run.id != here.parent.name]
    assert len(elsewhere) == 1
    assert elsewhere[0].run_id in live, "its epochs came to MLflow while it was trained"
    assert elsewhere[0].run_id in set(cells["run_id"])
    (parent,) = {run.parent_run_id for run in desk.cell_runs()}
    assert desk.store().client.get_run(parent).data.tags["sweep.kind"] == "sweep"
    files = {file.path for file in desk.store().client.list_artifacts(elsewhere[0].run_id, "weights")}
    assert files == {"weights/best.pt", "weights/last.pt"}


def seen_live(desk: Desk) -> set[str]:
    """Wait until both cells are told of in MLflow while they are trained; their runs."""
    deadline = time.monotonic() + LIMIT_S
    while time.monotonic() < deadline:
        running = [run for run in desk.cell_runs() if run.status == "running" and "metrics/mAP50" in run.metrics]
        if len(running) == 2:
            return {run.run_id for run in running}
        time.sleep(0.2)
    raise AssertionError("the epochs of both did not come")


def test_tuning_over_both_nodes(cluster: RayCluster, on_ray: Desk, postgres: Postgres) -> None:
    desk, storage = on_ray, postgres.database()
    nodes = [cluster.start_node(cpus=2), cluster.start_node(cpus=2)]
    process = desk.start(
        *options(cluster, desk), *TUNED, "level=4", "tune.trials=8", "tune.workers=4", "tune.pruner=none",
        f"tune.storage={storage}",
    )  # fmt: skip
    used: set[int] = set()
    while process.poll() is None and len(used) < 2:
        used |= {number for number, node in enumerate(nodes) if cluster.workers(node)}
        time.sleep(0.2)
    output, _ = process.communicate(timeout=LIMIT_S)

    assert process.returncode == 0, output
    assert used == {0, 1}
    check_totals(desk.store(), desk.last_cells(), desk.home, 8, storage)
    (study,) = trials(desk.home, storage).values()
    assert states(study) == {"COMPLETE": 8}
