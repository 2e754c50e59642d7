"""The operators of an exported graph: what an NPU would have to run, and what it costs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweep.npu.node_names import layer_of
from sweep.npu.tensors import Shape, Tensors

if TYPE_CHECKING:
    from onnx import NodeProto

NOT_RUN = frozenset({"Constant", "Identity"})  # a stored value and a second name: nothing is computed
WEIGHT_ENDINGS = (".weight", ".bias")


@dataclass(frozen=True)
class Operator:
    """One node of the graph.

    Attributes:
        name: the node's name.
        op: its ONNX operator, `Conv`; with its domain in front where that is not ONNX's own.
        layer: the Ultralytics layer it belongs to, as the other targets name it: `model.23.dfl`; empty where neither
            its name, its outputs nor its weights say so.
        macs: multiply-accumulates, for a batch as exported.
        inputs: shapes; None for an unknown one and for an input that is left out.
        outputs: shapes; None for an unknown one.
        constant: for each input, whether its value is stored in the graph. An input that is left out counts as stored.
        attributes: what profiles set conditions on, by the names of `facts.FACTS`.
    """

    name: str
    op: str
    layer: str
    macs: int
    inputs: tuple[Shape | None, ...]
    outputs: tuple[Shape | None, ...]
    constant: tuple[bool, ...] = ()
    attributes: Mapping[str, Any] = field(default_factory=dict, hash=False)


def read_operators(onnx: Path) -> tuple[Operator, ...]:
    """The operators of an ONNX file in its order, with shapes from ONNX's own shape inference.

    Constant and Identity nodes and initializers are no operators here: an NPU does not run them. Nodes inside the
    branches of If and Loop are not looked into.

    Raises:
        ValueError: A shape that the multiply-accumulates depend on is not fixed.
    """
    import onnx as onnx_package

    from sweep.npu.facts import facts_of

    graph = onnx_package.shape_inference.infer_shapes(onnx_package.load(str(onnx))).graph
    tensors = Tensors(graph)
    operators = []
    for node in graph.node:
        if node.op_type in NOT_RUN and not node.domain:
            continue
        inputs, outputs = tensors.shapes(node.input), tensors.shapes(node.output)
        constant = tuple(tensors.is_constant(name) for name in node.input)
        facts = facts_of(node, tensors)
        operators.append(
            Operator(
                name=node.name,
                op=node.op_type if node.domain in {"", "ai.onnx"} else f"{node.domain}.{node.op_type}",
                layer=_layer(node, tensors),
                macs=count_macs(node.op_type, inputs, outputs, facts, name=node.name),
                inputs=inputs,
                outputs=outputs,
                constant=constant,
                attributes=facts,
            )
        )
    return tuple(operators)


def count_by_type(operators: Sequence[Operator]) -> dict[str, int]:
    """How many operators of each type there are, the most frequent first, ties by name."""
    counted = Counter(operator.op for operator in operators)
    return dict(sorted(counted.items(), key=lambda item: (-item[1], item[0])))


def count_macs(
    op: str,
    inputs: Sequence[Shape | None],
    outputs: Sequence[Shape | None],
    attributes: Mapping[str, Any],
    *,
    name: str = "",
) -> int:
    """Multiply-accumulates of an operator; 0 for those that have none.

    From the definitions in the ONNX operator specification (https://onnx.ai/onnx/operators/):
    Conv: elements of the output × elements of one filter (input channels / group × kernel).
    ConvTranspose: elements of the input × what each is spread to (output channels / group × kernel).
    Gemm and MatMul: elements of the output × length of the axis that is summed over.
    Biases, activations, pools and element-wise operators do not count. Twice the sum is what Ultralytics calls FLOPs,
    but for the products of attention, which it leaves out, and for batch norms, which it counts before they are folded.

    Raises:
        ValueError: A shape is not known.
    """
    match op:
        case "Conv":
            return prod(_fixed(outputs, 0, op, name)) * prod(_fixed(inputs, 1, op, name)[1:])
        case "ConvTranspose":
            return prod(_fixed(inputs, 0, op, name)) * prod(_fixed(inputs, 1, op, name)[1:])
        case "Gemm":
            summed = _fixed(inputs, 0, op, name)[0 if attributes.get("transposed") else 1]
            return prod(_fixed(outputs, 0, op, name)) * summed
        case "MatMul":
            return prod(_fixed(outputs, 0, op, name)) * _fixed(inputs, 0, op, name)[-1]
        case _:
            return 0


def _fixed(shapes: Sequence[Shape | None], index: int, op: str, name: str) -> Shape:
    shape = shapes[index]
    if shape is None:
        raise ValueError(f"{op} {name} has no fixed shapes, so its cost is unknown: export with a fixed image size.")
    return shape


def _layer(node: NodeProto, tensors: Tensors) -> str:
    """The layer by the node's name, otherwise by its outputs' names or by its weights' names.

    Optimizers rename nodes; the exporter's path then often survives in a tensor's name.
    """
    for path in (node.name, *node.output):
        if path.startswith("/") and path.count("/") > 1:
            return layer_of(path)
    for weights in node.input:
        if tensors.is_constant(weights) and weights.endswith(WEIGHT_ENDINGS):
            return str(weights).rpartition(".")[0]
    return ""
