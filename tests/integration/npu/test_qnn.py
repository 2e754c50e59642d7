"""Qualcomm's HTP with the real onnxruntime-qnn: the INT8 export runs on it, and what it cannot run is named."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
import yaml

from sweep.architecture.build import build_model
from sweep.architecture.resolve import resolve_model
from sweep.npu.graph import count_nodes
from sweep.npu.quantize import quantize
from sweep.npu.targets import CompilerFailed, CompilerHung, Measurement, Subject, make_target
from sweep.npu.targets.qnn import QnnTarget

CONF = Path(__file__).parents[3] / "conf"
IMGSZ = 64
QCS6490 = {"soc_model": 35, "fp16": False}  # its HTP, v68, has no arithmetic in float

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        QnnTarget("qnn_htp", {}, Path()).version() is None,
        reason=f"onnxruntime-qnn is not installed: {QnnTarget.install}",
    ),
]


def export(act: str, folder: Path, seed: int) -> Subject:
    """Level 4 with random weights, exported and quantized."""
    files = [CONF / "base" / "yolo11n.yaml", CONF / "levels" / "4.yaml", CONF / "act" / f"{act}.yaml"]
    generator = np.random.default_rng(seed)
    torch.manual_seed(seed)
    model = build_model(resolve_model(*(yaml.safe_load(file.read_text("utf-8")) for file in files), 6).yaml)
    graph = count_nodes(model, IMGSZ, folder)
    pictures = generator.random((4, 3, IMGSZ, IMGSZ), dtype=np.float32)
    np.save(folder / "calibration.npy", pictures)
    quantize(graph.path, pictures, folder / "int8.onnx")
    return Subject(folder / "best.pt", graph.path, folder / "int8.onnx", folder / "calibration.npy", IMGSZ)


@pytest.fixture(scope="module")
def subject(tmp_path_factory: pytest.TempPathFactory) -> Subject:
    return export("leakyrelu", tmp_path_factory.mktemp("subject"), seed=0)


@pytest.fixture
def measured(subject: Subject, tmp_path: Path) -> Callable[..., Measurement]:
    """Measure with the options of `conf/npu/qnn_htp.yaml`, some of them changed."""

    def measure(model: Subject = subject, **options: Any) -> Measurement:
        content = yaml.safe_load((CONF / "npu" / "qnn_htp.yaml").read_text("utf-8"))
        folder = tmp_path / "out"
        folder.mkdir()
        return make_target("qnn_htp", {**content, **options}, tmp_path / "home").measure(model, folder)

    return measure


def test_the_whole_int8_export_runs_on_the_htp(measured: Callable[..., Measurement], tmp_path: Path) -> None:
    result = measured()

    assert result.figures == {"qnn_htp/op_pct": 100.0}
    assert result.fallbacks == ()
    assert result.compiler.startswith("onnxruntime-qnn ")
    assert result.options["soc_model"] == "43"
    assert result.decode
    context = onnx.load(result.files["model_ctx.onnx"], load_external_data=False)
    assert sum(node.op_type == "EPContext" for node in context.graph.node) == 1
    assert set(result.compiled) == {"model_ctx.onnx", "model_ctx_qnn.bin"}
    assert {path.name for path in (tmp_path / "out").iterdir()} == set(result.files)
    assert [path.name for path in tmp_path.iterdir()] == ["out"], "and nothing anywhere else"


def test_what_a_soc_cannot_run_is_named(measured: Callable[..., Measurement]) -> None:
    result = measured(**QCS6490)

    assert result.fallbacks == ("Concat (model.20)",)  # boxes and scores are joined in float
    operators = [
        node
        for node in json.loads(result.files["placement.json"].read_text("utf-8"))["nodes"]
        if node["operator"] not in {"QuantizeLinear", "DequantizeLinear"}
    ]
    assert result.figures["qnn_htp/op_pct"] == pytest.approx(100 * (1 - 1 / len(operators)))


def test_placement_does_not_depend_on_the_weights(
    measured: Callable[..., Measurement], subject: Subject, tmp_path: Path
) -> None:
    other = export("leakyrelu", tmp_path / "other", seed=1)
    assert subject.int8 and other.int8 and subject.int8.read_bytes() != other.int8.read_bytes()

    first = measured(**QCS6490)
    (tmp_path / "out").rename(tmp_path / "first")
    second = measured(other, **QCS6490)

    assert (first.figures, first.fallbacks, first.kinds) == (second.figures, second.fallbacks, second.kinds)
    assert not QnnTarget.weights_matter


def test_a_backend_that_cannot_be_made_is_no_placement_of_zero(measured: Callable[..., Measurement]) -> None:
    with pytest.raises(CompilerFailed, match=r"cannot create the HTP backend: .*INVALID_CONFIG"):
        measured(soc_model=99999)


def test_a_file_that_is_no_model(measured: Callable[..., Measurement], subject: Subject, tmp_path: Path) -> None:
    broken = tmp_path / "int8.onnx"
    broken.write_text("not a model")

    with pytest.raises(CompilerFailed, match=r"ended with code 1: .*INVALID_PROTOBUF"):
        measured(Subject(subject.checkpoint, subject.onnx, broken, subject.calibration, IMGSZ))


def test_the_time_limit_holds(measured: Callable[..., Measurement], tmp_path: Path) -> None:
    with pytest.raises(CompilerHung, match=r"stopped after 0\.05 s"):
        measured(timeout_s=0.05)

    assert [path.name for path in (tmp_path / "out").iterdir()] == ["qnn.log"]
