"""LeakyReLU in int8, which LiteRT's quantizer does not offer.

LiteRT has an int8 LEAKY_RELU and Ethos-U runs it inside the convolution, but ai-edge-quantizer 0.10 does not know the
operator and leaves it in float between a DEQUANTIZE and a QUANTIZE; all three then fall to the CPU. Nothing but its
name is in the way: the quantizer needs only the ranges of its input and output, as for any operator that works element
by element. So the operators carry the name of one that the quantizer knows (GELU) while it works, and get their own
back. Ranges are recorded before that, on the true network. What an operator is stands in one number of the file's table
of operator codes; that number is changed in place, the rest of the file stays as its writer laid it out.
"""

from __future__ import annotations

import struct
from typing import Any


def disguise_leaky_relu(model: bytes) -> tuple[bytes, int]:
    """The model with every LEAKY_RELU named GELU, and how many operators that are."""
    from ai_edge_litert.schema_py_generated import BuiltinOperator

    content = bytearray(model)
    return _rename(content, BuiltinOperator.LEAKY_RELU, BuiltinOperator.GELU)


def restore_leaky_relu(model: bytes) -> tuple[bytes, int]:
    """The model with every GELU that holds the slope of a LEAKY_RELU named so again, and how many operators that are.

    Raises:
        ValueError: A true GELU shares the entry of a disguised one, so that they cannot be told apart.
    """
    from ai_edge_litert.schema_py_generated import BuiltinOperator

    content = bytearray(model)
    return _rename(content, BuiltinOperator.GELU, BuiltinOperator.LEAKY_RELU)


def _rename(content: bytearray, old: int, new: int) -> tuple[bytes, int]:
    """Change the operator code of those operators that hold LeakyReluOptions."""
    from ai_edge_litert.schema_py_generated import BuiltinOptions, Model

    model = Model.GetRootAs(content, 0)
    renamed = 0
    for index in range(model.OperatorCodesLength()):
        code = model.OperatorCodes(index)
        if code.BuiltinCode() != old:
            continue
        leaky = [kind == BuiltinOptions.LeakyReluOptions for kind in _options_of(model, index)]
        if any(leaky) and not all(leaky):
            raise ValueError("LEAKY_RELU and GELU share one entry of the table of operator codes.")
        if any(leaky):
            _set_code(content, code, new)
            renamed += len(leaky)
    return bytes(content), renamed


def _options_of(model: Any, code: int) -> list[int]:
    """The kinds of options of all operators that have this entry of the table of operator codes."""
    graphs = [model.Subgraphs(index) for index in range(model.SubgraphsLength())]
    operators = [graph.Operators(index) for graph in graphs for index in range(graph.OperatorsLength())]
    return [operator.BuiltinOptionsType() for operator in operators if operator.OpcodeIndex() == code]


DEPRECATED_BUILTIN_CODE, BUILTIN_CODE = 4, 10
"""Where a table's list of fields holds those of OperatorCode: 4 + 2·id, ids 0 and 3 in LiteRT's schema.fbs."""

PLACEHOLDER = 127
"""What the old one-byte field holds for codes that do not fit (PLACEHOLDER_FOR_GREATER_OP_CODES)."""


def _set_code(content: bytearray, code: Any, value: int) -> None:
    """Overwrite both fields. They are there: a field is left out of a file only where it is 0, which is ADD."""
    table = code._tab
    struct.pack_into("<b", content, table.Pos + table.Offset(DEPRECATED_BUILTIN_CODE), min(value, PLACEHOLDER))
    struct.pack_into("<i", content, table.Pos + table.Offset(BUILTIN_CODE), value)
