"""A graph's digest stays the same where only weights and names differ, and changes with everything else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from sweep.npu.digest import graph_digest

Change = Callable[[onnx.ModelProto], None]


def model(seed: int = 0) -> onnx.ModelProto:
    """A convolution, ReLU6, an upsampling, a concatenation with the slice of a reshaped tensor."""
    random = np.random.default_rng(seed)
    stored = {
        "conv.weight": random.normal(size=(4, 3, 3, 3)).astype(np.float32),
        "conv.bias": random.normal(size=4).astype(np.float32),
        "low": np.array(0, np.float32),
        "high": np.array(6, np.float32),
        "scales": np.array([1, 1, 2, 2], np.float32),
        "shape": np.array([1, 4, -1], np.int64),
        "starts": np.array([0], np.int64),
        "ends": np.array([2], np.int64),
        "axes": np.array([1], np.int64),
    }
    nodes = [
        helper.make_node("Conv", ["x", "conv.weight", "conv.bias"], ["a"], name="conv", pads=[1, 1, 1, 1]),
        helper.make_node("Clip", ["a", "low", "high"], ["b"], name="act"),
        helper.make_node("Resize", ["b", "", "scales"], ["c"], name="up", mode="nearest"),
        helper.make_node("Reshape", ["c", "shape"], ["d"], name="flat"),
        helper.make_node("Slice", ["d", "starts", "ends", "axes"], ["e"], name="cut"),
        helper.make_node("Concat", ["e", "d"], ["y"], name="join", axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, 3, 8, 8))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, (1, 6, 256))],
        [numpy_helper.from_array(value, name) for name, value in stored.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], producer_name="tests")


def digest(made: onnx.ModelProto, folder: Path, *, weights: bool = False) -> str:
    onnx.save(made, folder / "model.onnx")
    return graph_digest(folder / "model.onnx", weights=weights)


def store(made: onnx.ModelProto, name: str, value: np.ndarray) -> None:
    for tensor in made.graph.initializer:
        if tensor.name == name:
            tensor.CopyFrom(numpy_helper.from_array(value, name))


def node(made: onnx.ModelProto, name: str) -> onnx.NodeProto:
    return next(node for node in made.graph.node if node.name == name)


def test_other_weights_of_the_same_shape_change_it_only_when_weights_count(tmp_path: Path) -> None:
    assert digest(model(0), tmp_path) == digest(model(1), tmp_path)
    assert digest(model(0), tmp_path, weights=True) != digest(model(1), tmp_path, weights=True)
    assert digest(model(0), tmp_path, weights=True) == digest(model(0), tmp_path, weights=True)


def test_names_documentation_and_metadata_do_not_count(tmp_path: Path) -> None:
    renamed = model()
    names = {"x": "picture", "a": "1", "b": "2", "c": "3", "d": "4", "e": "5", "conv.weight": "w", "shape": "s"}
    for item in renamed.graph.node:
        item.name = f"other {item.name}"
        item.doc_string = "text"
        item.input[:] = [names.get(name, name) for name in item.input]
        item.output[:] = [names.get(name, name) for name in item.output]
    for tensor in renamed.graph.initializer:
        tensor.name = names.get(tensor.name, tensor.name)
    renamed.graph.input[0].name = "picture"
    renamed.producer_name = "elsewhere"
    helper.set_model_props(renamed, {"date": "tomorrow"})
    renamed.graph.value_info.append(helper.make_tensor_value_info("1", TensorProto.FLOAT, (1, 4, 8, 8)))
    for weights in (False, True):
        assert digest(renamed, tmp_path, weights=weights) == digest(model(), tmp_path, weights=weights)


def test_how_a_value_is_stored_does_not_count(tmp_path: Path) -> None:
    unpacked = model()
    tensor = next(tensor for tensor in unpacked.graph.initializer if tensor.name == "conv.weight")
    values = numpy_helper.to_array(tensor)
    tensor.CopyFrom(helper.make_tensor(tensor.name, TensorProto.FLOAT, values.shape, values.ravel().tolist()))
    assert not tensor.raw_data
    assert digest(unpacked, tmp_path, weights=True) == digest(model(), tmp_path, weights=True)


CHANGES: dict[str, Change] = {
    "an attribute": lambda made: node(made, "conv").attribute[0].ints.__setitem__(0, 0),
    "an operator": lambda made: setattr(node(made, "act"), "op_type", "Max"),
    "the topology": lambda made: node(made, "join").input.__setitem__(0, "d"),
    "the order of inputs": lambda made: node(made, "join").input.reverse(),
    "the opset": lambda made: setattr(made.opset_import[0], "version", 19),
    "the image size": lambda made: setattr(made.graph.input[0].type.tensor_type.shape.dim[3], "dim_value", 16),
    "the input's type": lambda made: setattr(made.graph.input[0].type.tensor_type, "elem_type", TensorProto.FLOAT16),
    "the width": lambda made: store(made, "conv.weight", np.zeros((8, 3, 3, 3), np.float32)),
    "a shape": lambda made: store(made, "shape", np.array([1, 2, -1], np.int64)),
    "an index": lambda made: store(made, "ends", np.array([3], np.int64)),
    "a scale": lambda made: store(made, "scales", np.array([1, 1, 4, 4], np.float32)),
    "a bound": lambda made: store(made, "high", np.array(1, np.float32)),
    "an input that is left out": lambda made: node(made, "conv").input.pop(),
    "an output": lambda made: made.graph.output.append(
        helper.make_tensor_value_info("e", TensorProto.FLOAT, (1, 2, 256))
    ),
    "the node of an output": lambda made: setattr(made.graph.output[0], "name", "d"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_it_changes_with(change: str, tmp_path: Path) -> None:
    changed = model()
    CHANGES[change](changed)
    assert digest(changed, tmp_path) != digest(model(), tmp_path)


def test_quantization_parameters_and_int8_weights_are_weights(tmp_path: Path) -> None:
    def quantized(seed: int) -> onnx.ModelProto:
        random = np.random.default_rng(seed)
        stored = {
            "weight": random.integers(-127, 127, (4, 3), np.int8),
            "scale": np.array(random.random(), np.float32),
            "zero": np.array(random.integers(0, 9), np.int8),
            "bias": random.integers(0, 99, 4, np.int32),
        }
        nodes = [
            helper.make_node("DequantizeLinear", ["weight", "scale", "zero"], ["w"]),
            helper.make_node("DequantizeLinear", ["bias", "scale"], ["b"]),
            helper.make_node("Gemm", ["x", "w", "b"], ["y"], transB=1),
        ]
        graph = helper.make_graph(
            nodes,
            "graph",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, 3))],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, (1, 4))],
            [numpy_helper.from_array(value, name) for name, value in stored.items()],
        )
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])

    assert digest(quantized(0), tmp_path) == digest(quantized(1), tmp_path)
    assert digest(quantized(0), tmp_path, weights=True) != digest(quantized(1), tmp_path, weights=True)


names = st.lists(st.text("abcxyz_/.:0123456789", min_size=1, max_size=8), min_size=16, max_size=16, unique=True)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=names, seed=st.integers(1, 2**16))
def test_renaming_every_tensor_and_drawing_other_weights_keeps_it(names: list[str], seed: int, tmp_path: Path) -> None:
    other = model(seed)
    tensors = dict.fromkeys(name for item in other.graph.node for name in (*item.input, *item.output) if name)
    renamed = dict(zip(tensors, names, strict=True))
    for item in other.graph.node:
        item.input[:] = [renamed.get(name, "") for name in item.input]
        item.output[:] = [renamed[name] for name in item.output]
    for holder in (*other.graph.initializer, *other.graph.input, *other.graph.output):
        holder.name = renamed[holder.name]
    assert digest(other, tmp_path) == digest(model(), tmp_path)
