"""What profiles can set conditions on: facts of a node, under one name whatever ONNX calls them."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from sweep.npu.tensors import Shape, Tensors, plain

if TYPE_CHECKING:
    from onnx import NodeProto

# Sizes come in the order of the axes. A node has only the facts that mean something for its operator.
FACTS = {
    "kernel": "height and width of the window of a convolution or a pool",
    "stride": "of a convolution or a pool",
    "dilation": "of a convolution or a pool",
    "group": "number of groups of a convolution",
    "depthwise": "whether each channel of a convolution is a group of its own",
    "padded": "whether a convolution or a pool pads its input",
    "counts_padding": "whether the padding takes part in the mean of an AveragePool",
    "scale": "size of the output by that of the input, height and width, of a Resize",
    "mode": "nearest, linear or cubic of a Resize; constant, reflect or edge of a Pad",
    "coordinates": "of a Resize: asymmetric, half_pixel, align_corners …",
    "perm": "order of the axes after a Transpose",
    "axis": "of a Softmax, Concat, Split …, counted from the first axis, from 0",
    "axes": "over which a Reduce… goes, counted from 0",
    "bounds": "lowest and highest value of a Clip",
    "steps": "of a Slice",
    "transposed": "whether a Gemm reads its first input transposed",
    "type": "of the elements of the first input: float, int64, bool …",
    "rank": "number of axes of the first input",
    "sizes": "of all axes of the first input",
    "wide_axes": "number of axes of the first input that are longer than 1",
    "rows": "elements of the first input by the length of `axis`: the vectors that a Softmax normalises",
    "plane": "product of the last two sizes of the first input",
    "rest": "largest product of all sizes of the first input but two",
}

WINDOWS = frozenset({"Conv", "ConvTranspose", "MaxPool", "AveragePool", "LpPool"})
LEFT_OUT = {"Softmax": -1, "LogSoftmax": -1, "Split": 0, "Gather": 0, "Flatten": 1, "ArgMax": 0, "ArgMin": 0}  # axis


def facts_of(node: NodeProto, tensors: Tensors) -> dict[str, Any]:
    """The facts of a node by the names of FACTS. What is unknown, a size that is not fixed for one, is left out."""
    attributes = {attribute.name: plain(attribute) for attribute in node.attribute}
    shape = tensors.shape(node.input[0]) if node.input else None
    facts: dict[str, Any] = {"type": tensors.type_of(node.input[0]) if node.input else None}
    op = node.op_type
    if op in WINDOWS:
        facts |= _window(node, attributes, tensors)
    elif op in {"GlobalAveragePool", "GlobalMaxPool"} and shape is not None:
        facts["kernel"] = shape[2:]
    elif op in {"Resize", "Upsample"}:
        facts |= _resize(node, attributes, tensors)
    elif op == "Transpose":
        facts["perm"] = attributes.get("perm") or (tuple(reversed(range(len(shape)))) if shape else None)
    elif op == "Clip":
        facts["bounds"] = _bounds(node, attributes, tensors)
    elif op == "Pad":
        facts["mode"] = attributes.get("mode", "constant")
    elif op == "Slice":
        facts["steps"] = tensors.values(node.input[4]) if len(node.input) > 4 and node.input[4] else (1,)
    elif op == "Gemm":
        facts["transposed"] = bool(attributes.get("transA", 0))
    if op.startswith("Reduce"):
        facts["axes"] = _axes(node, attributes, tensors, shape)
    axis = attributes.get("axis", LEFT_OUT.get(op))
    if axis is not None and shape is not None:
        facts["axis"] = axis % len(shape) if shape else 0
    return {name: value for name, value in (facts | _sizes(shape, facts.get("axis"))).items() if value is not None}


def _window(node: NodeProto, attributes: dict[str, Any], tensors: Tensors) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    weights = tensors.shape(node.input[1]) if node.op_type.startswith("Conv") else None
    kernel = attributes.get("kernel_shape") or (weights[2:] if weights else None)
    ones = (1,) * len(kernel) if kernel else None
    facts["kernel"] = kernel
    facts["stride"] = attributes.get("strides", ones)
    facts["dilation"] = attributes.get("dilations", ones)
    facts["padded"] = any(attributes.get("pads", ())) or attributes.get("auto_pad", "NOTSET") not in {"NOTSET", "VALID"}
    if node.op_type.startswith("Conv"):
        facts["group"] = attributes.get("group", 1)
        data = tensors.shape(node.input[0])
        facts["depthwise"] = data is not None and 1 < facts["group"] == data[1]
    if node.op_type == "AveragePool":
        facts["counts_padding"] = bool(attributes.get("count_include_pad", 0))
    return facts


def _resize(node: NodeProto, attributes: dict[str, Any], tensors: Tensors) -> dict[str, Any]:
    before, after = tensors.shape(node.input[0]), tensors.shape(node.output[0])
    scale = tuple(new / old for old, new in zip(before[2:], after[2:], strict=True)) if before and after else None
    return {
        "scale": scale,
        "mode": attributes.get("mode", "nearest"),
        "coordinates": attributes.get("coordinate_transformation_mode", "half_pixel"),
    }


def _bounds(node: NodeProto, attributes: dict[str, Any], tensors: Tensors) -> tuple[float, ...] | None:
    """Both bounds of a Clip. One that is left out, or that is computed, has none that could be stated."""
    if "min" in attributes and "max" in attributes:  # before opset 11
        return attributes["min"], attributes["max"]
    values = [tensors.values(name) for name in node.input[1:3]]
    return (*values[0], *values[1]) if len(values) == 2 and values[0] and values[1] else None


def _axes(node: NodeProto, attributes: dict[str, Any], tensors: Tensors, shape: Shape | None) -> tuple[int, ...] | None:
    axes = attributes.get("axes") or (tensors.values(node.input[1]) if len(node.input) > 1 else None)
    if shape is None:
        return None
    return tuple(int(axis) % len(shape) for axis in axes) if axes else tuple(range(len(shape)))


def _sizes(shape: Shape | None, axis: int | None) -> dict[str, Any]:
    if shape is None:
        return {}
    facts: dict[str, Any] = {"rank": len(shape), "sizes": shape, "wide_axes": sum(size > 1 for size in shape)}
    if len(shape) >= 2:
        facts["plane"] = shape[-2] * shape[-1]
        facts["rest"] = prod(sorted(shape)[2:])
    if axis is not None and axis < len(shape):
        facts["rows"] = prod(shape[:axis]) * prod(shape[axis + 1 :])
    return facts
