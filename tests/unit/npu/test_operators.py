"""What is read of a graph: shapes, cost, layers, facts. Real exports are in the integration tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from sweep.npu.operators import Operator, count_by_type, count_macs, read_operators

FLOAT = TensorProto.FLOAT


def write(path: Path, nodes: list[onnx.NodeProto], stored: dict[str, np.ndarray], shape: tuple[int | str, ...]) -> Path:
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("x", FLOAT, shape)],
        [helper.make_tensor_value_info(nodes[-1].output[0], FLOAT, None)],
        [numpy_helper.from_array(value, name) for name, value in stored.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)]), path)
    return path


def weights(*shape: int) -> np.ndarray:
    return np.zeros(shape, np.float32)


def test_a_convolution_has_shapes_cost_and_facts(tmp_path: Path) -> None:
    node = helper.make_node(
        "Conv", ["x", "w", ""], ["y"], name="/model.3/conv/Conv", strides=[2, 2], pads=[1] * 4, group=8
    )
    (conv,) = read_operators(write(tmp_path / "m.onnx", [node], {"w": weights(8, 1, 3, 3)}, (1, 8, 16, 16)))
    assert conv.op == "Conv"
    assert conv.layer == "model.3.conv"
    assert conv.inputs == ((1, 8, 16, 16), (8, 1, 3, 3), None)
    assert conv.outputs == ((1, 8, 8, 8),)
    assert conv.constant == (False, True, True), "an input that is left out counts as stored"
    assert conv.macs == 8 * 8 * 8 * 9
    facts = conv.attributes
    assert (facts["kernel"], facts["stride"], facts["dilation"], facts["group"]) == ((3, 3), (2, 2), (1, 1), 8)
    assert facts["depthwise"] is True
    assert facts["padded"] is True


@pytest.mark.parametrize(
    ("op", "inputs", "outputs", "attributes", "macs"),
    [
        ("Conv", [(1, 4, 10, 10), (6, 4, 1, 1)], [(1, 6, 10, 10)], {}, 6 * 100 * 4),
        ("ConvTranspose", [(1, 4, 5, 5), (4, 3, 2, 2)], [(1, 3, 10, 10)], {}, 4 * 25 * 3 * 4),
        ("Gemm", [(2, 7), (7, 5)], [(2, 5)], {}, 2 * 5 * 7),
        ("Gemm", [(7, 2), (7, 5)], [(2, 5)], {"transposed": True}, 2 * 5 * 7),
        ("MatMul", [(1, 2, 9, 32), (1, 2, 32, 9)], [(1, 2, 9, 9)], {}, 2 * 81 * 32),
        ("Relu", [(1, 4, 10, 10)], [(1, 4, 10, 10)], {}, 0),
    ],
)
def test_cost(
    op: str, inputs: list[tuple[int, ...]], outputs: list[tuple[int, ...]], attributes: dict[str, bool], macs: int
) -> None:
    assert count_macs(op, inputs, outputs, attributes) == macs


def test_a_cost_that_depends_on_an_open_size_is_an_error_and_not_a_zero(tmp_path: Path) -> None:
    node = helper.make_node("Conv", ["x", "w"], ["y"], name="/model.0/Conv")
    path = write(tmp_path / "m.onnx", [node], {"w": weights(4, 3, 1, 1)}, (1, 3, "height", "width"))
    with pytest.raises(ValueError, match=r"/model\.0/Conv has no fixed shapes"):
        read_operators(path)


def test_constants_and_identities_are_no_operators(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Constant", [], ["shape"], value=numpy_helper.from_array(np.array([1, 12], np.int64))),
        helper.make_node("Identity", ["x"], ["same"]),
        helper.make_node("Reshape", ["same", "shape"], ["y"], name="/model.1/Reshape"),
    ]
    (reshape,) = read_operators(write(tmp_path / "m.onnx", nodes, {}, (1, 3, 2, 2)))
    assert reshape.op == "Reshape"
    assert reshape.constant == (False, True)
    assert reshape.outputs == ((1, 12),)


@pytest.mark.parametrize(
    ("name", "output", "stored", "layer"),
    [
        ("/model.4/m.0/cv1/conv/Conv", "y", "w", "model.4.m.0.cv1.conv"),
        ("/model.23/cv2.0/cv2.0.1/conv/Conv", "y", "w", "model.23.cv2.0.1.conv"),
        ("fused_7", "/model.4/cv2/act/Relu_output_0", "w", "model.4.cv2.act"),
        ("", "124", "model.9.cv1.conv.weight", "model.9.cv1.conv"),
        ("fused_7", "124", "onnx::Conv_12", ""),
    ],
)
def test_a_layer_is_derived_from_the_name_the_outputs_or_the_weights(
    name: str, output: str, stored: str, layer: str, tmp_path: Path
) -> None:
    node = helper.make_node("Conv", ["x", stored], [output], name=name)
    (conv,) = read_operators(write(tmp_path / "m.onnx", [node], {stored: weights(4, 3, 1, 1)}, (1, 3, 8, 8)))
    assert conv.layer == layer


def test_facts_of_other_operators(tmp_path: Path) -> None:
    stored = {
        "scales": np.array([1, 1, 2, 3], np.float32),
        "low": np.array(0, np.float32),
        "high": np.array(6, np.float32),
        "axes": np.array([-1, 2], np.int64),
        "at": np.array([0], np.int64),
        "to": np.array([4], np.int64),
        "step": np.array([2], np.int64),
    }
    nodes = [
        helper.make_node("Resize", ["x", "", "scales"], ["a"], mode="nearest"),
        helper.make_node("Clip", ["a", "low", "high"], ["b"]),
        helper.make_node("Transpose", ["b"], ["c"], perm=[0, 2, 1, 3]),
        helper.make_node("Softmax", ["c"], ["d"], axis=-1),
        helper.make_node("Slice", ["d", "at", "to", "to", "step"], ["e"]),
        helper.make_node("ReduceMean", ["d", "axes"], ["f"]),
    ]
    stored["to"] = np.array([2], np.int64)
    resize, clip, transpose, softmax, cut, mean = read_operators(
        write(tmp_path / "m.onnx", nodes, stored, (1, 2, 4, 4))
    )
    assert resize.attributes["scale"] == (2, 3)
    assert resize.attributes["mode"] == "nearest"
    assert clip.attributes["bounds"] == (0, 6)
    assert transpose.attributes["perm"] == (0, 2, 1, 3)
    assert transpose.attributes["plane"] == 8 * 12
    assert transpose.attributes["wide_axes"] == 3
    assert softmax.attributes["axis"] == 3
    assert softmax.attributes["rows"] == 2 * 8
    assert softmax.attributes["rest"] == 8 * 12
    assert cut.attributes["steps"] == (2,)
    assert mean.attributes["axes"] == (3, 2)


def test_operators_of_other_domains_keep_their_domain(tmp_path: Path) -> None:
    node = helper.make_node("Gelu", ["x"], ["y"], domain="com.microsoft")
    graph = helper.make_graph(
        [node],
        "graph",
        [helper.make_tensor_value_info("x", FLOAT, (1, 4))],
        [helper.make_tensor_value_info("y", FLOAT, (1, 4))],
    )
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("com.microsoft", 1)]
    onnx.save(helper.make_model(graph, opset_imports=opsets), tmp_path / "m.onnx")
    (gelu,) = read_operators(tmp_path / "m.onnx")
    assert gelu.op == "com.microsoft.Gelu"


def test_types_are_counted_the_most_frequent_first() -> None:
    operators = [Operator("", op, "", 0, (), ()) for op in ("Relu", "Conv", "Add", "Conv")]
    counted = count_by_type(operators)
    assert list(counted.items()) == [("Conv", 2), ("Add", 1), ("Relu", 1)]
