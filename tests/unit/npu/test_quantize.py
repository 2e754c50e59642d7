"""A quantized file is written whole or not at all, beside nothing else, without a word, and the same every time."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from sweep.errors import SweepError
from sweep.npu.calibration import random_images
from sweep.npu.quantize import quantize
from sweep.npu.quantize_ranges import tensor_ranges
from sweep.onnx_session import exact_options

SIDE = 16


def detector(path: Path, *, anchor: float = 100.0, date: str = "2026-01-01") -> Path:
    """The smallest graph with boxes of 0 to 200 and scores of 0 to 1 in one tensor, in opset 17."""
    noise = np.random.default_rng(0)
    weights = {
        "stem": noise.normal(size=(8, 3, 3, 3)),
        "box": noise.normal(size=(4, 8, 1, 1)),
        "score": noise.normal(size=(2, 8, 1, 1)),
        "anchor": np.full((1, 4, 1, 1), anchor),
    }
    nodes = [
        helper.make_node("Conv", ["images", "stem"], ["feature"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["feature"], ["active"]),
        helper.make_node("Conv", ["active", "box"], ["distance"]),
        helper.make_node("Conv", ["active", "score"], ["logit"]),
        helper.make_node("Add", ["distance", "anchor"], ["boxes"]),
        helper.make_node("Sigmoid", ["logit"], ["scores"]),
        helper.make_node("Concat", ["boxes", "scores"], ["output0"], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "detector",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, SIDE, SIDE])],
        [helper.make_tensor_value_info("output0", TensorProto.FLOAT, [1, 6, SIDE, SIDE])],
        [numpy_helper.from_array(value.astype(np.float32), name) for name, value in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, {"task": "detect", "names": "{0: 'a', 1: 'b'}", "date": date})
    onnx.save(model, path)
    return path


def output_of(path: Path, image: np.ndarray) -> np.ndarray:
    import onnxruntime

    session = onnxruntime.InferenceSession(path, exact_options(), providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {"images": image[None]})[0])


def test_boxes_and_scores_keep_their_values(tmp_path: Path) -> None:
    images = random_images(SIDE)
    source = detector(tmp_path / "model.onnx")

    quantized = quantize(source, images, tmp_path / "int8.onnx")

    exact, integer = output_of(source, images[0]), output_of(quantized.path, images[0])
    assert np.abs(exact - integer)[:, :4].max() < 0.4
    assert len(np.unique(integer[:, :4])) > 256, "finer than 8 bits"
    assert np.abs(exact - integer)[:, 4:].max() < 0.05
    assert quantized.scheme["decode"] == "uint16 per tensor"
    assert quantized.scheme["calibration_images"] == len(images)
    assert quantized.quantizer.startswith("onnxruntime ")


def test_metadata_stay_except_for_the_date(tmp_path: Path) -> None:
    out = quantize(detector(tmp_path / "model.onnx"), random_images(SIDE), tmp_path / "int8.onnx").path
    model = onnx.load(out)
    assert {entry.key: entry.value for entry in model.metadata_props} == {"task": "detect", "names": "{0: 'a', 1: 'b'}"}
    onnx.checker.check_model(model)


def test_two_exports_of_one_checkpoint_give_the_same_bytes(tmp_path: Path) -> None:
    files = [detector(tmp_path / f"{date}.onnx", date=date) for date in ("2026-01-01", "2026-01-02")]
    first, second = (quantize(file, random_images(SIDE), tmp_path / f"{file.stem}-int8.onnx").path for file in files)
    assert first.read_bytes() == second.read_bytes()


def test_nothing_is_said_and_nothing_else_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    monkeypatch.chdir(temporary)
    source = detector(tmp_path / "model.onnx")
    before = logging.getLogger().handlers[:]

    quantize(source, random_images(SIDE), tmp_path / "out" / "int8.onnx")

    assert capfd.readouterr() == ("", "")
    assert logging.getLogger().handlers == before
    assert sorted(tmp_path.rglob("*")) == sorted([temporary, source, tmp_path / "out", tmp_path / "out" / "int8.onnx"])


def test_a_diverged_model_is_a_sentence_and_leaves_the_file_that_was_there(tmp_path: Path) -> None:
    source = detector(tmp_path / "model.onnx", anchor=float("inf"))
    out = tmp_path / "int8.onnx"
    out.write_text("before")
    with pytest.raises(SweepError, match="boxes takes values that are not numbers"):
        quantize(source, random_images(SIDE), out)
    assert out.read_text() == "before"
    assert sorted(tmp_path.iterdir()) == [out, source]


def test_a_file_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    source = detector(tmp_path / "model.onnx")
    out = tmp_path / "int8.onnx"
    out.mkdir()
    with pytest.raises(OSError, match=r"int8\.onnx"):
        quantize(source, random_images(SIDE), out)
    assert sorted(tmp_path.iterdir()) == [out, source]


def test_ranges_are_the_smallest_and_largest_value_over_all_pictures(tmp_path: Path) -> None:
    model = onnx.shape_inference.infer_shapes(onnx.load(detector(tmp_path / "model.onnx")))
    images = random_images(SIDE, count=3) * np.array([0.1, 1, 0.5], np.float32).reshape(3, 1, 1, 1)

    ranges = tensor_ranges(model, images)

    assert set(ranges) == {"images", "feature", "active", "distance", "logit", "boxes", "scores", "output0"}
    assert ranges["images"] == (images.min(), images.max())
    outputs = np.stack([output_of(tmp_path / "model.onnx", image) for image in images])
    assert ranges["output0"] == pytest.approx((outputs.min(), outputs.max()), rel=1e-5)
