"""Samplers and pruners by name: each works in a study, and wrong ones are told before it starts."""

from __future__ import annotations

import sys
import warnings
from dataclasses import replace
from typing import Any

import optuna
import pytest

from sweep.tune_settings import Method, TuneSettings, read_tune_settings
from sweep.tuning.methods import PRUNERS, SAMPLERS, make_pruner, make_sampler, method_problems
from sweep.tuning.space import read_space

SPACE = {"lr0": "tag(log, interval(0.001, 0.1))", "momentum": "interval(0.8, 0.9)"}
NEEDED: dict[str, dict[str, Any]] = {"percentile": {"percentile": 25.0}}


def settings(space: dict[str, Any] | None = None, epochs: int | None = 15, **methods: Any) -> TuneSettings:
    tune = read_tune_settings(
        {
            "name": "optuna", "space": space or SPACE, "trials": 5, "workers": 1, "epochs": epochs, "storage": None,
            "objective": "metrics/mAP50-95", "sampler": "tpe", "pruner": "hyperband", "seed": 3, "warm_start": False,
            "patience": None, "budget_min": None, "refit": False,
        }
    )  # fmt: skip
    assert tune is not None
    return replace(tune, **methods)


def run(tune: TuneSettings, sampler: optuna.samplers.BaseSampler, trials: int = 14) -> optuna.Study:
    """A study of a curve that grows to a height which the parameters decide."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    pruner = make_pruner(tune, tune.epochs or 15)
    study = optuna.create_study(direction="maximize", sampler=sampler, pruner=pruner, study_name="fixed")
    space = {parameter.name: parameter.distribution() for parameter in read_space(tune.space)}
    for _ in range(trials):
        trial = study.ask(space)
        height = 1 - abs(trial.params["lr0"] - 0.02) * 10 - abs(trial.params["momentum"] - 0.85)
        for epoch in range(1, 16):
            trial.report(height * epoch / 15, epoch)
            if trial.should_prune():
                study.tell(trial, state=optuna.trial.TrialState.PRUNED)
                break
        else:
            study.tell(trial, height)
    return study


@pytest.mark.parametrize("name", SAMPLERS)
def test_every_sampler_is_accepted_and_repeats_itself_with_its_seed(name: str) -> None:
    tune = settings(sampler=Method(name), pruner=Method("none"))
    assert method_problems(tune) == []
    first, again = (run(tune, make_sampler(tune, 7)).trials for _ in range(2))
    assert [trial.params for trial in first] == [trial.params for trial in again]
    if name != "qmc":  # one sequence for all workers
        other = run(tune, make_sampler(tune, 8)).trials
        assert [trial.params for trial in first] != [trial.params for trial in other]


@pytest.mark.parametrize("name", PRUNERS)
def test_every_pruner_is_accepted_and_works(name: str) -> None:
    tune = settings(sampler=Method("random"), pruner=Method(name, NEEDED.get(name, {})))
    if name == "threshold":
        tune = replace(tune, pruner=Method(name, {"lower": 0.5, "n_warmup_steps": 10}))
    assert method_problems(tune) == []
    states = [trial.state.name for trial in run(tune, make_sampler(tune, 1), 30).trials]
    assert states.count("COMPLETE") + states.count("PRUNED") == 30
    assert ("PRUNED" in states) == (name != "none")


def test_tpe_keeps_away_from_what_runs_unless_told_otherwise() -> None:
    assert vars(make_sampler(settings(), 0))["_constant_liar"] is True
    told = settings(sampler=Method("tpe", {"constant_liar": False}))
    assert vars(make_sampler(told, 0))["_constant_liar"] is False


@pytest.mark.parametrize(("epochs", "first", "brackets"), [(1, 1, 1), (8, 3, 1), (15, 5, 1), (16, 6, 1), (100, 34, 1)])
def test_hyperband_knows_how_long_a_trial_is(epochs: int, first: int, brackets: int) -> None:
    tune = settings(epochs=epochs)
    pruner = make_pruner(tune, epochs)
    study = optuna.create_study(pruner=pruner)
    trial = study.ask()
    trial.report(0.5, 1)
    trial.should_prune()
    kept = vars(pruner)
    assert (kept["_min_resource"], kept["_max_resource"], kept["_n_brackets"]) == (first, epochs, brackets)
    own = make_pruner(replace(tune, pruner=Method("hyperband", {"min_resource": 2, "max_resource": 50})), epochs)
    assert (vars(own)["_min_resource"], vars(own)["_max_resource"]) == (2, 50)


@pytest.mark.parametrize(
    ("kind", "method", "reason"),
    [
        ("sampler", Method("tpa"), "no sampler `tpa`. Did you mean `tpe`?"),
        ("sampler", Method("grid"), "recipe.lr0=0.001,0.01"),
        ("pruner", Method("hyperbend"), "Did you mean `hyperband`?"),
        ("pruner", Method("patient"), "tune.patience"),
        ("sampler", Method("tpe", {"seed": 4}), "use tune.seed=4"),
        ("sampler", Method("tpe", {"n_startup_trails": 4}), "Did you mean `n_startup_trials`?"),
        ("sampler", Method("tpe", {"n_startup_trials": 2.5}), "takes int"),
        ("sampler", Method("tpe", {"n_startup_trials": True}), "takes int"),
        ("sampler", Method("tpe", {"gamma": 0.1}), "is no argument of tpe"),
        ("sampler", Method("tpe", {"n_ei_candidates": 0}), "cannot work with n_ei_candidates=0"),
        ("sampler", Method("qmc", {"qmc_type": "sobel"}), "cannot work with qmc_type=sobel"),
        ("sampler", Method("qmc", {"independent_sampler": "tpe"}), "is no argument of qmc"),
        ("sampler", Method("cmaes", {"lr_adapt": True, "with_margin": True}), "cannot work with"),
        ("pruner", Method("hyperband", {"reduction_factor": 1}), "cannot work with reduction_factor=1"),
        ("pruner", Method("hyperband", {"min_resource": 0}), "cannot work with min_resource=0"),
        ("pruner", Method("hyperband", {"min_resource": 16}), "longer than a trial of 15 epochs"),
        ("pruner", Method("hyperband", {"max_resource": "all"}), "cannot work with max_resource=all"),
        ("pruner", Method("median", {"n_warmup_steps": -1}), "cannot work with n_warmup_steps=-1"),
        ("pruner", Method("wilcoxon", {"p_threshold": 2.0}), "cannot work with p_threshold=2.0"),
        ("pruner", Method("percentile"), "needs tune.pruner.percentile=…"),
        ("pruner", Method("percentile", {"percentile": 101}), "cannot work with percentile=101"),
        ("pruner", Method("none", {"n": 1}), "none takes no arguments"),
    ],
)
def test_a_wrong_method_is_told(kind: str, method: Method, reason: str) -> None:
    (problem,) = method_problems(settings(**{kind: method}))
    assert reason in problem
    assert kind in problem


def test_both_methods_are_told_at_once() -> None:
    assert len(method_problems(settings(sampler=Method("x"), pruner=Method("y")))) == 2


def test_cmaes_is_refused_where_it_would_only_draw_at_random() -> None:
    (problem,) = method_problems(settings({**SPACE, "optimizer": "SGD,AdamW"}, sampler=Method("cmaes")))
    assert "tune.space.optimizer at random" in problem
    (problem,) = method_problems(settings({"lr0": "interval(0.001,0.1)"}, sampler=Method("cmaes")))
    assert "at least two parameters" in problem


def test_an_unreadable_space_is_left_to_the_check_of_the_space() -> None:
    assert method_problems(settings({"lr0": "interval(2,1)"}, sampler=Method("cmaes"))) == []


def test_a_missing_package_is_told_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cmaes", None)  # Python's own mark of a package that cannot be imported
    (problem,) = method_problems(settings(sampler=Method("cmaes")))
    assert "pip install cmaes" in problem


@pytest.mark.parametrize("name", ["qmc", "gp", "cmaes"])
def test_no_warning_of_optuna_about_experiments_reaches_the_user(name: str) -> None:
    arguments = {"gp": {"deterministic_objective": True}, "cmaes": {"consider_pruned_trials": True}}.get(name, {})
    tune = settings(sampler=Method(name, arguments), pruner=Method("wilcoxon"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make_sampler(tune, 0)
        make_pruner(tune, 15)
        assert method_problems(tune) == []
