"""What is written is read back: hierarchy, metrics, inputs, artifacts, keys."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from sweep.errors import SweepError
from sweep.tracking import names, read, write
from sweep.tracking.links import compare_link
from sweep.tracking.provenance import provenance_tags
from sweep.tracking.store import Store, open_store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(tmp_path, "npu-sweep")


def start_sweep(store: Store, sweep_id: str = "s1") -> str:
    return write.start_sweep(store, sweep_id=sweep_id, name=sweep_id, command="python -m sweep", tags={})


def start_cell(store: Store, parent: str, key: str = "k", **params: object) -> str:
    return write.start_cell(
        store,
        parent_run_id=parent,
        sweep_id="s1",
        cell_name=f"cell-{key}",
        cell_key=key,
        params={"base": "yolo11n", "level": 2} | params,
        tags={"x": "y"},
    )


def test_a_cell_from_start_to_end(store: Store, tmp_path: Path) -> None:
    parent = start_sweep(store)
    recipe = {f"p{number}": number for number in range(150)}
    run_id = start_cell(store, parent, "k", recipe=recipe, long="x" * 7000)
    for epoch in (1, 2):
        write.log_epoch(store, run_id, epoch, dict.fromkeys(names.EPOCH_METRICS, epoch / 10))
    write.log_epoch(store, run_id, 3, {"train/box_loss": math.nan, "val/box_loss": math.inf})
    write.log_epoch(store, run_id, 2, {"lr/pg0": 9.0})
    write.log_summary(store, run_id, {"best/mAP50": 0.9, "time/train_s": 41.5})
    weights = tmp_path / "날짜 best.pt"
    weights.write_bytes(b"weights")
    write.log_files(store, run_id, {"weights/best.pt": weights, "model.yaml": weights})
    digest = "0123456789" * 6
    write.log_dataset_input(store, run_id, name="signs", digest=digest, source="/데이터", context="training")
    write.finish(store, run_id, "FAILED", reason="head " + "x" * 20_000 + "RuntimeError: the end")

    run = store.client.get_run(run_id)
    assert run.info.status == "FAILED"
    assert run.info.run_name == "cell-k"
    assert run.data.tags[names.PARENT] == parent
    assert run.data.tags[names.KIND] == "cell"
    assert run.data.tags[names.REASON].startswith("head ")
    assert run.data.tags[names.REASON].endswith("the end")
    assert run.data.params["recipe.p149"] == "149"
    assert len(run.data.params["long"]) == 6000
    assert run.data.tags[names.DATA_DIGEST] == digest
    assert run.inputs.dataset_inputs[0].dataset.digest == digest[:36]
    artifacts = store.home / "artifacts" / run_id / "artifacts"
    assert (artifacts / "weights/best.pt").read_bytes() == b"weights"
    assert not (artifacts / "weights/best.pt").is_symlink()
    assert not list(store.home.glob(".staging*"))

    frame = read.curves(store, run_id)
    assert list(frame.columns) == list(names.EPOCH_METRICS)
    assert frame.index.tolist() == [1, 2, 3]
    assert frame["metrics/mAP50"].tolist()[:2] == [0.1, 0.2]
    assert frame.loc[2, "lr/pg0"] == 9.0
    assert math.isnan(frame.loc[3, "train/box_loss"])
    assert math.isinf(frame.loc[3, "val/box_loss"])


def test_a_missing_file_is_named_and_nothing_is_logged(store: Store, tmp_path: Path) -> None:
    run_id = start_sweep(store)
    with pytest.raises(FileNotFoundError, match=r"nowhere\.pt"):
        write.log_files(store, run_id, {"a": tmp_path / "mlflow.db", "b": tmp_path / "nowhere.pt"})
    assert store.client.list_artifacts(run_id) == []


@pytest.mark.parametrize("path", ["../x.json", "/etc/x.json"])
def test_artifacts_stay_inside_their_run(store: Store, path: str) -> None:
    with pytest.raises(ValueError, match="stays inside"):
        write.log_json(store, start_sweep(store), {}, path)


def test_cells_in_grid_order_with_reused_failed_and_deleted_ones(store: Store) -> None:
    old = start_cell(store, start_sweep(store, "s0"), "k0", level=4)
    write.log_summary(store, old, {"best/mAP50": 0.9, "zz/other": 1.0})
    write.log_epoch(store, old, 1, {"metrics/mAP50": 0.1})
    parent = start_sweep(store)
    new, gone = start_cell(store, parent, "k1"), start_cell(store, parent, "k2")
    store.client.delete_run(gone)
    listed = [("k1", new, "failed", False), ("k0", old, "finished", True), ("k2", gone, "finished", False)]
    cells = [
        {"cell": f"cell-{key}", "key": key, "run_id": run, "state": state, "reused": reused, "reason": None}
        for key, run, state, reused in listed
    ]
    dead = {
        "cell": "dead",
        "key": "k3",
        "run_id": None,
        "state": "killed",
        "reused": False,
        "reason": "SIGKILL",
    }
    write.log_cells(store, parent, sweep_id="s1", cells=[*cells, {**dead, "params": {"level": 3}}])

    frame = read.sweep_cells(store, parent)
    assert frame["cell"].tolist() == ["cell-k1", "cell-k0", "cell-k2", "dead"]
    assert frame["status"].tolist() == ["failed", "finished", "missing", "killed"]
    assert frame["reused"].tolist() == [False, True, False, False]
    assert frame["level"].tolist()[:2] == ["2", "4"]
    assert frame["level"].tolist()[3] == "3"
    assert frame["best/mAP50"].tolist()[1] == 0.9
    assert "metrics/mAP50" not in frame
    assert list(frame.columns)[-2:] == ["best/mAP50", "zz/other"]


def test_without_cells_json_the_cells_are_the_children(store: Store) -> None:
    parent = start_sweep(store)
    first, second = start_cell(store, parent, "k1"), start_cell(store, parent, "k2")
    write.finish(store, first, "KILLED", reason="Ctrl-C")
    frame = read.sweep_cells(store, parent)
    assert frame["run_id"].tolist() == [first, second]
    assert frame["status"].tolist() == ["killed", "running"]
    assert frame["reason"].tolist()[0] == "Ctrl-C"


def test_runs_by_key_few_and_many(store: Store) -> None:
    parent = start_sweep(store)
    first, second, _ = (start_cell(store, parent, key) for key in ("k1", "k1", "k2"))
    for keys in (["k1", "none"], ["k1", *(f"none{number}" for number in range(50))]):
        found = read.find_runs_by_key(store, keys)
        assert list(found) == ["k1"]
        assert {run.run_id for run in found["k1"]} == {first, second}
        assert found["k1"][0].start_ms >= found["k1"][1].start_ms
    assert read.find_runs_by_key(store, []) == {}


def test_sweeps_by_id_run_and_latest(store: Store) -> None:
    assert read.latest_sweep(store) is None
    with pytest.raises(SweepError, match="no sweep yet"):
        read.sweep_run(store)
    run_id = start_sweep(store, "2026-01-01_x")
    for which in ("latest", "2026-01-01_x", run_id):
        assert read.sweep_run(store, which).run_id == run_id
    for which in ("nope", "it's", 'a"b', "' OR 1=1"):
        with pytest.raises(SweepError, match="no such sweep"):
            read.sweep_run(store, which)


def test_compare_link(store: Store) -> None:
    link = compare_link(store, ["a", "b"])
    assert link == "http://127.0.0.1:5000/#/compare-runs?runs=%5B%22a%22%2C%22b%22%5D&experiments=%5B%221%22%5D"


def test_provenance(tmp_path: Path) -> None:
    import subprocess

    assert names.GIT_COMMIT not in provenance_tags(folder=tmp_path)
    run = ["git", "-C", str(tmp_path), "-c", "user.name=x", "-c", "user.email=x@x"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "--allow-empty", "-m", "x"]):
        (tmp_path / "file").write_text("1")
        subprocess.run([*run, *command], check=True)
    tags = provenance_tags("cpu", tmp_path)
    assert len(tags[names.GIT_COMMIT]) == 40
    assert tags[names.GIT_DIRTY] == "false"
    assert tags[names.DEVICE] == "cpu"
    assert {f"sweep.version.{name}" for name in ("torch", "mlflow", "ultralytics", "optuna", "sweep")} <= set(tags)
    (tmp_path / "file").write_text("2")
    assert provenance_tags(folder=tmp_path)[names.GIT_DIRTY] == "true"


def test_provenance_without_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert names.GIT_COMMIT not in provenance_tags(folder=Path.cwd())
