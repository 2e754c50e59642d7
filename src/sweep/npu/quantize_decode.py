"""Find the decode in a detector's graph: what needs more than 8 bits, and what no scale can hold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

HEAVY = frozenset({"Conv", "ConvTranspose", "Gemm", "MatMul"})


@dataclass(frozen=True)
class Decode:
    """The end of a detector's graph, by name.

    Attributes:
        fine: tensors that 8 bits are too coarse for: outputs of the last convolutions, distances, boxes, scores.
        constants: float constants that these are computed with (anchor points, strides).
        bins: weights of the DFL convolution, whole numbers from 0.
        joined: nodes from the one on that puts boxes and scores into one tensor. They have no common scale.
    """

    fine: tuple[str, ...]
    constants: tuple[str, ...]
    bins: tuple[str, ...]
    joined: tuple[str, ...]


def find_decode(graph: Any) -> Decode:
    """The decode of a detector, found by structure: no name of a layer counts.

    The decode is all that no convolution or matrix product comes after; the DFL convolution, which a Softmax feeds,
    belongs to it. Boxes and scores are joined by the first Concat in it that one Sigmoid's output goes into. Where
    there is no such Concat the whole decode counts as joined: a head unknown here is left in float.

    Args:
        graph: An onnx GraphProto, nodes in topological order, every node with a name of its own.
    """
    producer = {output: node for node in graph.node for output in node.output}
    decode = _decode_nodes(graph, producer)
    joined = _joined(decode, producer)
    fine = [node for node in decode if node.name not in joined]
    if not fine or not joined:
        return Decode((), (), (), tuple(node.name for node in decode if node.op_type not in HEAVY))
    inputs = {name for node in fine for name in node.input}
    last = [node for node in graph.node if node.op_type in HEAVY and inputs & set(node.output) and node not in fine]
    floats = {tensor.name for tensor in graph.initializer if tensor.data_type == tensor.FLOAT}
    bins = {node.input[1] for node in fine if node.op_type in HEAVY}
    return Decode(
        fine=tuple(_unique(output for node in [*last, *fine] for output in node.output)),
        constants=tuple(_unique(name for node in fine for name in node.input if name in floats and name not in bins)),
        bins=tuple(_unique(node.input[1] for node in fine if node.op_type in HEAVY)),
        joined=tuple(joined),
    )


def _decode_nodes(graph: Any, producer: dict[str, Any]) -> list[Any]:
    """Nodes that no heavy node comes after, in the graph's order."""
    before: set[str] = set()  # tensors that a heavy node depends on
    decode = []
    for node in reversed(graph.node):
        heavy = node.op_type in HEAVY and not _is_dfl(node, producer)
        after = not before.isdisjoint(node.output)
        if heavy or after:
            before.update(node.input)
        else:
            decode.append(node)
    return decode[::-1]


def _is_dfl(node: Any, producer: dict[str, Any]) -> bool:
    source = producer.get(node.input[0])
    return node.op_type == "Conv" and source is not None and source.op_type == "Softmax"


def _joined(decode: list[Any], producer: dict[str, Any]) -> dict[str, None]:
    """Names of the node that joins boxes and scores and of all after it; none where nothing joins them."""
    joined: dict[str, None] = {}
    tensors: set[str] = set()
    for node in decode:
        sources = [producer[name].op_type for name in node.input if name in producer]
        joins = not joined and node.op_type == "Concat" and "Sigmoid" in sources and set(sources) != {"Sigmoid"}
        if joins or not tensors.isdisjoint(node.input):
            joined[node.name] = None
            tensors.update(node.output)
    return joined


def _unique(names: Iterable[str]) -> Iterator[str]:
    return iter(dict.fromkeys(names))
