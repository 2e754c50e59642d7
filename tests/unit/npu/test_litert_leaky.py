"""LEAKY_RELU goes through the quantizer under another name, and comes back; true GELUs and slopes stay as they are."""

from __future__ import annotations

import pytest

schema = pytest.importorskip("ai_edge_litert.schema_py_generated", reason="ai-edge-litert is not installed")
flatbuffers = pytest.importorskip("flatbuffers", reason="flatbuffers is not installed")

from sweep.npu.litert.leaky import disguise_leaky_relu, restore_leaky_relu  # noqa: E402

ADD, LEAKY, GELU = "ADD", "LEAKY_RELU", "GELU"


def model_of(table: list[str], operators: list[tuple[int, str]]) -> bytes:
    """A LiteRT file with this table of operator codes and these operators (place in the table, kind of options)."""
    model = schema.ModelT(version=3, subgraphs=[schema.SubGraphT(operators=[])], operatorCodes=[])
    for name in table:
        code = getattr(schema.BuiltinOperator, name)
        model.operatorCodes.append(schema.OperatorCodeT(builtinCode=code, deprecatedBuiltinCode=min(code, 127)))
    for place, kind in operators:
        operator = schema.OperatorT(opcodeIndex=place, inputs=[0], outputs=[0])
        if kind == LEAKY:
            operator.builtinOptionsType = schema.BuiltinOptions.LeakyReluOptions
            operator.builtinOptions = schema.LeakyReluOptionsT(alpha=0.1)
        elif kind == GELU:
            operator.builtinOptionsType = schema.BuiltinOptions.GeluOptions
            operator.builtinOptions = schema.GeluOptionsT(approximate=True)
        model.subgraphs[0].operators.append(operator)
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def codes(model: bytes) -> list[tuple[int, int]]:
    parsed = schema.ModelT.InitFromObj(schema.Model.GetRootAs(model, 0))
    return [(code.builtinCode, code.deprecatedBuiltinCode) for code in parsed.operatorCodes]


MIXED = model_of([ADD, LEAKY, GELU], [(0, ADD), (1, LEAKY), (1, LEAKY), (2, GELU)])


def test_it_carries_another_name_and_gets_its_own_back() -> None:
    disguised, hidden = disguise_leaky_relu(MIXED)
    assert hidden == 2
    assert codes(disguised) == [(0, 0), (150, 127), (150, 127)]
    restored, found = restore_leaky_relu(disguised)
    assert found == 2
    assert restored == MIXED


def test_only_the_name_changes() -> None:
    disguised, _ = disguise_leaky_relu(MIXED)
    assert len(disguised) == len(MIXED)
    assert sum(a != b for a, b in zip(disguised, MIXED, strict=True)) == 2


@pytest.mark.parametrize("table", [[ADD], [ADD, GELU]])
def test_a_model_without_it_stays_as_it_is(table: list[str]) -> None:
    model = model_of(table, [(len(table) - 1, table[-1])])
    assert disguise_leaky_relu(model) == (model, 0)
    assert restore_leaky_relu(model) == (model, 0)


def test_a_mixed_entry_is_an_error() -> None:
    with pytest.raises(ValueError, match="share one entry"):
        restore_leaky_relu(model_of([GELU], [(0, LEAKY), (0, GELU)]))
