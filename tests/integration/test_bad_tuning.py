"""What is wrong with tuning is found before anything starts: exit code 2, a sentence, no run."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from support.command_line import Ended
from support.runs import run_count

NOBODY = "postgresql+psycopg://tuner:Sekret99@127.0.0.1:9/studies"


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (["tune.space.lr0=interval(0.1,0.01)"], r"tune\.space\.lr0"),
        (["tune.space.lr=interval(0.1,0.2)"], r"tune\.space\.lr is no training argument"),
        (["tune.space.lr0=interval(0.01,0.1)"], r"recipe\.lr0=0\.002"),
        (["tune.space.epochs=range(1,5)"], r"tune\.space\.epochs"),
        (["tune.space.momentum=interval(0.5,1.5)"], r"tune\.space\.momentum"),
        (["tune.sampler=tpa"], r"tpa.*tpe"),
        (["tune.sampler=grid"], r"grid"),
        (["tune.pruner=hyperbend"], r"hyperbend.*hyperband"),
        (["tune.pruner.reduction=3"], r"reduction"),
        (["tune.objective=mAP50"], r"tune\.objective=mAP50"),
        (["tune.trials=0"], r"tune\.trials=0"),
        (["tune.trials=2,3"], r"tune\.trials cannot be swept"),
        (["tune.epochs=1000"], r"tune\.epochs=1000"),
        (["tune.storage=sqlite:///x.db", "tune.workers=2"], r"SQLite"),
        (["tune.storage=nosuchdb://h/d"], r"tune\.storage"),
        (["tune.storage=."], r"tune\.storage=.* is a folder"),
        (["tune.sampler.seed=3"], r"tune\.sampler\.seed .*tune\.seed=3"),
        ([f"tune.storage={NOBODY}"], r"tune\.storage=postgresql"),
    ],
    ids=str,
)
def test_bad_tuning(sweep: Callable[..., Ended], signs_home: Path, arguments: list[str], wanted: str) -> None:
    ended = sweep("level=4", "act=relu", "tune=optuna", *arguments, f"home={signs_home}")

    assert ended.returncode == 2, ended.stdout + ended.stderr
    assert any(re.search(wanted, problem) for problem in ended.problems), ended.stderr
    assert "Traceback" not in ended.stderr
    assert "Sekret99" not in ended.stdout + ended.stderr
    assert run_count(signs_home) == 0


def test_an_option_of_tuning_without_tuning(sweep: Callable[..., Ended], signs_home: Path) -> None:
    ended = sweep("level=4", "tune.trials=5", f"home={signs_home}")

    assert ended.returncode == 2
    (problem,) = ended.problems
    assert "tune.trials has no effect" in problem
    assert "tune=optuna" in problem


def test_a_recipe_that_ignores_what_is_tuned(sweep: Callable[..., Ended], signs_home: Path) -> None:
    recipe = ("recipe.optimizer=auto", "~recipe.lr0", "~recipe.momentum")
    ended = sweep("level=4", "tune=optuna", *recipe, f"home={signs_home}")

    assert ended.returncode == 2
    assert any("tune.space.lr0 tunes nothing" in problem for problem in ended.problems), ended.stderr
