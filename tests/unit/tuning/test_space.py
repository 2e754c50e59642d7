"""A space proposes what its text says, and what is no space is told with the fix."""

from __future__ import annotations

import math
from typing import Any

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sweep.errors import SweepError
from sweep.overrides import parse
from sweep.tuning.space import Parameter, read_space

optuna.logging.set_verbosity(optuna.logging.WARNING)


def one(content: object) -> Parameter:
    (parameter,) = read_space({"x": content})
    return parameter


def proposed(parameter: Parameter, count: int = 20, seed: int = 0) -> list[Any]:
    """What a random sampler proposes."""
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
    return [study.ask({"x": parameter.distribution()}).params["x"] for _ in range(count)]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("interval(0.1, 0.5)", Parameter("x", "float", 0.1, 0.5)),
        ("interval(0, 1)", Parameter("x", "float", 0.0, 1.0)),
        ("int(interval(0, 5))", Parameter("x", "int", 0, 5)),
        ("tag(log, interval(1e-4, 1e-2))", Parameter("x", "float", 0.0001, 0.01, log=True)),
        ("tag(log, int(interval(1, 64)))", Parameter("x", "int", 1, 64, log=True)),
        ("int(tag(log, interval(1, 64)))", Parameter("x", "int", 1, 64, log=True)),
        ("range(1, 6, 2)", Parameter("x", "int", 1, 5, 2)),
        ("range(1, 7, 2)", Parameter("x", "int", 1, 5, 2)),
        ("range(5)", Parameter("x", "int", 0, 4, 1)),
        ("range(10, 1, -3)", Parameter("x", "int", 4, 10, 3)),
        ("range(0, 1, 0.25)", Parameter("x", "float", 0.0, 0.75, 0.25)),
        ("range(0.0, 0.9, 0.3)", Parameter("x", "float", 0.0, 0.6, 0.3)),
        ("shuffle(range(1, 4))", Parameter("x", "int", 1, 3, 1)),
        ("choice(a, b)", Parameter("x", "choice", choices=("a", "b"))),
        ("SGD, 'Adam W'", Parameter("x", "choice", choices=("SGD", "Adam W"))),
        ("true,false", Parameter("x", "choice", choices=(True, False))),
        ("[0.1, null]", Parameter("x", "choice", choices=(0.1, None))),
        ([0.1, 0.2, "a"], Parameter("x", "choice", choices=(0.1, 0.2, "a"))),
    ],
)
def test_a_text_of_hydras_grammar_is_read(text: object, wanted: Parameter) -> None:
    parameter = one(text)
    assert parameter == wanted
    assert [type(end) for end in parameter.ends()] == [type(end) for end in wanted.ends()]


def test_parameters_have_the_order_of_their_names_whatever_the_order_of_the_file() -> None:
    names = [parameter.name for parameter in read_space({"b": "1,2", "a": "1,2", "c": "1,2"})]
    assert names == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("interval(2, 1)", "lower end 2.0 must be below its upper end 1.0"),
        ("interval(1, 1)", "must be below"),
        ("interval(nan, 1)", "not a finite number"),
        ("interval(1, 1e400)", "not a finite number"),
        ("tag(log, interval(0, 1))", "must be above 0"),
        ("tag(log, range(1, 5))", "has steps"),
        ("tag(log, choice(1, 2))", "tags a list of choices"),
        ("tag(lgo, interval(1, 2))", "the tag lgo"),
        ("range(1, 1)", "is empty"),
        ("range(5, 1)", "is empty"),
        ("range(1, 2)", "has one value"),
        ("range(0, 1, 0)", "the step 0"),
        ("glob(*)", "is a glob"),
        ("choice(a)", "one choice"),
        ([], "no choices"),
        ([1], "one choice"),
        ("1,2,1", "1 twice"),
        ("1,true", "true twice"),
        ("[[1,2],3]", "the choice [1, 2]"),
        ("1,nan", "not a finite number"),
        ("interval(1,2),interval(3,4)", "several spaces"),
        ("interval(1,2", "cannot be read"),
        ("interval(a,b)", "cannot be read"),
        ("uniform(1,2)", "cannot be read"),
        ("", "is not a search space"),
        ({"a": 1}, "is not a search space"),
        ("0.5", "Set it with recipe.x=0.5"),
        (True, "Set it with recipe.x=true"),
    ],
)
def test_what_is_no_space_is_told_with_its_name(content: object, reason: str) -> None:
    with pytest.raises(SweepError) as caught:
        read_space({"x": content})
    (problem,) = caught.value.problems
    assert problem.startswith("tune.space.x=")
    assert reason in problem
    assert "None" not in problem


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(SweepError) as caught:
        read_space({"b": "interval(2,1)", "ok": "interval(1,2)", "a": "glob(*)"})
    assert [problem.partition("=")[0] for problem in caught.value.problems] == ["tune.space.a", "tune.space.b"]


NUMBER = st.floats(-1000, 1000).map(lambda number: round(number, 4))


@settings(max_examples=60, deadline=None)
@given(NUMBER, NUMBER, st.floats(0.001, 50).map(lambda number: round(number, 3)), st.booleans(), st.integers(0, 9))
def test_a_range_proposes_only_what_hydra_enumerates(
    start: float, stop: float, step: float, whole: bool, seed: int
) -> None:
    text = f"range({int(start)},{int(stop)},{math.ceil(step)})" if whole else f"range({start},{stop},{step})"
    override = parse(f"x={text}")
    listed = sorted(float(str(value)) for value in override.sweep_iterator())[:20_000]
    if len(listed) < 2:
        with pytest.raises(SweepError):
            one(text)
        return
    parameter = one(text)
    for value in proposed(parameter, 5, seed):
        assert parameter.contains(value)
        assert value < stop if not whole else value < int(stop)
        assert min(abs(value - other) for other in listed) <= 1e-9 * max(1, abs(value)) or len(listed) == 20_000
        assert isinstance(value, int) == whole


@settings(max_examples=60, deadline=None)
@given(NUMBER, NUMBER, st.sampled_from(["interval({},{})", "int(interval({},{}))"]), st.integers(0, 9))
def test_an_interval_contains_what_it_proposes_and_its_ends(first: float, second: float, form: str, seed: int) -> None:
    low, high = sorted((first, second))
    if int(low) == int(high):
        return
    parameter = one(form.format(low, high))
    assert all(map(parameter.contains, (*proposed(parameter, 5, seed), *parameter.ends())))
    assert not parameter.contains(high + 1)
    assert not parameter.contains(low - 1)


def test_a_value_between_the_steps_is_not_contained() -> None:
    steps = one("range(0, 1, 0.1)")
    assert steps.contains(0.1 + 0.2)
    assert steps.contains(0)
    assert not steps.contains(0.25)
    assert not steps.contains(1.0)
    whole = one("int(interval(0, 5))")
    assert whole.contains(3.0)
    assert not whole.contains(2.5)
    assert not whole.contains(True)
    assert not whole.contains("3")
    assert not whole.contains(None)


def test_a_choice_is_not_another_value_that_python_calls_equal() -> None:
    assert one("true,false").contains(True)
    assert not one("true,false").contains(1)
    assert one("1,2").contains(1.0)
    assert not one("1,2").contains(True)
    assert one("null,5").contains(None)


def test_a_logarithmic_scale_is_proposed_evenly() -> None:
    values = proposed(one("tag(log, interval(0.0001, 1.0))"), 400)
    below = sum(value < 0.01 for value in values)
    assert 150 < below < 250, "half of the scale lies below 0.01"
