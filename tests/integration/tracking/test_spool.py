"""From the journals of a home to MLflow: everything arrives, once, whatever was delivered before."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from support.spooled import begin_cell, begin_sweep, begin_trial, delivered
from sweep.tracking import names
from sweep.tracking.read import RunInfo, curves, search, sweep_cells, sweep_run
from sweep.tracking.spool.courier import undelivered
from sweep.tracking.spool.cursor import CURSOR, is_delivered, read_cursor
from sweep.tracking.spool.deliver import deliver, mlflow_id
from sweep.tracking.spool.drain import drain, undelivered_by_destination
from sweep.tracking.spool.replay import replay
from sweep.tracking.spool.run import SpooledRun
from sweep.tracking.store import Store, open_store, store_at

EPOCH = {"metrics/mAP50": 0.1 + 0.2, "train/box_loss": 1.5, "time/epoch_s": 2.0}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(tmp_path / "home", "e")


def run_a_cell(store: Store, sweep: SpooledRun, key: str = "key") -> SpooledRun:
    """All that a cell logs."""
    run = begin_cell(store, sweep, key, params={"level": 4, "recipe": {"lr0": 0.01}})
    run.log_input(name="signs", digest="d" * 64, source="/data", context="training")
    for epoch in (1, 2, 3):
        run.log_epoch(epoch, {**EPOCH, "metrics/mAP50": epoch / 7})
    run.log_summary({"best/mAP50": 3 / 7, "best/epoch": 3.0})
    log = run.folder / "train.log"
    log.write_text("all went well")
    run.log_files({"train.log": log})
    log.unlink()
    run.set_tags({names.ONNX_OPSET: "18"})
    run.finish("FINISHED")
    return run


def deliver_now(store: Store, run: SpooledRun) -> None:
    """Deliver a run here, once the thread that delivers in the background has let go of it."""
    deadline = time.monotonic() + 60
    while not deliver(store, run.folder):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def stored(store: Store, run: SpooledRun) -> RunInfo:
    found = list(search(store, f"tags.`{names.LOCAL_ID}` = '{run.id}'"))
    assert len(found) == 1
    return found[0]


def points(store: Store, run: SpooledRun) -> dict[str, list[tuple[int, float, int]]]:
    """All points of all metrics of a run: step, value, time."""
    info = stored(store, run)
    history = store.client.get_metric_history
    return {
        name: [(point.step, point.value, point.timestamp) for point in history(info.run_id, name)]
        for name in info.metrics
    }


def test_all_that_a_cell_logs_is_in_mlflow_and_home_tells_the_same(store: Store) -> None:
    sweep = begin_sweep(store)
    run = run_a_cell(store, sweep)
    here = replay(store, run.folder)
    delivered(store)

    there = stored(store, run)
    assert here is not None
    assert (here.status, here.params, here.metrics) == (there.status, there.params, there.metrics)
    assert (here.start_ms, here.end_ms) == (there.start_ms, there.end_ms)
    own = {tag: text for tag, text in there.tags.items() if not tag.startswith("mlflow.")}
    assert own == {tag: text for tag, text in here.tags.items() if tag != names.PARENT}
    assert there.parent_run_id == stored(store, sweep).run_id
    assert here.epochs == {1, 2, 3}
    assert list(curves(store, there.run_id, ["metrics/mAP50"])["metrics/mAP50"]) == [1 / 7, 2 / 7, 3 / 7]
    assert [file.path for file in store.client.list_artifacts(there.run_id)] == ["train.log"]
    (data,) = store.client.get_run(there.run_id).inputs.dataset_inputs
    assert data.dataset.name == "signs"
    assert not (run.folder / "outbox").exists(), "MLflow has the files"
    assert undelivered(store) == []


def test_what_may_have_been_delivered_is_delivered_again_and_is_there_once(store: Store) -> None:
    """Its process was killed after a delivery, before it could note that: at any record."""
    sweep = begin_sweep(store)
    run = run_a_cell(store, sweep)
    delivered(store)
    before = points(store, run)
    at_the_end = json.loads((run.folder / CURSOR).read_text())

    for offset in (0, at_the_end["offset"] // 3, at_the_end["offset"] // 2):
        (run.folder / CURSOR).write_text(json.dumps(at_the_end | {"offset": offset}))
        deliver_now(store, run)
        assert points(store, run) == before
    (run.folder / CURSOR).unlink()  # not even the run's id was noted
    deliver_now(store, run)
    assert points(store, run) == before
    assert stored(store, run).run_id == at_the_end["run_id"]


def test_a_run_whose_creation_was_answered_too_late_is_there_once(store: Store) -> None:
    """A server that hangs creates the run when it goes on, after the client has given up and asked again."""
    sweep = begin_sweep(store)
    run = run_a_cell(store, sweep)
    delivered(store)
    twin = store.client.create_run(store.experiment_id, tags={names.LOCAL_ID: run.id})
    run.set_tags({"later": "x"})
    delivered(store)

    assert stored(store, run).run_id != twin.info.run_id


def test_what_is_logged_after_the_end_is_delivered_too(store: Store) -> None:
    """A cell is measured after its run has ended."""
    sweep = begin_sweep(store)
    run = run_a_cell(store, sweep)
    delivered(store)
    run.log_summary({"int8/mAP50": 0.5})
    assert run.folder in undelivered(store)
    delivered(store)

    assert stored(store, run).metrics["int8/mAP50"] == 0.5
    assert stored(store, run).status == "finished"


def test_a_run_that_goes_on_is_the_same_run(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    sweep = begin_sweep(store)
    run = begin_cell(store, sweep, "key")
    run.log_epoch(1, EPOCH)
    run.finish("KILLED", "a kill")
    delivered(store)
    assert (stored(store, run).status, stored(store, run).reason) == ("killed", "a kill")

    again = SpooledRun(store, run.folder)
    monkeypatch.setattr("platform.node", lambda: "another")
    again.reopen({names.RESUMED: "after epoch 1"})
    again.log_epoch(2, EPOCH)
    again.finish("FINISHED")
    delivered(store)

    now = stored(store, run)
    assert (now.status, now.reason, now.tags[names.RESUMED]) == ("finished", None, "after epoch 1")
    assert now.tags[names.HOST] == "another", "its process lives there now"
    assert [step for step, _, _ in points(store, run)["time/epoch_s"]] == [1, 2]


def test_a_metric_is_not_logged_twice_in_a_summary(store: Store) -> None:
    run = begin_cell(store, begin_sweep(store), "key")
    run.log_summary_once({"best/mAP50": 0.5})
    SpooledRun(store, run.folder).log_summary_once({"best/mAP50": 0.5, "model/nodes": 158.0})
    run.finish("FINISHED")
    delivered(store)

    assert {name: len(found) for name, found in points(store, run).items()} == {"best/mAP50": 1, "model/nodes": 1}


@pytest.mark.parametrize("empty", [False, True], ids=["as it is logged now", "as older versions have left it"])
def test_a_cell_that_was_killed_right_after_its_summary_is_delivered(store: Store, empty: bool) -> None:
    """It evaluates again and has no new figure; what follows are files. `make faults` found this."""
    run = begin_cell(store, begin_sweep(store), "key")
    run.log_summary({"best/mAP50": 0.5})
    assert not deliver(store, run.folder), "it goes on"
    run.log_summary_once({"best/mAP50": 0.5})
    if empty:
        run.log_summary({})
    log = run.folder / "train.log"
    log.write_text("all went well")
    run.log_files({"train.log": log})
    run.log_summary({})
    run.log_summary({"model/nodes": 158.0})
    run.finish("FINISHED")
    deliver_now(store, run)
    found = stored(store, run)
    assert found.status == "finished"
    assert found.metrics == {"best/mAP50": 0.5, "model/nodes": 158.0}
    assert [file.path for file in store.client.list_artifacts(found.run_id)] == ["train.log"]


def test_cells_json_names_the_runs_of_mlflow(store: Store) -> None:
    sweep = begin_sweep(store)
    run = run_a_cell(store, sweep)
    other = {"cell": "b", "key": "b", "run_id": "f" * 32, "state": "finished", "reused": True, "reason": None}
    own = {"cell": "key", "key": "key", "run_id": run.id, "state": "finished", "reused": False, "reason": None}
    sweep.log_cells("s", [own, other])
    sweep.finish("FINISHED")
    delivered(store)

    frame = sweep_cells(store, sweep_run(store, "s").run_id)
    assert list(frame["run_id"]) == [stored(store, run).run_id, "f" * 32]
    assert frame["best/mAP50"][0] == 3 / 7


def test_a_trial_brings_the_runs_above_it_into_being(store: Store) -> None:
    sweep = begin_sweep(store)
    cell = begin_cell(store, sweep, "key")
    trial = begin_trial(store, cell, 0)
    trial.finish("FINISHED")
    deliver(store, trial.folder)

    assert stored(store, trial).parent_run_id == stored(store, cell).run_id == mlflow_id(store, cell.folder)
    assert stored(store, cell).parent_run_id == stored(store, sweep).run_id


def test_a_run_that_somebody_deletes_keeps_nothing_from_its_end(store: Store) -> None:
    sweep = begin_sweep(store)
    run = begin_cell(store, sweep, "key")
    run.log_epoch(1, EPOCH)
    deliver(store, run.folder)
    store.client.delete_run(stored(store, run).run_id)
    run.log_epoch(2, EPOCH)
    run.finish("FINISHED")
    delivered(store)

    assert list(search(store, f"tags.`{names.LOCAL_ID}` = '{run.id}'")) == []
    assert replay(store, run.folder) is None, "home has forgotten it, too"


def test_a_run_that_a_restored_backup_does_not_know_is_delivered_from_its_beginning(tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path / 'server.db'}"
    store = open_store(tmp_path / "home", "e", uri)
    shutil.copyfile(tmp_path / "server.db", tmp_path / "backup.db")
    sweep = begin_sweep(store)
    run = run_a_cell(store, sweep)
    delivered(store)
    before = points(store, run)
    store.client._tracking_client.store.engine.dispose()
    shutil.copyfile(tmp_path / "backup.db", tmp_path / "server.db")
    run.set_tags({"later": "x"})
    sweep.finish("FINISHED")
    delivered(store)

    assert points(store, run) == before
    assert stored(store, run).parent_run_id == stored(store, sweep).run_id


def test_a_moved_home_delivers_what_it_has(tmp_path: Path) -> None:
    store = open_store(tmp_path / "old", "e")
    run = run_a_cell(store, begin_sweep(store))
    (tmp_path / "old").rename(tmp_path / "new")
    moved = open_store(tmp_path / "new", "e")
    delivered(moved)

    assert stored(moved, run).status == "finished"


def test_runs_for_another_store_are_left_for_it(tmp_path: Path) -> None:
    home = tmp_path / "home"
    here, there = open_store(home, "e"), open_store(home, "e", f"sqlite:///{tmp_path / 'there.db'}")
    run = run_a_cell(there, begin_sweep(there))
    assert undelivered(here) == []
    assert undelivered_by_destination(home) == {f"e @ sqlite:///{tmp_path / 'there.db'}": 2}
    assert replay(here, run.folder) is None
    delivered(there)
    assert stored(there, run).status == "finished"


def test_a_store_that_is_away_leaves_all_in_home_and_costs_no_wait(tmp_path: Path) -> None:
    store = store_at(tmp_path, "e", "http://127.0.0.1:9")
    sweep = begin_sweep(store)
    run = run_a_cell(store, sweep)
    left = drain(store, 0.5)

    assert {folder.name for folder in left.folders} == {run.id, "s"}
    assert "no MLflow server answers" in left.reason
    assert not is_delivered(run.folder)
    assert read_cursor(run.folder).run_id is None
    assert (run.folder / "outbox").is_dir()


def test_a_missing_file_is_told_before_anything_is_kept(store: Store, tmp_path: Path) -> None:
    run = begin_cell(store, begin_sweep(store), "key")
    there: dict[str, Any] = {"a.txt": tmp_path / "a.txt", "b.txt": tmp_path / "b.txt"}
    there["a.txt"].write_text("x")
    with pytest.raises(FileNotFoundError, match=r"b\.txt"):
        run.log_files(there)
    assert not (run.folder / "outbox").exists()
