"""The text that Ultralytics evaluates is put together from checked parts, or refused."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweep.architecture.activation import ACTIVATIONS, activation_text, parse_activation
from sweep.errors import SweepError


def test_text_of_the_usual_activations() -> None:
    assert activation_text({"name": "relu", "module": "ReLU"}) == "torch.nn.ReLU()"
    assert activation_text({"module": "LeakyReLU", "arguments": {"negative_slope": 0.1}}) == (
        "torch.nn.LeakyReLU(negative_slope=0.1)"
    )


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (
            {"name": "a", "module": "Relu"},
            r"Activation a: module 'Relu' is not allowed \(did you mean 'ReLU'\?\)",
        ),
        ({"name": "a", "module": "ReLU(), __import__('os')"}, "is not allowed"),
        ({"name": "a", "module": "__import__"}, "is not allowed"),
        ({"name": "a", "module": "Linear"}, "is not allowed"),
        ({"name": "a", "module": "PReLU"}, "is not allowed"),
        ({"name": "a"}, "module None is not allowed"),
        ({"name": "a", "module": 3}, "module 3 is not allowed"),
        ({"name": "a", "module": ["ReLU"]}, "is not allowed"),
        (
            {"name": "a", "module": "LeakyReLU", "arguments": {"negative_slop": 0.1}},
            "did you mean 'negative_slope'",
        ),
        (
            {"name": "a", "module": "LeakyReLU", "arguments": {"negative_slope": "0.1"}},
            "must be a finite number",
        ),
        (
            {"name": "a", "module": "LeakyReLU", "arguments": {"negative_slope": math.inf}},
            "must be a finite number",
        ),
        (
            {"name": "a", "module": "LeakyReLU", "arguments": {"negative_slope": [0.1]}},
            "must be a finite number",
        ),
        ({"name": "a", "module": "ReLU", "arguments": {"x=print(1)": 1}}, "has no argument"),
        ({"name": "a", "module": "ReLU", "arguments": [1]}, "must be a mapping"),
    ],
)
def test_anything_else_is_refused(act: dict[str, Any], message: str) -> None:
    with pytest.raises(SweepError, match=message):
        activation_text(act)


@given(st.text())
def test_free_text_is_never_let_through(text: str) -> None:
    if text in ACTIVATIONS:
        return
    with pytest.raises(SweepError):
        activation_text({"name": "a", "module": text})
    with pytest.raises(SweepError):
        parse_activation(text)


NUMBERS = st.one_of(st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False))


@given(st.sampled_from(sorted(ACTIVATIONS)), st.data())
def test_written_text_is_read_back(module: str, data: st.DataObject) -> None:
    names = st.sampled_from(ACTIVATIONS[module]) if ACTIVATIONS[module] else st.nothing()
    arguments = data.draw(st.dictionaries(names, NUMBERS, max_size=3)) if ACTIVATIONS[module] else {}
    text = activation_text({"name": "a", "module": module, "arguments": arguments})
    assert parse_activation(text) == (module, arguments)


@pytest.mark.parametrize(
    "text",
    [
        "torch.nn.ReLU() or print(1)",
        "__import__('os').system('true')",
        "torch.nn.ReLU(__import__('os').system('true'))",
        "torch.nn.LeakyReLU(0.1)",
        "nn.ReLU()",
        "torch.nn.Linear(in_features=1)",
        "torch.nn.ReLU(**{})",
        "torch.nn.ReLU() #",
        "",
        None,
    ],
)
def test_other_activations_in_a_model_yaml_are_not_evaluated(text: object) -> None:
    with pytest.raises(SweepError):
        parse_activation(text)
