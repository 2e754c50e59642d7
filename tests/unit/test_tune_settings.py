"""The `tune` node is read as it is meant, and what is not of its kind is told."""

from __future__ import annotations

from typing import Any

import pytest

from sweep.errors import SweepError
from sweep.tune_settings import Method, TuneSettings, read_tune_settings

NODE: dict[str, Any] = {
    "name": "optuna", "space": {"lr0": "interval(0.001,0.1)"}, "trials": 20, "workers": 2, "epochs": None,
    "storage": None, "objective": "metrics/mAP50-95", "sampler": {"name": "tpe"}, "pruner": {"name": "hyperband"},
    "seed": 0, "warm_start": False, "patience": None, "budget_min": None, "refit": False,
}  # fmt: skip


def read(**changes: Any) -> TuneSettings:
    tune = read_tune_settings({**NODE, **changes})
    assert tune is not None
    return tune


def test_none_is_no_tuning_whatever_else_is_set() -> None:
    assert read_tune_settings({**NODE, "name": "none", "trials": -1}) is None
    with pytest.raises(SweepError, match="tune=x is not understood"):
        read_tune_settings("x")


def test_a_space_names_arguments_with_or_without_recipe_and_null_takes_one_out() -> None:
    space = {"recipe": {"lr0": "a,b", "box": None}, "recipe.cls": "c,d", "dfl": "e,f", "momentum": None}
    assert read(space=space).space == {"lr0": "a,b", "cls": "c,d", "dfl": "e,f"}


def test_a_method_is_a_name_with_or_without_arguments() -> None:
    assert read(sampler="gp").sampler == Method("gp")
    assert read(sampler={"name": "tpe", "n_startup_trials": 5}).sampler == Method("tpe", {"n_startup_trials": 5})


def test_losses_are_minimized_and_accuracy_is_maximized() -> None:
    assert read().direction == "maximize"
    assert read(objective="val/box_loss").direction == "minimize"


def test_a_trial_is_shortened_only_below_the_length_of_the_recipe() -> None:
    assert read(epochs=5).shortened(15)
    assert not read(epochs=15).shortened(15)
    assert not read().shortened(15)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"trials": 0}, "tune.trials=0"),
        ({"trials": True}, "tune.trials=True"),
        ({"trials": 2.0}, "tune.trials=2.0"),
        ({"workers": None}, "tune.workers=None"),
        ({"epochs": 0}, "tune.epochs=0"),
        ({"patience": -1}, "tune.patience=-1"),
        ({"seed": 2**32}, "tune.seed=4294967296"),
        ({"budget_min": 0}, "tune.budget_min=0"),
        ({"budget_min": float("nan")}, "tune.budget_min=nan"),
        ({"refit": "yes"}, "tune.refit=yes"),
        ({"objective": "metrics/map"}, "Choices: metrics/precision"),
        ({"sampler": None}, "tune.sampler=None"),
        ({"pruner": {"min_resource": 1}}, "tune.pruner="),
        ({"space": {}}, "tune.space is empty"),
        ({"space": {"lr0": None}}, "tune.space is empty"),
        ({"storage": " "}, "tune.storage="),
        ({"storage": 3}, "tune.storage=3"),
    ],
)
def test_a_wrong_value_is_told_with_its_name(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(SweepError) as caught:
        read(**changes)
    (problem,) = caught.value.problems
    assert reason in problem


def test_all_wrong_values_are_told_at_once() -> None:
    with pytest.raises(SweepError) as caught:
        read(trials=0, workers=0, objective="x", space={}, sampler=None)
    assert len(caught.value.problems) == 5


@pytest.mark.parametrize(
    ("change", "counts"),
    [
        ({"trials": 30}, False), ({"workers": 4}, False), ({"storage": "/x"}, False), ({"patience": 3}, False),
        ({"budget_min": 3}, False), ({"refit": True}, False), ({"epochs": 5}, True), ({"seed": 1}, True),
        ({"space": {"lr0": "interval(0.001,0.2)"}}, True), ({"sampler": "gp"}, True), ({"pruner": "median"}, True),
        ({"warm_start": True}, True), ({"objective": "metrics/mAP50"}, True),
        ({"sampler": {"name": "tpe", "group": True}}, True),
    ],
)  # fmt: skip
def test_what_decides_a_result_is_in_the_identity(change: dict[str, Any], counts: bool) -> None:
    assert (read(**change).identity() != read().identity()) == counts
