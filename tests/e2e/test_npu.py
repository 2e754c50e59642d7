"""Cells are measured by real compilers, without being trained again; what fails takes no results along."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from e2e.conftest import LIMIT_S, TINY, Desk, close_desk, make_desk

CELL = ("level=4", "act=leakyrelu", "recipe.epochs=1", *TINY)


def installed(*packages: str) -> bool:
    from sweep.packages import installed_version

    return all(installed_version(package) for package in packages)


COMPILERS = installed("ethos-u-vela", "litert-torch", "ai-edge-quantizer", "onnxruntime-qnn")
needs_compilers = pytest.mark.skipif(not COMPILERS, reason='needs the vendor compilers: pip install "npu-sweep[npu]"')


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, signs: Path) -> Any:
    """A cell that was trained and not measured: its desk and its run's id."""
    desk = make_desk(tmp_path_factory.mktemp("npu"), signs, measured=True)
    code, output = desk.run(*CELL, "npu=none")
    assert code == 0, output
    run = only_run(desk)
    # Here, and not in a test of its own: later tests measure this cell.
    assert not [name for name in run.metrics if name.startswith(("npu/", "int8/", "fp32/"))], (
        "npu=none measures nothing"
    )
    assert run.metrics["model/nodes"] > 0
    yield desk, run.run_id
    close_desk(desk)


def only_run(desk: Desk) -> Any:
    (run,) = desk.cell_runs()
    return run


def test_a_finished_cell_is_measured_and_not_trained_again(trained: tuple[Desk, str]) -> None:
    desk, run_id = trained
    code, plan = desk.run("plan", *CELL)
    assert code == 0
    assert "to be measured" in plan
    code, output = desk.run(*CELL)
    assert code == 0, output
    run = only_run(desk)
    assert run.run_id == run_id
    for profile in ("generic_int8", "ethos_u55", "rk3588"):
        assert 0 < run.metrics[f"npu/onnx.{profile}/op_pct"] <= 100
        assert 0 < run.metrics[f"npu/onnx.{profile}/mac_pct"] <= 100
    assert 0 <= run.metrics["int8/mAP50"] <= 1
    assert 0 < run.metrics["int8/size_mb"] < run.metrics["fp32/size_mb"]
    assert run.metrics["int8/latency_ms"] > 0
    artifacts = {file.path for file in desk.store().client.list_artifacts(run_id, "export")}
    assert {"export/model.onnx", "export/model_int8.onnx", "export/onnx"} <= artifacts
    code, again = desk.run(*CELL)
    assert code == 0
    assert "0 to run" in again


@needs_compilers
def test_a_vendor_target_is_measured_afterwards(trained: tuple[Desk, str]) -> None:
    desk, run_id = trained
    code, output = desk.run("npu", "measure", "--target", "ethos_u55,qnn_htp")
    assert code == 0, output
    run = only_run(desk)
    assert run.run_id == run_id
    assert run.metrics["npu/ethos_u55/op_pct"] == 100
    assert run.metrics["npu/ethos_u55/latency_ms"] > 0
    assert run.metrics["npu/ethos_u55/sram_kb"] > 0
    assert 0 < run.metrics["npu/qnn_htp/op_pct"] <= 100
    assert not [name for name in run.metrics if name.startswith("npu/qnn_htp/") and not name.endswith("op_pct")]
    facts = json.loads(run.tags["sweep.npu.ethos_u55"])
    assert facts["compiler"].startswith("Vela ")
    assert facts["decode"] is False
    assert facts["imgsz"] == 320, "a toy size is measured at the least size"
    assert "Vela" in output and "estimate" in output
    code, output = desk.run("npu", "measure", "--target", "ethos_u55,qnn_htp")
    assert code == 0
    assert "has been measured" in output
    code, output = desk.run(*CELL, "npu=[ethos_u55,qnn_htp]")
    assert code == 0
    assert "0 to run" in output


def test_a_compiler_that_is_not_there_is_said_before_and_costs_nothing(
    trained: tuple[Desk, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, _ = trained
    monkeypatch.delenv("SWEEP_RKNN_PYTHON", raising=False)
    code, output = desk.run(*CELL, "npu=[rk3588]", "npu.rk3588.python=null")
    assert code == 0, output
    assert "rk3588 will not be measured" in output
    assert "python -m sweep npu setup rknn" in output
    code, output = desk.run("npu", "measure", "--target", "rk3588")
    assert code == 2
    assert "python -m sweep npu setup rknn" in output


@needs_compilers
def test_other_options_of_a_target_are_measured_anew(trained: tuple[Desk, str]) -> None:
    desk, run_id = trained
    before = only_run(desk).metrics["npu/ethos_u55/latency_ms"]
    code, output = desk.run(*CELL, "npu=[ethos_u55]", "npu.ethos_u55.accelerator=ethos-u55-64")
    assert code == 0, output
    run = only_run(desk)
    assert run.run_id == run_id
    assert run.metrics["npu/ethos_u55/latency_ms"] > 1.5 * before, "a quarter of the multipliers"
    assert json.loads(run.tags["sweep.npu.ethos_u55"])["options"]["accelerator"] == "ethos-u55-64"


@needs_compilers
def test_a_compiler_that_hangs_is_stopped_and_the_cell_keeps_its_results(trained: tuple[Desk, str]) -> None:
    desk, run_id = trained
    code, output = desk.run(*CELL, "npu=[ethos_u65]", "npu.ethos_u65.timeout_s=0.05")
    assert code == 1, output
    assert "ethos_u65 not measured" in output
    assert "was stopped after 0.05 s" in output
    run = only_run(desk)
    assert run.run_id == run_id
    assert run.status == "finished"
    assert "npu/ethos_u65/op_pct" not in run.metrics
    assert json.loads(run.tags["sweep.npu.ethos_u65"])["state"] == "failed"
    table = next(desk.home.glob("sweeps/*/report/tables/npu.md"))
    assert table.is_file()


@needs_compilers
@pytest.mark.parametrize("way", [signal.SIGKILL, signal.SIGINT])
def test_a_cell_that_dies_while_it_is_measured_stays_trained(tmp_path: Path, signs: Path, way: signal.Signals) -> None:
    desk = make_desk(tmp_path, signs)
    try:
        process = desk.start(*CELL, "npu=[ethos_u85]")
        event = desk.wait_for(lambda event: event.get("stage", "").startswith("measuring Arm"))
        os.kill(event["pid"] if way == signal.SIGKILL else process.pid, way)
        if way == signal.SIGINT:  # a second one: the first lets the compiler end
            desk.wait_for_stop()
            process.send_signal(way)
        output, _ = process.communicate(timeout=LIMIT_S)
        assert process.returncode == (1 if way == signal.SIGKILL else 130), output
        run = only_run(desk)
        assert run.status == "finished"
        assert run.metrics["best/mAP50"] >= 0
        assert not [child for child in psutil.process_iter(["cmdline"]) if str(tmp_path) in " ".join(cmdline(child))]
        code, output = desk.run(*CELL, "npu=[ethos_u85]")
        assert code == 0, output
        assert "trained before, measuring what it lacks" in output
        assert only_run(desk).metrics["npu/ethos_u85/op_pct"] == 100
    finally:
        close_desk(desk)


def cmdline(process: psutil.Process) -> list[str]:
    return process.info["cmdline"] or []


def test_assess_takes_a_checkpoint_of_plain_ultralytics(trained: tuple[Desk, str], tmp_path: Path) -> None:
    desk, _ = trained
    checkpoint = plain_checkpoint(desk, tmp_path)
    data = desk.home / "datasets" / "signs" / "data.yaml"
    code, output = desk.run("npu", "assess", str(checkpoint), "--data", str(data), "--imgsz", "64")
    assert code == 0, output
    assert "INT8" in output
    (folder,) = (desk.home / "assess").iterdir()
    content = json.loads((folder / "assessment.json").read_text())
    assert content["metrics"]["int8/mAP50"] >= 0
    assert content["imgsz"] == 64
    beside = sorted(path.name for path in tmp_path.iterdir())
    assert beside == ["plain", "plain.pt"], "assess wrote beside the checkpoint"


def plain_checkpoint(desk: Desk, folder: Path) -> Path:
    """A checkpoint that Ultralytics alone has trained, in a process that does not know this package."""
    data = desk.home / "datasets" / "signs" / "data.yaml"
    script = (
        "from ultralytics import YOLO; import shutil\n"
        f"r = YOLO('yolo11n.yaml').train(data={str(data)!r}, epochs=1, imgsz=64, fraction=0.1, workers=0, plots=False,"
        f" project={str(folder / 'plain')!r}, device='cpu', val=False)\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, cwd=folder)
    found = next((folder / "plain").rglob("last.pt"))
    target = folder / "plain.pt"
    target.write_bytes(found.read_bytes())
    for stray in folder.glob("*.cache"):
        stray.unlink()
    return target


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("text.pt", "cannot be read as an Ultralytics checkpoint"),
        ("cut.pt", "cannot be read as an Ultralytics checkpoint"),
        ("segment.pt", "holds no detection model"),
        ("missing.pt", "There is no file"),
        ("model.onnx", "neither a checkpoint"),
    ],
)
def test_assess_refuses_what_is_no_detector(trained: tuple[Desk, str], tmp_path: Path, name: str, said: str) -> None:
    desk, _ = trained
    path = tmp_path / name
    if name == "text.pt":
        path.write_text("not a checkpoint\n")
    elif name == "cut.pt":
        whole = next(desk.home.glob("cells/*/*/weights/best.pt")).read_bytes()
        path.write_bytes(whole[: len(whole) // 2])
    elif name == "segment.pt":
        subprocess.run(
            [sys.executable, "-c", f"from ultralytics import YOLO; YOLO('yolo11n-seg.yaml').save({str(path)!r})"],
            check=True,
            capture_output=True,
        )
    elif name == "model.onnx":
        path.write_bytes(b"onnx")
    code, output = desk.run("npu", "assess", str(path))
    assert code == 2, output
    assert said in output
    assert "Traceback" not in output
    assert len([line for line in output.splitlines() if line.strip()]) == 1, output


def test_a_cell_starts_from_a_checkpoint_and_says_what_was_carried(trained: tuple[Desk, str]) -> None:
    desk, _ = trained
    weights = next(desk.home.glob("cells/*/*/weights/best.pt"))
    code, output = desk.run("level=3", "act=relu", "recipe.epochs=1", *TINY, "npu=none", f"model.weights={weights}")
    assert code == 0, output
    run = next(run for run in desk.cell_runs() if run.cell == "yolo11n-l3-relu-s0")
    assert 0 < run.metrics["transfer/carried_pct"] < 100
    assert run.params["model.weights"] == "best.pt"
    table = Path(desk.store().client.download_artifacts(run.run_id, "report/transfer.csv"))
    assert "widened" in table.read_text() or "partial" in table.read_text()
    log = Path(desk.store().client.download_artifacts(run.run_id, "train.log"))
    assert "Weight transfer:" in log.read_text()
