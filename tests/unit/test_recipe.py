"""A recipe that passes our check is taken by the installed Ultralytics, and one that does not gets a sentence."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sweep.paths import option_names, packaged
from sweep.recipe import OURS, recipe_problems, resolved_recipe, training_arguments

FREE = sorted(set(training_arguments()) - set(OURS) - {"name", "optimizer"})
NEEDED = {"epochs": 1, "batch": 16, "imgsz": 32, "optimizer": "SGD"}
VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 5), st.sampled_from([32, 640, 0.0, 0.5, 1.0, 2.0, -0.5, 1e-3]),
    st.floats(allow_nan=True), st.text(max_size=4), st.lists(st.integers(0, 2), max_size=2),
)  # fmt: skip


def ready(name: str) -> dict[str, Any]:
    content = yaml.safe_load((packaged("conf") / "recipe" / f"{name}.yaml").read_text("utf-8"))
    recipe: dict[str, Any] = content.get("recipe", content)
    return recipe


@pytest.mark.parametrize("name", option_names("recipe"))
def test_the_ready_recipes_pass(name: str) -> None:
    assert recipe_problems(ready(name)) == []


def test_v3_is_the_reference_reports_recipe_to_the_letter() -> None:
    v3 = ready("v3")
    wanted = {"epochs": 100, "batch": 16, "imgsz": 640, "optimizer": "SGD", "lr0": 0.003, "momentum": 0.9}
    wanted |= {"weight_decay": 0.001, "warmup_epochs": 5.0, "box": 7.5, "cls": 0.5, "workers": 8}
    assert {name: v3[name] for name in wanted} == wanted
    assert v3["lr0"] * v3["lrf"] == pytest.approx(0.0001)
    around = yaml.safe_load((packaged("conf") / "recipe/v3.yaml").read_text("utf-8"))
    assert (around["seed"], around["model"]["weights"]) == (0, "yolo11n.pt")


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(FREE), VALUES)
@example("fraction", 2)
@example("fraction", 0.0)
@example("imgsz", [32, 64])
@example("freeze", [0, 1])
@example("scale", [0.5, 1.5])
@example("epochs", 3.0)
def test_what_passes_is_taken_by_ultralytics(name: str, value: Any) -> None:
    from ultralytics.cfg import get_cfg

    recipe = NEEDED | {name: value}
    if not recipe_problems(recipe):
        get_cfg(overrides=resolved_recipe(recipe))


@pytest.mark.parametrize("name", FREE)
def test_the_default_of_ultralytics_passes(name: str) -> None:
    assert recipe_problems(NEEDED | {name: training_arguments()[name].default}) == []


def test_the_optimizers_that_we_offer_are_those_of_ultralytics() -> None:
    from ultralytics.engine.trainer import BaseTrainer

    source = inspect.getsource(BaseTrainer.build_optimizer)
    known = re.search(r"optimizers = \{([^}]*)\}", source)
    assert known is not None
    offered = {name.lower() for name in training_arguments()["optimizer"].choices}
    assert offered == {name.lower() for name in re.findall(r"\w+", known[1])}, "it does not mind upper and lower case"


@pytest.mark.parametrize("name", ["epochs", "batch", "imgsz"])
def test_a_recipe_without_what_the_sweep_counts_with_is_refused(name: str) -> None:
    (problem,) = recipe_problems({key: value for key, value in NEEDED.items() if key != name})
    assert problem.startswith(f"recipe.{name} is missing")


@pytest.mark.parametrize("value", [True, False, "ram"])
def test_pictures_may_be_kept_in_memory(value: object) -> None:
    assert recipe_problems(NEEDED | {"cache": value}) == []


@pytest.mark.parametrize(
    ("recipe", "wanted"),
    [
        ({"lr": 0.1}, ["recipe.lr ", "Did you mean `lrf`"]),
        ({"momentun": 0.9}, ["recipe.momentun", "Did you mean `momentum`"]),
        ({"lr0": "hello"}, ["recipe.lr0=hello", "float", "lr0=0.01"]),
        ({"epochs": True}, ["recipe.epochs=True", "int"]),
        ({"epochs": 1.5}, ["recipe.epochs=1.5", "int"]),
        ({"cos_lr": "yes"}, ["recipe.cos_lr=yes", "bool"]),
        ({"epochs": None}, ["recipe.epochs", "null"]),
        ({"epochs": 0}, ["recipe.epochs=0", "at least 1"]),
        ({"batch": -1}, ["recipe.batch=-1", "at least 1"]),
        ({"batch": 0.7}, ["recipe.batch=0.7"]),
        ({"momentum": 2}, ["recipe.momentum=2", "between 0 and 1"]),
        ({"mosaic": -0.1}, ["recipe.mosaic=-0.1", "between 0 and 1"]),
        ({"patience": -1}, ["recipe.patience=-1", "at least 0"]),
        ({"box": float("nan")}, ["recipe.box=nan", "finite"]),
        ({"imgsz": 100}, ["recipe.imgsz=100", "multiple of 32", "96"]),
        ({"imgsz": 0}, ["recipe.imgsz=0", "multiple of 32"]),
        ({"imgsz": [64, 96]}, ["recipe.imgsz=[64, 96]", "one number"]),
        ({"fraction": 0.0}, ["recipe.fraction=0.0", "above 0"]),
        ({"fraction": 2.5}, ["recipe.fraction=2.5", "whole number"]),
        ({"fraction": [0.5]}, ["recipe.fraction=[0.5]", "train and val"]),
        ({"scale": 1.5}, ["recipe.scale=1.5", "between 0 and 1"]),
        ({"scale": [1]}, ["recipe.scale=[1]", "[0.5,1.5]"]),
        ({"amp": "half"}, ["recipe.amp=half", "bf16"]),
        ({"cache": "disk"}, ["recipe.cache=disk", "ram"]),
        ({"optimizer": "Sgd2"}, ["recipe.optimizer=Sgd2", "SGD", "AdamW"]),
    ],
    ids=str,
)
def test_a_wrong_value_gets_a_sentence(recipe: dict[str, Any], wanted: list[str]) -> None:
    (problem,) = recipe_problems(NEEDED | recipe)
    assert all(text in problem for text in wanted), problem


def test_automatic_optimizer_with_a_learning_rate_is_refused() -> None:
    (problem,) = recipe_problems(NEEDED | {"optimizer": "auto", "lr0": 0.01})
    assert "ignores recipe.lr0" in problem
    default = {name: value for name, value in NEEDED.items() if name != "optimizer"} | {"lr0": 0.01}
    assert recipe_problems(default) != [], "auto is Ultralytics' default"
    assert recipe_problems(NEEDED | {"optimizer": "auto"}) == []


@pytest.mark.parametrize("name", sorted(OURS))
def test_what_the_sweep_sets_itself_is_not_for_recipes(name: str) -> None:
    (problem,) = recipe_problems(NEEDED | {name: 1})
    assert problem.startswith(f"recipe.{name} ")


def test_our_list_of_what_is_not_for_recipes_is_about_arguments_that_exist() -> None:
    defaults = yaml.safe_load((Path(_ultralytics()) / "cfg/default.yaml").read_text("utf-8"))
    assert set(OURS) <= set(defaults)


def test_all_problems_are_named_at_once() -> None:
    assert len(recipe_problems(NEEDED | {"lr": 1, "epochs": 0, "momentum": "x", "task": "obb"})) == 4


def test_a_resolved_recipe_holds_training_arguments_only_and_numbers_of_one_kind() -> None:
    resolved = resolved_recipe({"name": "mine", "warmup_epochs": 1, "epochs": 2, "lr0": 0.5})
    assert resolved == {"epochs": 2, "lr0": 0.5, "warmup_epochs": 1.0}
    assert isinstance(resolved["warmup_epochs"], float)
    assert isinstance(resolved["epochs"], int)
    whole = resolved_recipe({"epochs": 2.0, "batch": 16.0, "imgsz": 96.0, "fraction": 1.0})
    assert {name: type(value) for name, value in whole.items()} == {
        "epochs": int, "batch": int, "imgsz": int, "fraction": float
    }  # fmt: skip


def _ultralytics() -> str:
    from sweep.recipe import ultralytics_folder

    return str(ultralytics_folder())
