"""The decode is found by the graph's structure: with DFL, without it, with a ranking after it, and not at all."""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import GraphProto, NodeProto, helper, numpy_helper

from sweep.npu.quantize_decode import find_decode


def node(kind: str, inputs: str, outputs: str) -> NodeProto:
    names = outputs.split()
    return helper.make_node(kind, inputs.split(), names, name=f"node-of-{names[0]}")


def graph(*nodes: NodeProto, output: str = "output0") -> GraphProto:
    constants: dict[str, Any] = {"anchors": np.ones(4, np.float32), "bins": np.arange(4, dtype=np.float32)}
    constants |= {"weights": np.ones(4, np.float32), "shape": np.array([1, -1])}
    return helper.make_graph(
        list(nodes),
        "detector",
        [helper.make_tensor_value_info("images", 1, [1, 3, 8, 8])],
        [helper.make_tensor_value_info(output, 1, None)],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )


BACKBONE = (
    node("Conv", "images weights", "feature"),
    node("Sigmoid", "feature", "gate"),
    node("Mul", "feature gate", "active"),
    node("Softmax", "active", "attention"),
    node("MatMul", "attention active", "attended"),
    node("Conv", "attended weights", "box-conv"),
    node("Conv", "attended weights", "score-conv"),
    node("Reshape", "box-conv shape", "box-flat"),
    node("Sigmoid", "score-conv", "scores"),
)
DFL = (node("Softmax", "box-flat", "probability"), node("Conv", "probability bins", "distance"))
BOXES = (node("Sub", "anchors distance", "boxes"), node("Concat", "boxes scores", "joined"))


def test_with_dfl() -> None:
    decode = find_decode(graph(*BACKBONE, *DFL, *BOXES, output="joined"))
    assert set(decode.fine) == {"box-conv", "score-conv", "box-flat", "scores", "probability", "distance", "boxes"}
    assert decode.constants == ("anchors",)
    assert decode.bins == ("bins",)
    assert decode.joined == ("node-of-joined",)


def test_without_dfl() -> None:
    boxes = (node("Sub", "anchors box-flat", "boxes"), node("Concat", "boxes scores", "joined"))
    decode = find_decode(graph(*BACKBONE, *boxes, output="joined"))
    assert set(decode.fine) == {"box-conv", "score-conv", "box-flat", "scores", "boxes"}
    assert decode.bins == ()
    assert decode.joined == ("node-of-joined",)


def test_all_that_follows_the_joining_stays_float() -> None:
    ranking = (
        node("Transpose", "joined", "turned"),
        node("TopK", "turned shape", "best index"),
        node("GatherElements", "turned index", "output0"),
    )
    decode = find_decode(graph(*BACKBONE, *DFL, *BOXES, *ranking))
    assert decode.joined == ("node-of-joined", "node-of-turned", "node-of-best", "node-of-output0")
    assert "boxes" in decode.fine


def test_a_head_of_another_kind_stays_float_after_its_last_convolution() -> None:
    decode = find_decode(graph(*BACKBONE, node("Add", "scores box-flat", "output0")))
    assert decode.fine == decode.constants == decode.bins == ()
    assert set(decode.joined) == {"node-of-box-flat", "node-of-scores", "node-of-output0"}
