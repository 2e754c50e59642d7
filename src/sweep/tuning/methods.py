"""Optuna's samplers and pruners by name, with the arguments that are plain values."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING

from sweep.errors import SweepError, in_one_line
from sweep.tune_settings import Method, TuneSettings

if TYPE_CHECKING:
    from optuna.pruners import BasePruner
    from optuna.samplers import BaseSampler

    from sweep.tuning.space import Parameter

SAMPLERS = {
    "tpe": "TPESampler",
    "cmaes": "CmaEsSampler",
    "gp": "GPSampler",
    "random": "RandomSampler",
    "qmc": "QMCSampler",
}
PRUNERS = {
    "hyperband": "HyperbandPruner",
    "median": "MedianPruner",
    "percentile": "PercentilePruner",
    "successive_halving": "SuccessiveHalvingPruner",
    "threshold": "ThresholdPruner",
    "wilcoxon": "WilcoxonPruner",
    "none": "NopPruner",
}
REFUSED = {
    "grid": "grid search is what the axes of a sweep do: recipe.lr0=0.001,0.01",
    "patient": "it wraps another pruner, which no plain value can name; tune.patience=N stops a whole study",
}
PACKAGES = {"cmaes": "cmaes"}  # that Optuna itself does not install
HALVING = ("hyperband", "successive_halving")
# Before a third of a trial its rank says little of its end (docs/benchmarks.md), so that is where the first decision is
# made; a quarter of the trials then go on, so that there is no second one.
THIRD, GO_ON = 3, 4
TYPES: Mapping[str, tuple[type, ...]] = {
    "int": (int,),
    "float": (int, float),
    "bool": (bool,),
    "str": (str,),
    "None": (type(None),),
}
REHEARSED = 12  # trials at most of a rehearsal


def method_problems(tune: TuneSettings) -> list[str]:
    """What is wrong with the sampler and the pruner, each as a sentence."""
    problems = [
        *_problems("sampler", tune.sampler, SAMPLERS),
        *_problems("pruner", tune.pruner, PRUNERS),
    ]
    if problems:
        return problems
    space = _readable_space(tune)
    return _cmaes_problems(tune, space) or _rehearsal_problems(tune, space)


def make_sampler(tune: TuneSettings, seed: int) -> BaseSampler:
    """The sampler of a worker.

    Args:
        tune: Checked by `method_problems`.
        seed: Of this worker, so that workers side by side draw different values.
    """
    import optuna

    name, arguments = tune.sampler.name, dict(tune.sampler.arguments)
    if name == "tpe":
        arguments.setdefault("constant_liar", True)  # workers run side by side: keep away from what runs already
    if name == "qmc":  # all workers take their points from one sequence
        arguments |= {"independent_sampler": optuna.samplers.RandomSampler(seed=seed)}
        seed = tune.seed
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # Optuna's ExperimentalWarning is a UserWarning
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        sampler: BaseSampler = getattr(optuna.samplers, SAMPLERS[name])(seed=seed, **arguments)
    return sampler


def make_pruner(tune: TuneSettings, epochs: int) -> BasePruner:
    """The pruner of a study.

    Args:
        tune: Checked by `method_problems`.
        epochs: Length of a trial. Hyperband and successive halving decide after a third of it.
    """
    import optuna

    name, arguments = tune.pruner.name, dict(tune.pruner.arguments)
    if name in HALVING:
        arguments.setdefault("min_resource", first_decision(epochs))
        arguments.setdefault("reduction_factor", GO_ON)
    if name == "hyperband":
        arguments.setdefault("max_resource", epochs)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        pruner: BasePruner = getattr(optuna.pruners, PRUNERS[name])(**arguments)
    return pruner


def first_decision(epochs: int) -> int:
    """After which epoch halving prunes first; one of a single epoch has nothing to decide."""
    return -(-epochs // THIRD)


def _problems(kind: str, method: Method, known: Mapping[str, str]) -> list[str]:
    """A wrong name, or wrong arguments, before anything is made."""
    from sweep.overrides import nearest

    name = method.name
    if name in REFUSED:
        return [f"tune.{kind}={name} is not possible: {REFUSED[name]}. Choices: {', '.join(known)}."]
    if name not in known:
        return [f"There is no {kind} `{name}`.{nearest(name, list(known))} Choices: {', '.join(known)}."]
    package = PACKAGES.get(name)
    if package and find_spec(package) is None:
        return [f"tune.{kind}={name} needs the package {package}: pip install {package}."]
    plain = _arguments(kind, known[name])
    problems = []
    for argument, value in method.arguments.items():
        place = f"tune.{kind}.{argument}"
        if argument == "seed":
            problems.append(f"{place} is not for the command line: use tune.seed={value}.")
        elif argument not in plain:
            takes = f"Arguments: {', '.join(plain)}." if plain else f"{name} takes no arguments."
            problems.append(f"{place} is no argument of {name}.{nearest(argument, list(plain))} {takes}")
        elif not _has_type(value, plain[argument]):
            problems.append(f"{place}={value} has the wrong type: {name} takes {_type_text(plain[argument])}.")
    needed = [
        argument
        for argument, parameter in plain.items()
        if parameter.default is inspect.Parameter.empty and argument not in method.arguments
    ]
    return problems + [f"tune.{kind}={name} needs tune.{kind}.{argument}=…" for argument in needed]


def _arguments(kind: str, class_name: str) -> dict[str, inspect.Parameter]:
    """The arguments of a class that a config can give: no functions, no samplers."""
    import optuna

    found = getattr(getattr(optuna, f"{kind}s"), class_name)
    return {
        name: parameter
        for name, parameter in inspect.signature(found).parameters.items()
        if parameter.kind not in {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD}
        and name != "seed"
        and set(_type_names(parameter)) <= set(TYPES)
    }


def _type_text(parameter: inspect.Parameter) -> str:
    annotation = parameter.annotation
    return annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)


def _type_names(parameter: inspect.Parameter) -> list[str]:
    return [part.strip() for part in _type_text(parameter).split("|")]


def _has_type(value: object, parameter: inspect.Parameter) -> bool:
    allowed = tuple(kind for name in _type_names(parameter) for kind in TYPES[name])
    return isinstance(value, allowed) and (bool in allowed or not isinstance(value, bool))


def _readable_space(tune: TuneSettings) -> tuple[Parameter, ...]:
    from sweep.tuning.space import read_space

    try:
        return read_space(tune.space)
    except SweepError:  # told by the check of the space itself
        return ()


def _cmaes_problems(tune: TuneSettings, space: tuple[Parameter, ...]) -> list[str]:
    if tune.sampler.name != "cmaes" or not space:
        return []
    choices = [f"tune.space.{parameter.name}" for parameter in space if parameter.kind == "choice"]
    if choices:
        return [
            f"tune.sampler=cmaes would draw {', '.join(choices)} at random: CMA-ES knows numbers only. "
            "Give a range of numbers, take it out with null, or use tune.sampler=tpe."
        ]
    if len(space) == 1:
        return [
            "tune.sampler=cmaes needs at least two parameters; a single one would be drawn at random. "
            "Add another one to tune.space, or use tune.sampler=tpe."
        ]
    return []


def _rehearsal_problems(tune: TuneSettings, space: tuple[Parameter, ...]) -> list[str]:
    """What Optuna itself refuses: a small study in memory finds it, which constructors alone do not."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    epochs = tune.epochs or 4 * THIRD
    least = tune.pruner.arguments.get("min_resource")
    if isinstance(least, int) and tune.epochs is not None and least > tune.epochs:
        return [f"tune.pruner.min_resource={least} is longer than a trial of {tune.epochs} epochs. Lower it."]
    for kind, method in (("pruner", tune.pruner), ("sampler", tune.sampler)):
        try:
            if kind == "pruner":
                _rehearse(optuna.samplers.RandomSampler(seed=0), make_pruner(tune, epochs), space, epochs)
            else:
                sampler = make_sampler(tune, tune.seed)
                if method.name != "gp":  # it would import torch
                    _rehearse(sampler, optuna.pruners.NopPruner(), space, epochs)
        except Exception as error:  # whatever a sampler raises for a value that it cannot use
            given = ", ".join(f"{key}={value}" for key, value in method.arguments.items())
            return [f"tune.{kind}={method.name} cannot work with {given or 'this space'}: {in_one_line(error)}"]
    return []


def _rehearse(sampler: BaseSampler, pruner: BasePruner, space: tuple[Parameter, ...], epochs: int) -> None:
    import optuna

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        study = optuna.create_study(sampler=sampler, pruner=pruner)
        for number in range(REHEARSED):
            trial = study.ask({parameter.name: parameter.distribution() for parameter in space})
            for epoch in sorted({1, first_decision(epochs), epochs}):
                trial.report(float(number), epoch)
                trial.should_prune()
            study.tell(trial, float(number))
