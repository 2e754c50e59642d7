"""What counts as an operator on the HTP, and what is said of options and machines that cannot be."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import Any

import pytest

from sweep.npu.node_names import layer_of, original_name
from sweep.npu.targets import CompilerFailed, CompilerMissing, Subject, TargetError
from sweep.npu.targets.qnn import QnnTarget, read_placement

HTP, CPU = "QNNExecutionProvider", "CPUExecutionProvider"
PLACEMENT = [
    {"provider": CPU, "operator": "QuantizeLinear", "name": "images_QuantizeLinear"},
    {"provider": HTP, "operator": "DequantizeLinear", "name": "images_DequantizeLinear"},
    {"provider": HTP, "operator": "Conv", "name": "/model.0/conv/Conv_token_17"},
    {"provider": HTP, "operator": "Transpose", "name": "Transpose_token_381"},
    {"provider": CPU, "operator": "Concat", "name": "/model.20/Concat_3"},
    {"provider": CPU, "operator": "MaxPool", "name": "/model.9/m/MaxPool_token_149"},
]


def qnn(**options: Any) -> QnnTarget:
    return QnnTarget("qnn_htp", {"compiler": "qnn", "soc_model": 43, **options}, Path("home"))


def test_operators_count_and_quantization_does_not() -> None:
    assert read_placement(PLACEMENT) == (4, ["Concat (model.20)", "MaxPool (model.9.m)"])


def test_no_operators_are_no_figure() -> None:
    with pytest.raises(CompilerFailed, match="no operator"):
        read_placement(PLACEMENT[:2])


@pytest.mark.parametrize(
    ("node", "layer"),
    [
        ("/model.0/conv/Conv", "model.0.conv"),
        ("/model.23/cv2.0/cv2.0.1/act/Relu", "model.23.cv2.0.1.act"),
        ("/model.6/m.0/m/m.1/cv2/conv/Conv", "model.6.m.0.m.1.cv2.conv"),
        ("/model.23/cv3.2/cv3.2.0/cv3.2.0.1/conv/Conv", "model.23.cv3.2.0.1.conv"),
        ("/model.20/Concat_3", "model.20"),
        ("output0-rs", "output0-rs"),
    ],
)
def test_a_node_belongs_to_a_layer(node: str, layer: str) -> None:
    assert layer_of(node) == layer


def test_rewritten_nodes_keep_their_name() -> None:
    assert original_name("/model.0/conv/Conv_token_17") == "/model.0/conv/Conv"
    assert original_name("/model.0/conv_token_x/Conv") == "/model.0/conv_token_x/Conv"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"soc_model": None}, "npu.qnn_htp.soc_model=None must be Qualcomm's number"),
        ({"soc_model": "SM8550"}, "npu.qnn_htp.soc_model=SM8550 must be"),
        ({"fp16": 1}, "npu.qnn_htp.fp16=1 must be true or false"),
        ({"soc": 43}, "npu.qnn_htp.soc is unknown. Options:"),
    ],
)
def test_a_wrong_option_is_named(options: dict[str, Any], said: str) -> None:
    (problem,) = qnn(**options).problems()

    assert problem.startswith(said)


def test_right_options_are_no_problem() -> None:
    assert not qnn(fp16=True, timeout_s=10, title="HTP").problems()


def test_without_the_int8_export_it_says_so(tmp_path: Path) -> None:
    subject = Subject(tmp_path / "best.pt", tmp_path / "model.onnx", None, tmp_path / "calibration.npy", 64)

    with pytest.raises(TargetError, match="INT8 export, and that is missing"):
        qnn().measure(subject, tmp_path)


def test_a_machine_without_a_build_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(QnnTarget, "needs", ("no-such-distribution",))
    with pytest.raises(CompilerMissing, match=r"python -m pip install 'onnxruntime-qnn"):
        qnn().require()

    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    monkeypatch.setattr(platform, "machine", lambda: "arm64")
    with pytest.raises(CompilerMissing, match="has no build for Darwin arm64"):
        qnn().require()
