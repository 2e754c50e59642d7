"""What a study comes to, from real studies in memory."""

from __future__ import annotations

import json
import math
from typing import Any

import optuna
import pytest
import yaml
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.trial import TrialState, create_trial

from sweep.recipe import recipe_problems
from sweep.tune_settings import Method, TuneSettings
from sweep.tuning.facts import best_recipe_yaml, best_trial, study_facts, study_metrics, trials_table

SPACE = {"lr0": "tag(log, interval(0.0003, 0.02))", "box": "interval(2, 15)"}
DISTRIBUTIONS = {"lr0": FloatDistribution(0.0003, 0.02, log=True), "box": FloatDistribution(2, 15)}
RECIPE = {"name": "quick", "epochs": 15, "batch": 16, "imgsz": 96, "optimizer": "AdamW", "lr0": 0.002, "box": 7.5}


def tune(**changes: Any) -> TuneSettings:
    settings: dict[str, Any] = {
        "space": SPACE,
        "trials": 20,
        "workers": 1,
        "epochs": None,
        "objective": "metrics/mAP50-95",
        "sampler": Method("tpe", {"multivariate": True}),
        "pruner": Method("hyperband"),
        "seed": 3,
        "warm_start": False,
        "patience": None,
        "budget_min": None,
        "refit": False,
        "storage": None,
    }
    return TuneSettings(**settings | changes)


def add(
    study: optuna.Study, state: TrialState, value: float | None, epochs: int, lr0: float = 0.002, **attributes: Any
) -> None:
    intermediate = {epoch: 0.1 * epoch for epoch in range(1, epochs + 1)}
    params = {"lr0": lr0, "box": 7.5 + len(study.trials) / 10}
    study.add_trial(
        create_trial(
            state=state,
            value=value,
            params=params,
            distributions=DISTRIBUTIONS,
            intermediate_values=intermediate,
            user_attrs=attributes,
        )
    )


@pytest.fixture
def study() -> optuna.Study:
    """Five ended slots, an error, a lost trial, one given up for another, one under way."""
    study = optuna.create_study(study_name="cell", direction="maximize")
    add(study, TrialState.COMPLETE, 0.30, 15, slot=0, run_id="r0", seconds=10.0)
    add(study, TrialState.PRUNED, 0.90, 3, lr0=0.004, slot=1, run_id="r1", seconds=2.0)
    add(study, TrialState.FAIL, None, 2, slot=2, run_id="r2", lost=True, reason="its worker died")
    add(study, TrialState.FAIL, None, 0, slot=2, superseded=True)
    add(study, TrialState.FAIL, None, 1, slot=2, run_id="r4", seconds=1.5, reason="out of memory")
    add(study, TrialState.COMPLETE, 0.41, 15, lr0=0.006, slot=2, run_id="r5", seconds=11.0)
    add(study, TrialState.COMPLETE, 0.41, 15, lr0=0.007, slot=3, run_id="r6", seconds=11.0)
    add(study, TrialState.COMPLETE, 0.35, 15, lr0=0.001, slot=4, run_id="r7", seconds=11.0)
    add(study, TrialState.RUNNING, None, 4, slot=5)
    return study


def facts_of(study: optuna.Study, settings: TuneSettings | None = None) -> dict[str, Any]:
    return study_facts(study, settings or tune(), epochs=15, recipe_epochs=30, recipe=RECIPE, stopped="total")


def test_states_epochs_and_reasons_of_the_trials(study: optuna.Study) -> None:
    trials = facts_of(study)["trials"]
    assert [(trial["number"], trial["slot"], trial["state"]) for trial in trials] == [
        (0, 0, "complete"),
        (1, 1, "pruned"),
        (2, 2, "lost"),
        (4, 2, "failed"),
        (5, 2, "complete"),
        (6, 3, "complete"),
        (7, 4, "complete"),
    ]
    assert [trial["epochs"] for trial in trials] == [15, 3, 2, 1, 15, 15, 15]
    assert [trial["value"] for trial in trials] == [0.30, 0.90, None, None, 0.41, 0.41, 0.35]
    assert [trial["reason"] for trial in trials[:4]] == [None, None, "its worker died", "out of memory"]
    assert [trial["seconds"] for trial in trials[:4]] == [10.0, 2.0, None, 1.5]
    assert trials[4]["params"] == {"lr0": 0.006, "box": 8.0}
    assert trials[4]["run_id"] == "r5"


def test_the_best_is_complete_and_the_earliest_of_equals(study: optuna.Study) -> None:
    best = best_trial(study)
    assert best is not None
    assert best.number == 5
    facts = facts_of(study)
    assert (facts["best_trial"], facts["best"]["lr0"]) == (5, 0.006)
    assert facts["recipe"] == {"lr0": 0.002, "box": 7.5}


def test_the_best_of_a_loss_is_the_lowest() -> None:
    study = optuna.create_study(direction="minimize")
    for value in (2.0, 1.5, 1.5, 3.0):
        add(study, TrialState.COMPLETE, value, 15, slot=0)
    best = best_trial(study)
    assert best is not None
    assert best.number == 1


def test_settings_in_the_facts(study: optuna.Study) -> None:
    facts = facts_of(study)
    assert {key: facts[key] for key in ("study", "sampler", "pruner", "objective", "direction", "seed")} == {
        "study": "cell",
        "sampler": {"name": "tpe", "arguments": {"multivariate": True}},
        "pruner": {"name": "hyperband", "arguments": {}},
        "objective": "metrics/mAP50-95",
        "direction": "maximize",
        "seed": 3,
    }
    assert (facts["epochs"], facts["recipe_epochs"], facts["stopped"], facts["refit"]) == (15, 30, "total", False)
    assert facts["space"] == SPACE


def test_a_refit_is_one_only_where_trials_were_shorter(study: optuna.Study) -> None:
    assert facts_of(study, tune(refit=True, epochs=15))["refit"] is True
    assert facts_of(study, tune(refit=True))["refit"] is False


def test_metrics_count_all_that_was_trained(study: optuna.Study) -> None:
    metrics = study_metrics(facts_of(study))
    assert metrics == {
        "tune/trials": 5.0,
        "tune/pruned": 1.0,
        "tune/failed": 1.0,
        "tune/lost": 1.0,
        "tune/epochs": 66.0,
        "tune/train_s": 46.5,
        "tune/best_trial": 5.0,
        "tune/value": 0.41,
    }


def test_no_complete_trial_has_no_best() -> None:
    study = optuna.create_study(direction="maximize")
    add(study, TrialState.PRUNED, 0.2, 3, slot=1)
    facts = facts_of(study)
    assert (facts["best"], facts["best_trial"], facts["importance"]) == ({}, None, {})
    assert not {"tune/best_trial", "tune/value"} & study_metrics(facts).keys()


def sampled(trials: int = 20) -> optuna.Study:
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.RandomSampler(seed=1))

    def objective(trial: optuna.Trial) -> float:
        return -((math.log(trial.suggest_float("lr0", 0.0003, 0.02, log=True)) + 5) ** 2) + 0.001 * trial.suggest_float(
            "box", 2, 15
        )

    study.optimize(objective, n_trials=trials)
    return study


def test_importance_names_what_matters_and_is_repeatable() -> None:
    study = sampled()
    shares = facts_of(study)["importance"]
    assert list(shares) == ["lr0", "box"]
    assert shares["lr0"] > 0.8
    assert sum(shares.values()) == pytest.approx(1)
    assert facts_of(study)["importance"] == shares


@pytest.mark.parametrize("values", [(0.5,), (0.5, 0.5, 0.5)])
def test_importance_of_too_little_is_empty(values: tuple[float, ...]) -> None:
    study = optuna.create_study(direction="maximize")
    for value in values:
        add(study, TrialState.COMPLETE, value, 15)
    assert facts_of(study)["importance"] == {}


def test_facts_are_json_without_infinities() -> None:
    study = optuna.create_study(direction="maximize")
    add(study, TrialState.COMPLETE, math.inf, 15, slot=0, seconds=math.nan)
    add(study, TrialState.COMPLETE, 0.2, 15, slot=1, seconds=1.0)
    settings = tune(pruner=Method("threshold", {"upper": math.inf}))
    facts = facts_of(study, settings)
    text = json.dumps(facts, allow_nan=False)
    assert json.loads(text) == facts
    assert facts["trials"][0]["value"] is None
    assert facts["best_trial"] == 1


def test_table_has_a_row_a_trial_and_a_column_a_parameter(study: optuna.Study) -> None:
    table = trials_table(facts_of(study))
    assert list(table.columns) == [
        *("number", "slot", "state", "value", "epochs", "seconds"),
        *("recipe.lr0", "recipe.box", "run_id", "reason"),
    ]
    assert len(table) == 7
    assert table.loc[4, "recipe.lr0"] == 0.006
    assert list(table["state"]).count("lost") == 1


def test_table_of_no_trial_has_its_columns() -> None:
    assert list(trials_table({"space": SPACE, "trials": []}).columns)[:3] == ["number", "slot", "state"]


def test_best_recipe_can_be_trained_and_reads_back_exactly() -> None:
    best = {"lr0": 1.2345678901234567e-05, "optimizer": "SGD"}
    text = best_recipe_yaml(RECIPE, best, "night", "study cell, trial 7\nmetrics/mAP50-95: 0.41")
    assert text.startswith("# study cell, trial 7\n# metrics/mAP50-95: 0.41\nname: night\n")
    content = yaml.safe_load(text)
    assert content == RECIPE | best | {"name": "night"}
    assert recipe_problems(content) == []


def test_best_recipe_is_an_option_of_the_recipe_group(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from sweep.compose import CONFIG_NAME, hydra_app

    monkeypatch.chdir(tmp_path)
    (tmp_path / "conf" / "recipe").mkdir(parents=True)
    best = {"lr0": 0.00031, "box": 3.25}
    (tmp_path / "conf" / "recipe" / "night.yaml").write_text(best_recipe_yaml(RECIPE, best, "night", "by hand"))
    composed = hydra_app().compose_config(CONFIG_NAME, ["recipe=night"], run_mode=_run_mode())
    assert dict(composed.recipe) == RECIPE | best | {"name": "night"}


def _run_mode() -> Any:
    from hydra.types import RunMode

    return RunMode.RUN


def test_choices_keep_their_kind() -> None:
    study = optuna.create_study(direction="maximize")
    params = {"optimizer": "SGD", "cos_lr": True}
    distributions = {name: CategoricalDistribution([value, None]) for name, value in params.items()}
    study.add_trial(create_trial(value=0.1, params=params, distributions=distributions))
    settings = tune(space={"optimizer": "choice(SGD, null)", "cos_lr": "choice(true, null)"})
    assert facts_of(study, settings)["best"] == params
