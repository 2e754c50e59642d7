"""Shapes, types and stored values of the tensors of an ONNX graph, by name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from onnx import AttributeProto, GraphProto, TensorProto

Shape = tuple[int, ...]


class Tensors:
    """The tensors of a graph whose shapes were inferred."""

    def __init__(self, graph: GraphProto) -> None:
        self.stored: dict[str, TensorProto] = {tensor.name: tensor for tensor in graph.initializer}
        self.stored |= {
            node.output[0]: attribute.t
            for node in graph.node
            if node.op_type == "Constant"
            for attribute in node.attribute
            if attribute.name == "value"
        }
        self._shapes: dict[str, Shape | None] = {name: tuple(tensor.dims) for name, tensor in self.stored.items()}
        self._types: dict[str, int] = {name: tensor.data_type for name, tensor in self.stored.items()}
        for value in (*graph.value_info, *graph.input, *graph.output):
            kind = value.type.tensor_type
            fixed = kind.HasField("shape") and all(size.HasField("dim_value") for size in kind.shape.dim)
            self._shapes.setdefault(value.name, tuple(size.dim_value for size in kind.shape.dim) if fixed else None)
            self._types.setdefault(value.name, kind.elem_type)

    def shape(self, name: str) -> Shape | None:
        """The shape of a tensor; None where a size is not fixed, and for one that is left out."""
        return self._shapes.get(name)

    def shapes(self, names: Iterable[str]) -> tuple[Shape | None, ...]:
        """The shapes of several tensors."""
        return tuple(self.shape(name) for name in names)

    def type_of(self, name: str) -> str | None:
        """The type of a tensor's elements as ONNX calls it in lower case: `float`, `int64`, `bool`."""
        from onnx import TensorProto

        number = self._types.get(name)
        return TensorProto.DataType.Name(number).lower() if number else None

    def is_constant(self, name: str) -> bool:
        """Whether the value is stored in the graph. An input that is left out, an empty name, counts as stored."""
        return not name or name in self.stored

    def values(self, name: str) -> tuple[float, ...] | None:
        """The stored values of a small tensor, flat: bounds of a Clip, axes, steps. None where they are not stored."""
        from onnx import numpy_helper

        return tuple(numpy_helper.to_array(self.stored[name]).ravel().tolist()) if name in self.stored else None


def plain(attribute: AttributeProto) -> Any:
    """An attribute's value: a number, a text, or a tuple of them."""
    from onnx import helper

    value = helper.get_attribute_value(attribute)
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="replace")
    return tuple(value) if isinstance(value, list) else value
