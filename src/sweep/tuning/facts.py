"""What a study came to, as MLflow keeps it: pure functions from Optuna's trials and the settings."""

from __future__ import annotations

import math
import warnings
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from sweep.tuning.slots import LOST, REASON, RUN_ID, SECONDS, SLOT, SUPERSEDED, best_of
from sweep.tuning.study import RECIPE_SLOT

if TYPE_CHECKING:
    from optuna import Study
    from optuna.importance import BaseImportanceEvaluator
    from optuna.trial import FrozenTrial
    from pandas import DataFrame

    from sweep.tune_settings import Method, TuneSettings

COMPLETE, PRUNED, FAILED, LOST_STATE = "complete", "pruned", "failed", "lost"
STATES: Final = {"COMPLETE": COMPLETE, "PRUNED": PRUNED, "FAIL": FAILED}
IMPORTANCE_SEED: Final = 0
COLUMNS: Final = ("number", "slot", "state", "value", "epochs", "seconds")
LAST_COLUMNS: Final = ("run_id", "reason")


def study_facts(
    study: Study,
    tune: TuneSettings,
    *,
    epochs: int,
    recipe_epochs: int,
    recipe: Mapping[str, Any],
    stopped: str,
) -> dict[str, Any]:
    """The content of `tune/study.json`: nothing but what JSON has, and no number that is not finite.

    Args:
        study: The cell's study.
        tune: How it was tuned.
        epochs: Length of a trial.
        recipe_epochs: Length of a training by the recipe.
        recipe: The cell's recipe; of it the tuned arguments are kept.
        stopped: What ended the study: `total`, `patience=N` or `budget_min=N`.
    """
    trials = [_trial_facts(trial) for trial in ended_trials(study)]
    best = best_trial(study)
    own: dict[str, Any] = next(
        (each["params"] for each in trials if each["slot"] == RECIPE_SLOT and each["params"]), {}
    )
    return {
        "study": study.study_name,
        "sampler": _method(tune.sampler),
        "pruner": _method(tune.pruner),
        "objective": tune.objective,
        "direction": tune.direction,
        "seed": tune.seed,
        "epochs": epochs,
        "recipe_epochs": recipe_epochs,
        "stopped": stopped,
        "refit": tune.refits(recipe_epochs),
        "space": {name: str(text) for name, text in tune.space.items()},
        "recipe": {name: as_json(recipe.get(name, own.get(name))) for name in tune.space},
        "best": {} if best is None else {name: as_json(value) for name, value in best.params.items()},
        "best_trial": None if best is None else best.number,
        "importance": importance(study),
        "trials": trials,
    }


def ended_trials(study: Study) -> list[FrozenTrial]:
    """The trials that count, by number: ended, and not given up because another one held their slot."""
    return [
        trial
        for trial in sorted(study.get_trials(deepcopy=False), key=lambda trial: trial.number)
        if trial.state.name in STATES and not (trial.state.name == "FAIL" and trial.user_attrs.get(SUPERSEDED))
    ]


def best_trial(study: Study) -> FrozenTrial | None:
    """The complete trial with the best value, of equal ones the earliest; None where no trial is complete."""
    return best_of(ended_trials(study), study.direction.name.lower())


def importance(study: Study) -> dict[str, float]:
    """Share of each parameter in what the complete trials differ by, the greatest first; they sum to 1.

    Empty where it cannot be told: fewer than two complete trials or parameters, or trials that are all equal.
    """
    from optuna.importance import get_param_importances

    complete = [trial for trial in ended_trials(study) if trial.state.name == "COMPLETE"]
    if len(complete) < 2 or len({trial.value for trial in complete}) < 2:
        return {}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = get_param_importances(study, evaluator=importance_evaluator())
    except (ValueError, RuntimeError):  # trials of different spaces
        return {}
    if len(found) < 2 or not all(math.isfinite(share) for share in found.values()):
        return {}
    return {name: float(share) for name, share in found.items()}


def importance_evaluator() -> BaseImportanceEvaluator:
    """Functional ANOVA over a forest with a fixed seed: the same trials give the same shares.

    Source: Hutter, Hoos, Leyton-Brown: An Efficient Approach for Assessing Hyperparameter Importance, ICML 2014.
    """
    from optuna.importance import FanovaImportanceEvaluator

    return FanovaImportanceEvaluator(seed=IMPORTANCE_SEED)


def trials_table(facts: Mapping[str, Any]) -> DataFrame:
    """The trials as `tune/trials.csv` has them, a row each; parameters are columns `recipe.<name>`."""
    import pandas as pd

    tuned = [f"recipe.{name}" for name in facts["space"]]
    rows = [
        {key: value for key, value in trial.items() if key != "params"}
        | {f"recipe.{name}": value for name, value in trial["params"].items()}
        for trial in facts["trials"]
    ]
    return pd.DataFrame(rows, columns=[*COLUMNS, *tuned, *LAST_COLUMNS])


def best_recipe_yaml(recipe: Mapping[str, Any], best: Mapping[str, Any], name: str, comment: str) -> str:
    """The recipe with the best values in it, as the content of a file `conf/recipe/NAME.yaml`.

    Args:
        recipe: The whole recipe.
        best: The best values, by argument.
        name: The new recipe's name.
        comment: What stands above it; each line becomes a comment.
    """
    from omegaconf import OmegaConf

    content = {"name": name} | {key: as_json(value) for key, value in {**recipe, **best}.items() if key != "name"}
    head = "".join(f"# {line}".rstrip() + "\n" for line in comment.splitlines())
    return head + OmegaConf.to_yaml(OmegaConf.create(content))


def study_metrics(facts: Mapping[str, Any]) -> dict[str, float]:
    """The study's figures by their MLflow names; `tune/value` and `tune/best_trial` only where a trial is complete."""
    trials = facts["trials"]
    count = Counter(trial["state"] for trial in trials)
    metrics = {
        "tune/trials": float(count[COMPLETE] + count[PRUNED]),
        "tune/pruned": float(count[PRUNED]),
        "tune/failed": float(count[FAILED]),
        "tune/lost": float(count[LOST_STATE]),
        "tune/epochs": float(sum(trial["epochs"] for trial in trials)),
        "tune/train_s": float(sum(trial["seconds"] or 0.0 for trial in trials)),
    }
    best = next((trial for trial in trials if trial["number"] == facts["best_trial"]), None)
    if best is not None:
        metrics |= {"tune/best_trial": float(best["number"]), "tune/value": float(best["value"])}
    return metrics


def as_json(value: Any) -> Any:
    """A value as JSON can hold it: numbers that are not finite are null, anything unknown its text."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): as_json(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(inner) for inner in value]
    item = getattr(value, "item", None)  # a NumPy number
    return as_json(item()) if callable(item) else str(value)


def _trial_facts(trial: FrozenTrial) -> dict[str, Any]:
    state = STATES[trial.state.name]
    attributes = trial.user_attrs
    if state == FAILED and attributes.get(LOST):
        state = LOST_STATE
    return {
        "number": trial.number,
        "slot": attributes.get(SLOT),
        "state": state,
        "value": as_json(trial.value) if state in {COMPLETE, PRUNED} else None,
        "epochs": len(trial.intermediate_values),
        "seconds": as_json(attributes.get(SECONDS)),
        "params": {name: as_json(value) for name, value in trial.params.items()},
        "run_id": attributes.get(RUN_ID),
        "reason": attributes.get(REASON),
    }


def _method(method: Method) -> dict[str, Any]:
    return {"name": method.name, "arguments": as_json(method.arguments)}
