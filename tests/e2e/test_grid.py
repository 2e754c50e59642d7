"""A whole grid, as MLflow, the tables and the file system hold it afterwards."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from e2e.conftest import GRID, Desk

pytestmark = pytest.mark.slow
EPOCH_METRICS = (
    "metrics/precision", "metrics/recall", "metrics/mAP50", "metrics/mAP50-95", "train/box_loss", "train/cls_loss",
    "train/dfl_loss", "val/box_loss", "val/cls_loss", "val/dfl_loss", "lr/pg0", "time/epoch_s",
)  # fmt: skip
SUMMARY_METRICS = (
    "best/precision", "best/recall", "best/mAP50", "best/mAP50-95", "best/epoch", "final/precision", "final/recall",
    "final/mAP50", "final/mAP50-95", "final/train/box_loss", "final/train/cls_loss", "final/train/dfl_loss",
    "final/val/box_loss", "final/val/cls_loss", "final/val/dfl_loss", "time/train_s", "model/params_m", "model/gflops",
    "model/nodes", "best/mAP50_lo", "best/mAP50_hi", "best/mAP50-95_lo", "best/mAP50-95_hi",
)  # fmt: skip
TABLES = ("series", "activations", "ranking", "cells", "npu")
NAMES = [f"yolo11n-l{level}-{act}-s0" for level in (2, 3, 4) for act in ("relu", "leakyrelu")]


def test_six_cells_finish_under_one_parent(done: tuple[Desk, int, str]) -> None:
    from sweep.tracking.read import latest_sweep, read_json

    desk, code, output = done
    assert code == 0, output
    parent = latest_sweep(desk.store())
    assert parent is not None
    assert parent.status == "finished"
    runs = desk.cell_runs()
    assert {run.status for run in runs} == {"finished"}
    assert {run.tags["mlflow.parentRunId"] for run in runs} == {parent.run_id}
    assert {run.tags["sweep.id"] for run in runs} == {parent.tags["sweep.id"]}
    listed = read_json(desk.store(), parent, "cells.json")["cells"]
    assert [cell["cell"] for cell in listed] == NAMES
    by_id = {run.run_id: run for run in runs}
    assert [by_id[cell["run_id"]].tags["sweep.cell"] for cell in listed] == NAMES
    assert [by_id[cell["run_id"]].tags["sweep.cell_key"] for cell in listed] == [cell["key"] for cell in listed]


def test_every_cell_holds_the_contract(done: tuple[Desk, int, str]) -> None:
    from sweep.architecture.summary import read_summary

    desk, _, _ = done
    client = desk.store().client
    for info in desk.cell_runs():
        run = client.get_run(info.run_id)
        for name in EPOCH_METRICS:
            assert [point.step for point in client.get_metric_history(info.run_id, name)] == [1, 2], name
        for name in SUMMARY_METRICS:
            assert [point.step for point in client.get_metric_history(info.run_id, name)] == [0], name
        params = run.data.params
        assert params["base"] == "yolo11n"
        assert (params["recipe"], params["data"], params["seed"]) == ("quick", "signs", "0")
        assert params["recipe.lr0"] == "0.002"
        assert f"l{params['level']}-{params['act']}" in info.tags["sweep.cell"]
        assert all("(" not in name for name in run.data.metrics)
        [entry] = run.inputs.dataset_inputs
        assert entry.dataset.name == "signs"
        assert info.tags["sweep.data_digest"].startswith(entry.dataset.digest)
        for tag in ("ultralytics", "torch", "mlflow", "optuna", "sweep"):
            assert info.tags[f"sweep.version.{tag}"]
        assert info.tags["sweep.device"] == "cpu"
        files = {file.path for file in client.list_artifacts(info.run_id)}
        assert {"weights", "model.yaml", "results.csv", "config.yaml"} <= files
        weights = {file.path for file in client.list_artifacts(info.run_id, "weights")}
        assert weights == {"weights/best.pt", "weights/last.pt"}
        assert "test/mAP50" not in run.data.metrics, "the data has no test split"
        summary = read_summary(info.tags["sweep.architecture"])
        assert summary is not None
        assert (summary.before.blocks["C3k2"], summary.after.attention) == (8, 0)
        [model] = client.search_logged_models([desk.store().experiment_id], f"source_run_id = '{info.run_id}'")
        assert (model.name, str(model.status)) == ("model", "READY")


def test_what_every_image_gave_is_kept(done: tuple[Desk, int, str], tmp_path: Path) -> None:
    from sweep.statistics.ap import average_precision
    from sweep.statistics.images import load_statistics

    desk, _, _ = done
    replicates = []
    for info in desk.cell_runs():
        path = desk.store().client.download_artifacts(info.run_id, "statistics/val.npz", str(tmp_path))
        kept = load_statistics(Path(path))
        assert len(kept.images) == 64
        assert not any(name.startswith("/") or ".." in name for name in kept.images)
        ours = average_precision(kept)
        for name, value in (("mAP50", ours.map50), ("mAP50-95", ours.map5095)):
            assert value == pytest.approx(info.metrics[f"best/{name}"], abs=1e-6)
            assert info.metrics[f"best/{name}_lo"] <= info.metrics[f"best/{name}"] <= info.metrics[f"best/{name}_hi"]
        assert kept.replicates is not None
        replicates.append(len(kept.replicates))
    assert len(set(replicates)) == 1


def test_summary_figures_agree_with_the_curves(done: tuple[Desk, int, str]) -> None:
    desk, _, _ = done
    client = desk.store().client
    for info in desk.cell_runs():
        metrics = client.get_run(info.run_id).data.metrics
        for name in ("precision", "recall", "mAP50", "mAP50-95"):
            assert metrics[f"final/{name}"] == metrics[f"metrics/{name}"]
        assert metrics["final/val/box_loss"] == metrics["val/box_loss"]
        assert metrics["best/epoch"] in {1.0, 2.0}


def test_tables_are_written_in_three_formats_printed_and_logged(done: tuple[Desk, int, str]) -> None:
    from sweep.tracking.read import latest_sweep

    desk, _, output = done
    parent = latest_sweep(desk.store())
    assert parent is not None
    logged = {Path(file.path).name for file in desk.store().client.list_artifacts(parent.run_id, "report/tables")}
    assert logged == {f"{table}.{end}" for table in TABLES for end in ("csv", "md", "tex")}
    assert all(name in output for name in NAMES)
    assert "compare-runs" in output


def test_nothing_is_written_outside_home(done: tuple[Desk, int, str]) -> None:
    desk, _, _ = done
    assert sorted(path.name for path in desk.folder.iterdir()) == ["mlruns", "user"]
    assert list((desk.folder / "user").rglob("*")) == []
    assert sorted(path.name for path in (desk.home / "datasets" / "signs" / "labels").iterdir()) == ["train", "val"]


def test_levels_get_lighter(done: tuple[Desk, int, str]) -> None:
    desk, _, _ = done
    frame = desk.last_cells().set_index("cell")
    for act in ("relu", "leakyrelu"):
        nodes = [frame.loc[f"yolo11n-l{level}-{act}-s0", "model/nodes"] for level in (2, 3, 4)]
        assert nodes == sorted(nodes, reverse=True)


def test_a_second_run_trains_nothing_and_lists_the_reused_cells(done: tuple[Desk, int, str]) -> None:
    desk, _, _ = done
    tables = sorted(desk.home.glob("sweeps/*/report/tables/cells.csv"))
    code, output = desk.run(*GRID)
    assert code == 0, output
    assert len(desk.cell_runs()) == 6
    assert desk.last_cells()["reused"].all()
    [again] = sorted(set(desk.home.glob("sweeps/*/report/tables/cells.csv")) - set(tables))
    assert again.read_bytes() == tables[0].read_bytes()
    code, output = desk.run("plan", *GRID)
    assert "6 finished; 0 to run" in output


def test_report_rebuilds_the_same_bytes(done: tuple[Desk, int, str]) -> None:
    desk, _, _ = done
    newest = max(desk.home.glob("sweeps/*/report/tables"), key=lambda path: path.stat().st_mtime)
    before = {path.name: path.read_bytes() for path in newest.iterdir()}
    for path in newest.iterdir():
        path.unlink()
    code, output = desk.run("report")
    assert code == 0, output
    assert {path.name: path.read_bytes() for path in newest.iterdir()} == before


PLAIN = """
import json, sys
sys.path = [entry for entry in sys.path if not entry.rstrip("/").endswith("src")]
try:
    import sweep
except ModuleNotFoundError:
    pass
else:
    raise SystemExit("this package is importable")
from ultralytics import YOLO
checkpoint, data, imgsz, batch = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
metrics = YOLO(checkpoint).val(data=data, imgsz=imgsz, batch=batch, plots=False, verbose=False)
exported = YOLO(checkpoint).export(format="onnx", imgsz=imgsz, simplify=True)
import onnx
nodes = len(onnx.load(exported).graph.node)
acts = {type(m).__name__ for m in YOLO(checkpoint).model.modules()} & {"ReLU", "LeakyReLU", "SiLU"}
figures = {k: float(v) for k, v in metrics.results_dict.items()}
print("RESULT" + json.dumps({**figures, "nodes": nodes, "acts": sorted(acts)}))
"""


def test_the_checkpoint_works_in_plain_ultralytics(done: tuple[Desk, int, str], tmp_path: Path) -> None:
    import shutil

    desk, _, _ = done
    [info] = [run for run in desk.cell_runs() if run.cell == "yolo11n-l4-leakyrelu-s0"]
    path = desk.store().client.download_artifacts(info.run_id, "weights/best.pt", str(tmp_path))
    data = shutil.copytree(desk.home / "datasets" / "signs", tmp_path / "signs") / "data.yaml"
    process = subprocess.run(
        [sys.executable, "-c", PLAIN, path, str(data), "32", "8"],
        check=False,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=120,
    )
    assert process.returncode == 0, process.stderr
    plain: dict[str, Any] = json.loads(process.stdout.rpartition("RESULT")[2])
    assert plain["acts"] == ["LeakyReLU"]
    assert plain["nodes"] == info.metrics["model/nodes"]
    for name in ("precision", "recall", "mAP50", "mAP50-95"):
        assert plain[f"metrics/{name}(B)"] == pytest.approx(info.metrics[f"best/{name}"], abs=1e-6)
