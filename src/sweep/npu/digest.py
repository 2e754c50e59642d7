"""A digest of a graph: the same for two checkpoints of one architecture, another for every change of the graph."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto

MAX_STRUCTURE = 1024  # elements; shapes, indices and sizes are far shorter, and tables of weights are longer
SHAPES_BY_VALUE = frozenset({"Resize", "Upsample"})  # their float inputs are scales and regions, never weights
QUANTIZERS = frozenset({"QuantizeLinear", "DequantizeLinear"})  # their inputs are weights, scales and zero points


def graph_digest(onnx: Path, *, weights: bool) -> str:
    """SHA-256, in hex, of a graph's structure, and of its weights if wanted.

    Structure is: opsets, operators and their attributes in the file's order (compilers schedule by it), which output
    feeds which input, types and shapes of inputs, outputs and stored tensors. Values of stored tensors are structure
    where they shape the computation: whole numbers and truth values (targets of a Reshape, indices of a Slice), scalars
    (bounds of a Clip, a divisor), scales of a Resize. Names, metadata and documentation never count.

    Args:
        onnx: An ONNX file. Data that it keeps in other files is read, too.
        weights: Whether the values of all stored tensors count.
    """
    import onnx as onnx_package

    digest = hashlib.sha256()
    for part in _model(onnx_package.load(str(onnx)), weights):
        digest.update(f"{len(part)}:".encode())
        digest.update(part)
    return digest.hexdigest()


def _model(model: ModelProto, weights: bool) -> Iterator[bytes]:
    # ONNX's own domain has two names.
    opsets = sorted(("" if item.domain == "ai.onnx" else item.domain, item.version) for item in model.opset_import)
    yield repr(opsets).encode()
    yield from (function.SerializeToString(deterministic=True) for function in model.functions)
    yield from _graph(model.graph, weights)


def _graph(graph: GraphProto, weights: bool) -> Iterator[bytes]:
    """The parts of a graph. A tensor is named by its place: the number of the node that makes it and of its output."""
    stored = {tensor.name: tensor for tensor in graph.initializer}
    readers: dict[str, set[str]] = {}
    for node in graph.node:
        for name in node.input:
            readers.setdefault(name, set()).add(node.op_type)
    places: dict[str, str] = {}
    for number, value in enumerate(value for value in graph.input if value.name not in stored):
        places[value.name] = f"input {number}"
        yield _value(value)
    for number, node in enumerate(graph.node):
        yield f"{node.domain} {node.op_type} {len(node.output)}".encode()
        for attribute in sorted(node.attribute, key=lambda attribute: attribute.name):
            yield from _attribute(node, attribute, readers, weights)
        for name in node.input:
            if name in stored:
                yield from _tensor(stored[name], weights or _is_structure(stored[name], readers[name]))
            else:
                yield f"from {places.get(name, name)}".encode()  # unknown: a name of the graph around this one, or none
        places |= {name: f"node {number} {index}" for index, name in enumerate(node.output) if name}
    for value in graph.output:
        yield f"from {places.get(value.name, '')}".encode()
        yield _value(value)


def _attribute(
    node: NodeProto, attribute: AttributeProto, readers: dict[str, set[str]], weights: bool
) -> Iterator[bytes]:
    from onnx import AttributeProto as Kind
    from onnx import helper

    yield f"{attribute.name} {attribute.type}".encode()
    if attribute.type == Kind.TENSOR:
        read_by = readers.get(node.output[0], set()) if node.op_type == "Constant" else {node.op_type}
        yield from _tensor(attribute.t, weights or _is_structure(attribute.t, read_by))
    elif attribute.type == Kind.GRAPH:
        yield from _graph(attribute.g, weights)
    elif attribute.type in {Kind.FLOAT, Kind.FLOATS, Kind.INT, Kind.INTS, Kind.STRING, Kind.STRINGS}:
        value: Any = helper.get_attribute_value(attribute)
        yield repr(list(value) if attribute.type in {Kind.FLOATS, Kind.INTS, Kind.STRINGS} else value).encode()
    else:  # rare kinds: their text as it is, names included; at worst two equal graphs differ
        yield attribute.SerializeToString(deterministic=True)


def _is_structure(tensor: TensorProto, readers: set[str]) -> bool:
    """Whether the values of a stored tensor shape the computation, whatever the model learned."""
    from onnx import TensorProto as Kind

    if readers and readers <= QUANTIZERS:
        return False
    if not tensor.dims or readers & SHAPES_BY_VALUE:
        return True
    return tensor.data_type in {Kind.INT32, Kind.INT64, Kind.BOOL} and prod(tensor.dims) <= MAX_STRUCTURE


def _tensor(tensor: TensorProto, by_value: bool) -> Iterator[bytes]:
    from onnx import numpy_helper

    yield f"tensor {tensor.data_type} {list(tensor.dims)} {by_value}".encode()
    if by_value:
        yield numpy_helper.to_array(tensor).tobytes()


def _value(value: ValueInfoProto) -> bytes:
    kind = value.type.tensor_type
    sizes = [size.dim_value if size.HasField("dim_value") else "?" for size in kind.shape.dim]
    return f"value {kind.elem_type} {sizes}".encode()
