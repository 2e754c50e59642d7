"""A study is read from whatever its file holds, and never fails a report."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.sweep_data import cell_data
from support.sweeps import study_json, tuned, tuned_tags
from sweep.report.study import Study, best_parameters, is_tuned, parse_study, recipe_won

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
KEYS = ("objective", "direction", "best_trial", "space", "recipe", "best", "importance", "trials")
TRIAL_KEYS = ("number", "slot", "state", "value", "epochs", "reason")


def parsed(**others: Any) -> Study:
    study = parse_study(study_json(0.4, 0.5, **others))
    assert study is not None
    return study


def trials(*values: float | None, state: str = "complete") -> list[dict[str, Any]]:
    return [{"number": n, "slot": n, "state": state, "value": value} for n, value in enumerate(values)]


def test_a_study_is_read_whole() -> None:
    study = parsed()
    assert study.recipe_value == 0.4
    assert study.best_trial == 1
    assert study.importance == {"lr0": 0.75, "box": 0.25}
    assert [trial.state for trial in study.trials] == ["complete", "complete", "pruned", "lost", "complete", "failed"]
    assert [trial.number for trial in study.improvements] == [0, 1]


@pytest.mark.parametrize("content", [None, 1, "x", [], {}, {"trials": "none", "space": 3}, {"other": 1}])
def test_what_is_no_study_is_none(content: object) -> None:
    assert parse_study(content) is None


@settings(deadline=None)
@given(st.fixed_dictionaries({}, optional=dict.fromkeys(KEYS, JSON)) | JSON)
def test_nothing_fails_it(content: object) -> None:
    parse_study(content)


@settings(deadline=None)
@given(st.lists(st.fixed_dictionaries({}, optional=dict.fromkeys(TRIAL_KEYS, JSON)) | JSON, max_size=4))
def test_no_trial_fails_it(listed: list[object]) -> None:
    study = parse_study({"objective": "o", "trials": listed})
    assert study is not None
    assert [trial.number for trial in study.trials] == sorted({trial.number for trial in study.trials})


def test_numbers_that_are_none_are_left_out() -> None:
    study = parsed(importance={"lr0": float("nan"), "box": True, "cls": 10**400, "dfl": 0.5}, best_trial=-1)
    assert study.importance == {"dfl": 0.5}
    assert study.best_trial is None


def test_less_is_better_where_the_study_minimizes() -> None:
    values = trials(0.5, 0.6, 0.4, 0.45, 0.3)
    assert [trial.number for trial in parsed(trials=values).improvements] == [0, 1]
    assert [trial.number for trial in parsed(trials=values, direction="minimize").improvements] == [0, 2, 4]


def test_a_trial_that_was_pruned_is_never_the_best_so_far_nor_the_recipe() -> None:
    study = parsed(trials=[*trials(0.9, state="pruned"), {"number": 1, "slot": 0, "state": "complete", "value": 0.4}])
    assert [trial.number for trial in study.improvements] == [1]
    assert study.recipe_value == 0.4


def test_tuned_is_what_has_figures_of_a_study() -> None:
    assert is_tuned(cell_data("a", 0.8, **tuned(0.4, 0.5)))
    assert not is_tuned(cell_data("a", 0.8, tags=tuned_tags()))


def test_best_parameters_are_those_of_the_tags_in_the_order_of_the_study() -> None:
    tags = tuned_tags({"lr0": 0.5, "box": 9, "new": "x"})
    assert best_parameters(cell_data("a", 0.8, tags=tags)) == {"box": "9", "lr0": "0.5", "new": "x"}
    known = cell_data("a", 0.8, tags=tags, study=study_json(0.4, 0.5))
    assert list(best_parameters(known).items()) == [("lr0", "0.5"), ("box", "9"), ("new", "x")]
    untagged = cell_data("a", 0.8, study=study_json(0.4, 0.5))
    assert best_parameters(untagged) == {"lr0": 0.00345678, "box": 9.5}


def test_the_recipe_has_won_where_its_slot_is_the_best_trial() -> None:
    rerun = study_json(0.4, 0.4, trials=[{"number": 3, "slot": 0, "state": "complete", "value": 0.4}])
    figures = tuned(0.4, 0.4, **{"tune/best_trial": 3.0})
    assert recipe_won(cell_data("a", 0.8, study=rerun, **figures))
    assert recipe_won(cell_data("a", 0.8, **figures))
    assert not recipe_won(cell_data("a", 0.8, study=study_json(0.4, 0.5), **tuned(0.4, 0.5)))
    assert not recipe_won(cell_data("a", 0.8, **tuned(0.4, 0.5)))
