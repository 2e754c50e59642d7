"""What is wrong with tuning a recipe is told before anything starts, each with the fix."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sweep.paths import option_file
from sweep.recipe import recipe_problems, training_arguments
from sweep.tune_settings import Method, TuneSettings, read_tune_settings
from sweep.tuning.checks import storage_problems, tune_problems
from sweep.tuning.ignored import not_tunable
from sweep.tuning.space import read_space

HOME = Path("/home-of-the-sweep")
URL = "postgresql+psycopg://me:s3cret@host:5432/studies?sslmode=require&application_name=a%20b"


def recipe_of(name: str) -> dict[str, Any]:
    path = option_file("recipe", name)
    assert path is not None
    content = yaml.safe_load(path.read_text("utf-8"))
    recipe: dict[str, Any] = content.get("recipe", content)
    return recipe


QUICK = recipe_of("quick")
SPACES = ("optuna", "optuna_augment")


def space_of(name: str) -> dict[str, str]:
    path = option_file("tune", name)
    assert path is not None
    space: dict[str, str] = yaml.safe_load(path.read_text("utf-8"))["space"]
    return space


def tuning(space: dict[str, Any], **changes: Any) -> TuneSettings:
    tune = read_tune_settings(
        {
            "name": "optuna", "space": space, "trials": 5, "workers": 1, "epochs": None, "storage": None,
            "objective": "metrics/mAP50-95", "sampler": "tpe", "pruner": "hyperband", "seed": 3, "warm_start": False,
            "patience": None, "budget_min": None, "refit": False,
        }
    )  # fmt: skip
    assert tune is not None
    return replace(tune, **changes)


def problems(
    space: dict[str, Any], recipe: dict[str, Any] | None = None, cells: int = 1, workers: int | None = 1, **changes: Any
) -> list[str]:
    return tune_problems(tuning(space, **changes), {**QUICK, **(recipe or {})}, cells=cells, workers=workers, home=HOME)


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("recipe", ["quick", "v3"])
def test_the_ready_spaces_fit_the_ready_recipes(space: str, recipe: str) -> None:
    found = tune_problems(tuning(space_of(space)), recipe_of(recipe), cells=6, workers=None, home=HOME)
    assert found == []


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(SPACES), st.sampled_from(["quick", "v3"]), st.integers(0, 10_000))
def test_whatever_a_ready_space_proposes_can_be_trained(space: str, name: str, seed: int) -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    parameters = read_space(space_of(space))
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
    proposed = study.ask({parameter.name: parameter.distribution() for parameter in parameters}).params
    assert all(parameter.contains(proposed[parameter.name]) for parameter in parameters)
    assert recipe_problems({**recipe_of(name), **proposed}) == []


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("lr0", "interval(2,1)", "tune.space.lr0=interval(2,1) is empty"),
        ("lr00", "interval(0.001,0.1)", "no training argument of the installed Ultralytics. Did you mean `lr0`?"),
        ("epochs", "int(interval(5,20))", "tune.epochs"),
        ("imgsz", "64,96", "axis of the grid instead: recipe.imgsz=A,B"),
        ("batch", "8,16", "axis of the grid instead: recipe.batch=A,B"),
        ("cache", "true,false", "axis of the grid"),
        ("name", "a,b", "recipe=A,B"),
        ("seed", "0,1", "tune.space.seed cannot be tuned: use seed="),
        ("device", "0,1", "use device="),
        ("iou", "interval(0.5,0.9)", "changes the measure"),
        ("patience", "int(interval(5,100))", "the pruner"),
        ("pose", "interval(1.0,20.0)", "belongs to pose estimation"),
        ("mosaic", "interval(0.0,1.5)", "tune.space.mosaic: recipe.mosaic=1.5 is out of range"),
        ("optimizer", "AdamW,Lion", "tune.space.optimizer: recipe.optimizer=Lion is unknown"),
        ("optimizer", "AdamW,auto", "tune.space.optimizer: recipe.optimizer=auto ignores recipe.lr0"),
        ("cos_lr", "interval(0.0,1.0)", "tune.space.cos_lr: recipe.cos_lr=0.0 has the wrong type"),
        ("nbs", "interval(16,64)", "Write int(interval(16, 64))"),
        ("lr0", "interval(0.01,0.1)", "recipe.lr0=0.002 lies outside tune.space.lr0=interval(0.01,0.1)"),
        ("fliplr", "interval(0.0,0.4)", "Ultralytics' default fliplr=0.5, which the recipe keeps, lies outside"),
        ("optimizer", "SGD,Adam", "recipe.optimizer=AdamW lies outside"),
        ("momentum", "range(0.8,0.9,0.05)", "recipe.momentum=0.9 lies outside"),
    ],
)
def test_a_wrong_space_is_told(name: str, text: str, reason: str) -> None:
    (problem,) = dict.fromkeys(problems({name: text}))
    assert reason in problem


@pytest.mark.parametrize(
    ("name", "text", "recipe", "epochs", "reason"),
    [
        ("lr0", "interval(0.001,0.1)", {"optimizer": "auto"}, None, "recipe.optimizer=auto chooses it by itself"),
        ("momentum", "interval(0.8,0.99)", {"optimizer": "auto"}, None, "recipe.optimizer=auto chooses it by itself"),
        ("warmup_bias_lr", "interval(0.0,0.2)", {"optimizer": "auto"}, None, "chooses it by itself"),
        ("warmup_momentum", "interval(0.5,0.9)", {}, None, "recipe.optimizer=AdamW has no momentum"),
        ("warmup_momentum", "interval(0.5,0.9)", {"optimizer": "SGD", "warmup_epochs": 0}, None, "leaves out the warm"),
        ("warmup_bias_lr", "interval(0.0,0.2)", {"warmup_epochs": 0.0}, None, "leaves out the warm-up"),
        ("lrf", "interval(0.01,0.5)", {}, 1, "a trial of one epoch"),
        ("mosaic", "interval(0.0,1.0)", {"rect": True}, None, "recipe.rect=true"),
        ("mixup", "interval(0.0,1.0)", {"close_mosaic": 10}, 5, "Set recipe.close_mosaic below 5"),
    ],
)
def test_what_the_recipe_ignores_is_not_tuned(
    name: str, text: str, recipe: dict[str, Any], epochs: int | None, reason: str
) -> None:
    (problem,) = problems({name: text}, recipe, epochs=epochs)
    assert problem.startswith(f"tune.space.{name} tunes nothing: ")
    assert reason in problem


@pytest.mark.parametrize(
    ("space", "recipe", "epochs"),
    [
        ({"warmup_bias_lr": "interval(0.0,0.2)", "warmup_epochs": "interval(0.0,3.0)"}, {"warmup_epochs": 0.0}, None),
        ({"warmup_momentum": "interval(0.5,0.9)"}, {"optimizer": "SGD"}, None),
        ({"mosaic": "interval(0.0,1.0)", "close_mosaic": "int(interval(0,10))"}, {"close_mosaic": 10}, 5),
        ({"mosaic": "interval(0.0,1.0)"}, {"close_mosaic": 4}, 5),
    ],
)
def test_what_counts_in_some_trial_may_be_tuned(space: dict[str, str], recipe: dict[str, Any], epochs: int) -> None:
    assert problems(space, recipe, epochs=epochs) == []


def test_what_ultralytics_ignores_is_read_in_the_installed_version() -> None:
    """Warm-up looks for a momentum where Adam has none, and a trial that closes mosaic at once never mixes."""
    import torch

    for name in ("Adam", "Adamax", "AdamW", "NAdam", "RAdam"):
        optimizer = getattr(torch.optim, name)([torch.nn.Parameter(torch.zeros(1))])
        assert "momentum" not in optimizer.param_groups[0]
    assert not_tunable("pose") is not None
    for name in training_arguments():
        reason = not_tunable(name)
        assert reason is None or "{" not in reason


def test_everything_wrong_is_told_at_once() -> None:
    found = problems(
        {"lr0": "interval(2,1)", "batch": "8,16", "mosaic": "interval(0.0,1.5)"},
        epochs=16, sampler=Method("x"), storage="redis://host",
    )  # fmt: skip
    assert [problem.partition("=")[0].partition(" ")[0] for problem in found] == [
        "tune.epochs", "There", "tune.storage", "tune.space.batch", "tune.space.lr0", "tune.space.mosaic:",
    ]  # fmt: skip


def test_trials_are_at_most_as_long_as_the_recipe() -> None:
    (problem,) = problems({"lr0": "interval(0.001,0.1)"}, epochs=16)
    assert "tune.epochs=16 is more than the recipe has (recipe.epochs=15)" in problem
    assert problems({"lr0": "interval(0.001,0.1)"}, epochs=15) == []


def test_a_pruner_knows_how_long_the_recipe_is() -> None:
    (problem,) = problems({"lr0": "interval(0.001,0.1)"}, pruner=Method("hyperband", {"min_resource": 16}))
    assert "longer than a trial of 15 epochs" in problem


def test_what_is_wrong_with_the_recipe_itself_is_not_told_twice() -> None:
    recipe = {"imgsz": 97}
    assert recipe_problems({**QUICK, **recipe})
    assert problems({"lr0": "interval(0.001,0.1)"}, recipe) == []


@pytest.mark.parametrize(
    ("cells", "workers", "tune_workers", "refused"),
    [(1, 1, 1, False), (1, None, 1, False), (6, 1, 1, False), (6, None, 1, True), (6, 2, 1, True), (1, 1, 2, True)],
)
def test_sqlite_is_for_one_worker_at_a_time(cells: int, workers: int | None, tune_workers: int, refused: bool) -> None:
    tune = tuning({"lr0": "interval(0.001,0.1)"}, workers=tune_workers, storage="sqlite:////x/s.db")
    found = tune_problems(tune, QUICK, cells=cells, workers=workers, home=HOME)
    assert bool(found) == refused
    assert all("SQLite locks the whole file" in problem and "PostgreSQL" in problem for problem in found)


@pytest.mark.parametrize("storage", [None, "studies.log", "/x/journal.log", URL])
def test_a_storage_for_several_is_accepted(storage: str | None) -> None:
    assert storage_problems(storage, HOME, together=True) == []


@pytest.mark.parametrize(
    ("storage", "reason"),
    [
        ("sqlite://", "is lost when its process ends"),
        ("sqlite:///:memory:", "is lost when its process ends"),
        ("sqlite:///file:x?mode=memory&uri=true", "is lost when its process ends"),
        ("redis://me:s3cret@host/0", "no database is called redis"),
        ("http://me:s3cret@host", "no database is called http"),
        ("postgresql+psycopg://me:s3cret@host:port/db", "is no database URL"),
        ("postgresql+psycopg://me:s3cret@[::1/db", "is no database URL"),
        ("postgresql+asyncpg://me:s3cret@host/db", "is asynchronous"),
        ("postgresql+psycopg3://host/db?password=s3cret", "no database is called postgresql+psycopg3"),
        ("mysql://me:s3c/ret@host/db?password=s3cret", "pip install 'mysqlclient'"),
        ("mysql+pymysql://me:s3cret@host/db", "pip install 'pymysql'"),
    ],
)
def test_a_wrong_storage_is_told_without_its_password(storage: str, reason: str) -> None:
    (problem,) = storage_problems(storage, HOME, together=False)
    assert reason in problem
    assert problem.startswith("tune.storage=")
    assert "s3c" not in problem
    assert "me:" not in problem


def test_a_folder_is_no_storage(tmp_path: Path) -> None:
    (problem,) = storage_problems(str(tmp_path), HOME, together=False)
    assert "is a folder" in problem
