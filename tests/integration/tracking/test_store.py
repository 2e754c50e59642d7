"""Opening stores: real SQLite files, real processes, a real server."""

from __future__ import annotations

import os
import pickle
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sweep.errors import SweepError
from sweep.tracking import names, read, write
from sweep.tracking.store import Store, find_store, has_store, open_store

OPEN_AND_RUN = """
import sys
from pathlib import Path
from sweep.tracking import write
from sweep.tracking.store import open_store
store = open_store(Path(sys.argv[1]), "npu-sweep", *sys.argv[3:])
run = write.start_sweep(store, sweep_id=sys.argv[2], name="n", command="c", tags={})
write.finish(store, run, "FINISHED")
print(store.experiment_id)
"""


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def start(*arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", OPEN_AND_RUN, *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_eight_processes_open_an_empty_home_at_once(tmp_path: Path) -> None:
    home = tmp_path / "home"
    starts = [start(str(home), str(number)) for number in range(8)]
    results = [(process.communicate(timeout=120), process.returncode) for process in starts]
    assert [code for _, code in results] == [0] * 8, results
    assert len({out for (out, _), _ in results}) == 1
    assert [err for (_, err), _ in results] == [""] * 8
    store = open_store(home, "npu-sweep")
    assert {run.sweep_id for run in read.search(store, "")} == set(map(str, range(8)))
    assert not (home / "mlflow.db.new").exists()


def test_homes_that_share_a_database_open_it_at_once(tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path}/shared/all.db"
    starts = [start(str(tmp_path / f"home{number}"), str(number), uri) for number in range(4)]
    results = [(process.communicate(timeout=120), process.returncode) for process in starts]
    assert [code for _, code in results] == [0] * 4, results
    assert len({out for (out, _), _ in results}) == 1
    store = open_store(tmp_path / "home0", "npu-sweep", uri)
    assert {run.sweep_id for run in read.search(store, "")} == set(map(str, range(4)))


def test_what_is_looked_for_is_not_made(tmp_path: Path) -> None:
    assert find_store(tmp_path / "home", "e") is None
    assert not (tmp_path / "home").exists()
    store = open_store(tmp_path / "home", "e")
    assert find_store(tmp_path / "home", "e") == store
    assert find_store(tmp_path / "home", "other") is None
    assert store.client.get_experiment_by_name("other") is None
    store.client.delete_experiment(store.experiment_id)
    with pytest.raises(SweepError, match=f"--experiment-id {store.experiment_id}"):
        find_store(tmp_path / "home", "e")


@pytest.mark.parametrize("name", ["표지판 데이터", "a b[1](2)=x#y", "100%41 %", "why?"])
def test_home_with_any_name(tmp_path: Path, name: str) -> None:
    home = tmp_path / name
    assert not has_store(home)
    store = open_store(home, "실험 1")
    run_id = write.start_sweep(store, sweep_id="s", name="스윕", command="c", tags={})
    write.log_epoch(store, run_id, 1, {"metrics/mAP50": 0.5})
    write.log_json(store, run_id, {"안녕": 1}, "deep/er/x.json")
    run = read.sweep_run(store)
    assert has_store(home)
    assert run.metrics == {"metrics/mAP50": 0.5}
    assert read.read_json(store, run, "deep/er/x.json") == {"안녕": 1}
    assert (home / "artifacts" / run_id / "artifacts/deep/er/x.json").is_file()
    assert store.client.download_artifacts(run_id, "deep/er/x.json")
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_home_can_be_moved(tmp_path: Path) -> None:
    store = open_store(tmp_path / "old", "e")
    run_id = write.start_sweep(store, sweep_id="s", name="n", command="c", tags={})
    write.log_cells(store, run_id, sweep_id="s", cells=[])
    (tmp_path / "old").rename(tmp_path / "new")
    moved = open_store(tmp_path / "new", "e")
    assert read.sweep_cells(moved, run_id).empty
    assert read.read_json(moved, read.sweep_run(moved), names.CELLS_JSON) == {"sweep_id": "s", "cells": []}


@pytest.mark.parametrize("way", ["moved", "copied"])
def test_what_is_logged_in_a_moved_home_stays_in_it(tmp_path: Path, way: str) -> None:
    store = open_store(tmp_path / "old", "e")
    run_id = write.start_sweep(store, sweep_id="s", name="s", command="c", tags={})
    write.log_json(store, run_id, {"a": 1}, "first.json")
    (shutil.move if way == "moved" else shutil.copytree)(tmp_path / "old", tmp_path / "new")
    before = sorted(tmp_path.glob("old/**/*"))

    moved = open_store(tmp_path / "new", "e")
    write.log_json(moved, run_id, {"b": 2}, "report/second.json")
    run = read.sweep_run(moved)
    assert read.read_json(moved, run, "report/second.json") == {"b": 2}
    assert read.read_json(moved, run, "first.json") == {"a": 1}
    assert sorted(tmp_path.glob("old/**/*")) == before, "nothing was written to the old place"
    if way == "moved":
        write.log_json(moved, write.start_sweep(moved, sweep_id="t", name="t", command="c", tags={}), {}, "new.json")
        assert not (tmp_path / "old").exists()


def test_store_travels_between_processes(tmp_path: Path) -> None:
    store = open_store(tmp_path, "e")
    assert pickle.loads(pickle.dumps(store)) == store


def test_deleted_experiment_names_the_way_back(tmp_path: Path) -> None:
    store = open_store(tmp_path, "gone")
    store.client.delete_experiment(store.experiment_id)
    with pytest.raises(SweepError, match=f"--experiment-id {store.experiment_id}"):
        open_store(tmp_path, "gone")


def test_bad_places_are_one_sentence_each(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").write_text("not a database at all")
    with pytest.raises(SweepError, match="no SQLite database"):
        open_store(tmp_path, "e")
    (tmp_path / "file").touch()
    with pytest.raises(SweepError, match="cannot be made"):
        open_store(tmp_path / "file" / "home", "e")


def test_interrupted_first_use_is_repaired(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").touch()
    (tmp_path / "mlflow.db.new").write_bytes(b"half")
    assert open_store(tmp_path, "e").experiment == "e"


def test_silent_server_is_refused_soon_and_without_the_password(tmp_path: Path) -> None:
    start = time.monotonic()
    with pytest.raises(SweepError, match="no MLflow server answers") as error:
        open_store(tmp_path, "e", f"http://me:geheim@127.0.0.1:{free_port()}")
    assert time.monotonic() - start < 15
    assert "geheim" not in str(error.value)
    assert len(error.value.problems) == 1


def test_no_chatter_and_no_global_address(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    store = open_store(tmp_path, "e")
    run_id = write.start_sweep(store, sweep_id="s", name="n", command="c", tags={})
    write.finish(store, run_id, "FINISHED")
    assert capfd.readouterr() == ("", "")
    assert "MLFLOW_TRACKING_URI" not in os.environ


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """A real MLflow server on a store of its own."""
    port = free_port()
    backend = open_store(tmp_path / "server", "other")
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", backend.uri, "--workers", "1"]
    command += ["--artifacts-destination", str(tmp_path / "server/artifacts"), "--port", str(port)]
    with (tmp_path / "server.log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.1)
    yield f"http://127.0.0.1:{port}"
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(timeout=30)


def test_server(tmp_path: Path, server: str) -> None:
    store: Store = open_store(tmp_path / "home", "e", server)
    sweep = write.start_sweep(store, sweep_id="s", name="n", command="c", tags={})
    run_id = write.start_cell(
        store, parent_run_id=sweep, sweep_id="s", cell_name="c", cell_key="k", params={"level": 4}, tags={}
    )
    write.log_epoch(store, run_id, 1, {"metrics/mAP50": 0.5, "train/box_loss": float("nan"), "lr/pg0": float("inf")})
    write.log_summary(store, run_id, {"best/mAP50": 0.5})
    write.finish(store, run_id, "FAILED", reason="boom")
    cell = {"cell": "c", "key": "k", "run_id": run_id, "state": "failed", "reused": False, "reason": "boom"}
    write.log_cells(store, sweep, sweep_id="s", cells=[cell])
    frame = read.sweep_cells(store, sweep)
    assert frame.loc[0, ["status", "level", "best/mAP50"]].tolist() == ["failed", "4", 0.5]
    assert list(read.find_runs_by_key(store, ["k"])) == ["k"]
    assert read.curves(store, run_id, ["metrics/mAP50"]).loc[1].tolist() == [0.5]
    assert {path.name for path in (tmp_path / "home").iterdir()} <= {"mlflow.lock"}
