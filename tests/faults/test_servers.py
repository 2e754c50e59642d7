"""A tracking server that dies, hangs, fails, restarts or is not there: training does not wait, and nothing is lost."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from e2e.conftest import Desk, close_desk, make_desk
from faults.conftest import RunUndisturbed, Tell
from faults.outcome import TWO, Undisturbed, check_as_undisturbed
from support.mlflow_server import MlflowServer
from support.postgres import Postgres, postgres

__all__ = ["postgres"]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]
LIMIT_S = 900
FEW = 3
BACKENDS = ["SQLite", "PostgreSQL"]


@dataclass
class Site:
    """A server with a database behind it, and a folder whose sweeps are tracked there."""

    name: str
    server: MlflowServer
    desk: Desk
    quiet_s: float
    """Seconds of training of a sweep while nothing is wrong with the server, of all cells together."""

    def start(self, *options: str) -> Any:
        return self.desk.start(*TWO, f"tracking.uri={self.server.uri}", *options)


@pytest.fixture(scope="session", params=BACKENDS)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Any]]:
    """A running server."""
    backend = None
    if request.param == "PostgreSQL":
        postgres: Postgres = request.getfixturevalue("postgres")
        backend = postgres.database()
    made = MlflowServer(tmp_path_factory.mktemp("server"), backend)
    made.start()
    yield request.param, made
    made.kill()


@pytest.fixture(scope="session")
def quiet_s(server: tuple[str, MlflowServer], tmp_path_factory: pytest.TempPathFactory, signs: Path) -> float:
    """How long training takes while nothing is wrong, measured beside the faults."""
    desk = make_desk(tmp_path_factory.mktemp("quiet"), signs, uri=server[1].uri)
    code, output = desk.run(*TWO, f"tracking.uri={server[1].uri}", "experiment=quiet")
    close_desk(desk)
    assert code == 0, output
    return trained_s(desk)


@pytest.fixture
def on_both(server: tuple[str, MlflowServer], kills: int) -> None:
    """Leave out what few kills make on SQLite alone."""
    if server[0] == "PostgreSQL" and kills <= FEW:
        pytest.skip(f"made on PostgreSQL, too, with more than KILLS={FEW}")


@pytest.fixture
def site(server: tuple[str, MlflowServer], quiet_s: float, tmp_path: Path, signs: Path) -> Iterator[Site]:
    """A fresh home and a fresh experiment on the server."""
    desk = make_desk(tmp_path, signs, uri=server[1].uri, experiment=tmp_path.name)
    yield Site(server[0], server[1], desk, quiet_s)
    close_desk(desk)


def trained_s(desk: Desk) -> float:
    """Seconds of all epochs of all cells of a home, from its journals."""
    from sweep.tracking.spool.replay import curves_of

    folders = [path.parent for path in desk.home.glob("cells/*/*/spool.jsonl")]
    return sum(epoch["time/epoch_s"] for folder in folders for epoch in curves_of(folder).values())


def epoch(number: int) -> Callable[[dict[str, Any]], bool]:
    return lambda event: event["event"] == "epoch" and event["epoch"] == number


def both_finished(desk: Desk) -> bool:
    return sum(event["event"] == "finished" for event in desk.events()) == 2


def wait_until(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LIMIT_S
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def ends_well(site: Site, process: Any, expected: Undisturbed) -> str:
    """The sweep ends with exit code 0 and has left what an undisturbed one leaves; what its training took, in words."""
    output, _ = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 0, output
    check_as_undisturbed(site.desk, expected)
    return f"training time × {trained_s(site.desk) / site.quiet_s:.2f} of a sweep without the fault"


@pytest.mark.usefixtures("on_both")
def test_killed_and_started_again(site: Site, undisturbed: RunUndisturbed, tell: Tell) -> None:
    process = site.start()
    site.desk.wait_for(epoch(2))
    site.server.kill()
    site.desk.wait_for(epoch(4))
    site.server.start()
    ratio = ends_well(site, process, undisturbed(*TWO))
    tell(f"MLflow server on {site.name} killed after epoch 2, started after epoch 4", 1, "every figure once", ratio)


@pytest.mark.usefixtures("on_both")
def test_stopped_until_all_is_trained(site: Site, undisturbed: RunUndisturbed, kills: int, tell: Tell) -> None:
    """SIGSTOP: it takes connections and never answers, until the last cell has long finished."""
    least_s = 150.0 if kills > FEW else 0.0
    process = site.start(f"tracking.wait_s={60 + least_s:.0f}")
    site.desk.wait_for(epoch(1))
    began = time.monotonic()
    with site.server.stopped():
        wait_until(lambda: both_finished(site.desk))
        time.sleep(max(0.0, least_s - (time.monotonic() - began)))
        stopped_s = time.monotonic() - began
        assert process.poll() is None, "it waits for the server before it gives up"
    ratio = ends_well(site, process, undisturbed(*TWO))
    found = "all cells trained on and finished meanwhile; every figure once"
    tell(f"MLflow server on {site.name} stopped (SIGSTOP) for {stopped_s:.0f} s", 1, found, ratio)


@pytest.mark.usefixtures("on_both")
def test_answers_with_errors(site: Site, undisturbed: RunUndisturbed, tell: Tell) -> None:
    process = site.start()
    site.desk.wait_for(epoch(1))
    with site.server.failing():
        site.desk.wait_for(epoch(4))
    ratio = ends_well(site, process, undisturbed(*TWO))
    tell(f"MLflow server on {site.name} answers 500 from epoch 1 to epoch 4", 1, "every figure once", ratio)


@pytest.mark.usefixtures("on_both")
def test_gone_for_the_whole_sweep(site: Site, undisturbed: RunUndisturbed, tell: Tell) -> None:
    site.server.kill()
    where = f"tracking.uri={site.server.uri}"
    try:
        code, output = site.desk.run(*TWO, where, "tracking.wait_s=1")
        assert code == 4, output
        assert "no MLflow server answers there" in output
        assert f"python -m sweep sync --tracking-uri {site.server.uri}" in output
        assert "Traceback" not in output

        code, output = site.desk.run(*TWO, where, "tracking.wait_s=1")
        assert code == 4, output
        assert "2 finished; 0 to run" in output, "finished cells are known from home"
        code, output = site.desk.run("sync", "--tracking-uri", site.server.uri, "--wait", "1")
        assert code == 4, output
        code, output = site.desk.run("doctor")
        assert "undelivered" in output
    finally:
        site.server.start()

    code, output = site.desk.run("sync", "--tracking-uri", site.server.uri, "--experiment", site.desk.experiment)
    assert code == 0, output
    assert "4 runs delivered" in output
    assert output.count("Report: ") == 2
    check_as_undisturbed(site.desk, undisturbed(*TWO))
    code, output = site.desk.run(*TWO, where)
    assert code == 0, output
    assert "2 finished; 0 to run" in output
    tell(
        f"MLflow server on {site.name} not there for two sweeps of the same cells", 1,
        "the second one knew the cells from home; sync delivered all and built both reports", "exit codes 4, 4, sync 0",
    )  # fmt: skip


def test_the_database_behind_the_server_is_away(
    site: Site, undisturbed: RunUndisturbed, tell: Tell, request: pytest.FixtureRequest
) -> None:
    """The server is there and answers what MLflow answers when it has lost its database."""
    if site.name != "PostgreSQL":
        pytest.skip("SQLite has no server that could go away")
    database: Postgres = request.getfixturevalue("postgres")
    process = site.start()
    site.desk.wait_for(epoch(1))
    with database.away():
        site.desk.wait_for(epoch(3))
    ratio = ends_well(site, process, undisturbed(*TWO))
    tell("PostgreSQL behind the MLflow server down from epoch 1 to epoch 3", 1, "every figure once", ratio)
