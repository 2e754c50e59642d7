"""The INT8 file of a real export is integer inside, keeps its accuracy, and runs where the FP32 file runs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
import yaml

from sweep.architecture.build import build_model
from sweep.architecture.resolve import resolve_model
from sweep.npu.calibration import calibration_images
from sweep.npu.graph import count_nodes
from sweep.npu.quantize import quantize
from sweep.onnx_session import exact_options

CONF = Path(__file__).parents[3] / "conf"
IMGSZ = 96  # as in the quick recipe
CLASSES = 6
CELLS = [("yolo11n", "0", "silu"), ("yolo11n", "4", "leakyrelu"), ("yolo12n", "0", "relu"), ("yolo26n", "0", "relu")]


@pytest.fixture(scope="module")
def pictures(signs_home: Path) -> list[Path]:
    return sorted((signs_home / "datasets" / "signs" / "images" / "train").iterdir())


@pytest.fixture(scope="module")
def images(pictures: list[Path]) -> np.ndarray:
    return calibration_images(pictures, IMGSZ, count=16)


def build(base: str, level: str, act: str) -> Any:
    """An untrained model whose scores are spread from 0 to 1: those of a fresh one are all below 0.002."""
    files = [CONF / "base" / f"{base}.yaml", CONF / "levels" / f"{level}.yaml", CONF / "act" / f"{act}.yaml"]
    torch.manual_seed(0)
    model = build_model(resolve_model(*(yaml.safe_load(f.read_text("utf-8")) for f in files), CLASSES).yaml)
    head: Any = model.model[-1]
    for branches in filter(None, (head.cv3, getattr(head, "one2one_cv3", None))):
        logits = torch.linspace(-4, 4, len(branches) * CLASSES)
        for number, branch in enumerate(branches):
            branch[-1].bias.data = logits[number :: len(branches)].clone()
    return model


@pytest.fixture(scope="module")
def level4(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return count_nodes(build("yolo11n", "4", "leakyrelu"), IMGSZ, tmp_path_factory.mktemp("level4")).path


def outputs(path: Path, images: np.ndarray) -> np.ndarray:
    import onnxruntime

    session = onnxruntime.InferenceSession(path, exact_options(), providers=["CPUExecutionProvider"])
    assert [entry.name for entry in session.get_inputs()] == ["images"]
    return np.concatenate([session.run(["output0"], {"images": image[None]})[0] for image in images])


@pytest.mark.parametrize(("base", "level", "act"), CELLS)
def test_every_operator_is_quantized_and_the_outputs_stay(
    base: str, level: str, act: str, images: np.ndarray, tmp_path: Path
) -> None:
    source = count_nodes(build(base, level, act), IMGSZ, tmp_path).path
    quantized = quantize(source, images, tmp_path / "int8.onnx")

    exact, integer = outputs(source, images[:2]), outputs(quantized.path, images[:2])
    assert exact.shape == integer.shape == (2, 4 + CLASSES, sum((IMGSZ // stride) ** 2 for stride in (8, 16, 32)))
    assert np.abs(exact - integer)[:, :4].max() < 0.5
    assert exact[:, 4:].min() < 0.1
    assert exact[:, 4:].max() > 0.9
    assert np.abs(exact - integer)[:, 4:].max() < 0.01
    assert source.stat().st_size > 3 * quantized.path.stat().st_size

    model = onnx.load(quantized.path)
    onnx.checker.check_model(model, full_check=True)
    assert {node.domain for node in model.graph.node} <= {"", "ai.onnx"}, "nothing that only onnxruntime knows"
    sources = {node.output[0]: node.input[0] for node in model.graph.node if node.op_type == "DequantizeLinear"}
    kinds = {tensor.name: tensor.data_type for tensor in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type not in {"QuantizeLinear", "DequantizeLinear"}:
            assert node.input[0] in sources, f"{node.name} works on float"
        if node.op_type == "Conv":
            assert kinds[sources[node.input[1]]] == onnx.TensorProto.INT8, node.name


def test_a_model_that_ranks_its_boxes_itself_is_quantized_up_to_the_ranking(images: np.ndarray, tmp_path: Path) -> None:
    from ultralytics.engine.exporter import Exporter

    model = build("yolo26n", "0", "relu").eval()
    model.task, model.pt_path = "detect", str(tmp_path / "model.pt")
    overrides = {"format": "onnx", "imgsz": IMGSZ, "simplify": True, "batch": 1, "device": "cpu", "nms": False}
    source = Path(Exporter(overrides=overrides)(model=model))

    quantized = quantize(source, images, tmp_path / "int8.onnx")

    exact, integer = outputs(source, images[:1]), outputs(quantized.path, images[:1])
    assert exact.shape == integer.shape
    assert exact.shape[-1] == 6, "x, y, x, y, score, class"
    assert exact[..., 4].max() > 0.9
    assert np.abs(exact - integer)[..., 4].max() < 0.01
    assert [node.op_type for node in onnx.load(quantized.path).graph.node].count("TopK") == 2


def test_ultralytics_opens_it_as_a_detector(
    level4: Path, images: np.ndarray, pictures: list[Path], tmp_path: Path
) -> None:
    from ultralytics import YOLO

    out = quantize(level4, images, tmp_path / "model_int8.onnx").path

    exact, integer = (YOLO(str(path), task="detect").predict(pictures[0], conf=1e-9)[0] for path in (level4, out))

    assert integer.names == exact.names
    assert len(integer.boxes) > 0
    metadata = [{entry.key: entry.value for entry in onnx.load(path).metadata_props} for path in (level4, out)]
    del metadata[0]["date"]
    assert metadata[0] == metadata[1]
    assert {"names", "stride", "task", "imgsz"} <= set(metadata[1])


def test_another_process_gives_the_same_bytes(level4: Path, images: np.ndarray, tmp_path: Path) -> None:
    np.save(tmp_path / "images.npy", images)
    script = (
        "import sys, numpy; from pathlib import Path; from sweep.npu.quantize import quantize;"
        "quantize(Path(sys.argv[1]), numpy.load(sys.argv[2]), Path(sys.argv[3]))"
    )
    command = [sys.executable, "-c", script, level4, tmp_path / "images.npy", tmp_path / "there.onnx"]
    said = subprocess.run(command, env={**os.environ, "PYTHONHASHSEED": "1"}, check=True, capture_output=True)

    quantize(level4, images, tmp_path / "here.onnx")

    assert (tmp_path / "here.onnx").read_bytes() == (tmp_path / "there.onnx").read_bytes()
    assert said.stdout + said.stderr == b""


@pytest.mark.slow
def test_a_model_trained_on_the_built_in_data_keeps_its_accuracy(
    home: Path, pictures: list[Path], tmp_path: Path
) -> None:
    from sweep.data.check import check_dataset
    from sweep.data.ultralytics_yaml import write_view
    from sweep.training.environment import prepare_ultralytics
    from sweep.training.train import evaluate, train

    prepare_ultralytics(home)
    view = write_view(check_dataset(home / "datasets" / "signs" / "data.yaml", home, name="signs"), home)
    model = build("yolo11n", "4", "relu")
    recipe = yaml.safe_load((CONF / "recipe" / "quick.yaml").read_text("utf-8")) | {"epochs": 8}
    trained = train(
        model.yaml,
        {name: value for name, value in recipe.items() if name != "name"},
        view=view,
        seed=0,
        device="cpu",
        folder=tmp_path,
        weights=None,
        on_epoch=lambda *_: None,
    )
    fp32 = count_nodes(trained.best, IMGSZ, tmp_path / "export").path
    int8 = quantize(fp32, calibration_images(pictures, IMGSZ), tmp_path / "export" / "model_int8.onnx").path

    exact, integer = (
        evaluate(path, view=view, imgsz=IMGSZ, batch=16, device="cpu", folder=tmp_path).figures for path in (fp32, int8)
    )

    assert exact["mAP50"] > 0.5, "the training worked"
    assert integer["mAP50"] == pytest.approx(exact["mAP50"], abs=0.02)
    assert integer["mAP50-95"] == pytest.approx(exact["mAP50-95"], abs=0.02)
    assert int8.stat().st_size <= 2.5e6
