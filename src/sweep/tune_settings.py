"""What the user asks of tuning: the `tune` node of the config, read and checked as far as it needs no Optuna."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from sweep.errors import SweepError

NAME = "name"
OFF = "none"
SWEEP_WIDE = frozenset(  # how long and where: they decide no result of a trial, so cells cannot differ by them
    f"tune.{key}" for key in ("trials", "workers", "storage", "patience", "budget_min", "refit")
)
MAXIMIZED = ("metrics/precision", "metrics/recall", "metrics/mAP50", "metrics/mAP50-95")
MINIMIZED = ("val/box_loss", "val/cls_loss", "val/dfl_loss", "train/box_loss", "train/cls_loss", "train/dfl_loss")
MAX_SEED = 2**32 - 1


@dataclass(frozen=True)
class Method:
    """A sampler or a pruner: its name and the arguments of Optuna's class."""

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class TuneSettings:
    """How a cell is tuned.

    Attributes:
        space: what is tuned: by the recipe's argument, without `recipe.`, a text in Hydra's sweep grammar.
        trials: how many trials end, complete or pruned.
        workers: jobs that take trials of one cell side by side.
        epochs: length of a trial; None: that of the recipe.
        objective: a per-epoch metric by its MLflow name.
        sampler: what proposes parameters.
        pruner: what stops a trial early.
        seed: of the sampler.
        warm_start: whether the best parameters of finished sibling cells are tried first.
        patience: stop after that many trials without an improvement; None: never.
        budget_min: stop taking trials after that many minutes of the cell's tuning; None: never.
        refit: whether the best parameters are trained again with the recipe's length, where trials were shorter.
        storage: a database's URL, or a journal file; None: the journal in home.
    """

    space: Mapping[str, Any]
    trials: int
    workers: int
    epochs: int | None
    objective: str
    sampler: Method
    pruner: Method
    seed: int
    warm_start: bool
    patience: int | None
    budget_min: float | None
    refit: bool
    storage: str | None

    @property
    def direction(self) -> Literal["maximize", "minimize"]:
        """`maximize` or `minimize`, as Optuna calls it."""
        return "minimize" if self.objective in MINIMIZED else "maximize"

    def shortened(self, recipe_epochs: int) -> bool:
        """Whether a trial is shorter than the recipe."""
        return self.epochs is not None and self.epochs < recipe_epochs

    def refits(self, recipe_epochs: int) -> bool:
        """Whether the best parameters are trained once more, with the recipe's length."""
        return self.refit and self.shortened(recipe_epochs)

    def identity(self) -> dict[str, Any]:
        """What of it decides a cell's result, for the cell's key: not how many trials there are, nor where."""
        return {
            "space": {name: self.space[name] for name in sorted(self.space)},
            "epochs": self.epochs,
            "objective": self.objective,
            "sampler": [self.sampler.name, dict(self.sampler.arguments)],
            "pruner": [self.pruner.name, dict(self.pruner.arguments)],
            "seed": self.seed,
            "warm_start": self.warm_start,
        }


def read_tune_settings(content: object) -> TuneSettings | None:
    """Read the `tune` node; None where tuning is off, or where there is no such node.

    Raises:
        SweepError: With every value that is not of its kind.
    """
    if content is None:
        return None
    if not isinstance(content, Mapping):
        raise SweepError(f"tune={content} is not understood. Use tune=optuna, or tune=none.")
    if content.get(NAME) == OFF:
        return None
    problems = [
        *_whole(content, "trials", 1),
        *_whole(content, "workers", 1),
        *_whole(content, "epochs", 1, optional=True),
        *_whole(content, "patience", 1, optional=True),
        *_whole(content, "seed", 0, most=MAX_SEED),
        *(
            f"tune.{key}={content.get(key)} must be true or false."
            for key in ("warm_start", "refit")
            if not isinstance(content.get(key), bool)
        ),
    ]
    budget = content.get("budget_min")
    if budget is not None and not (_is_number(budget) and math.isfinite(budget) and budget > 0):
        problems.append(f"tune.budget_min={budget} must be a number of minutes above 0, or null for no limit.")
    objective = content.get("objective")
    if objective not in (*MAXIMIZED, *MINIMIZED):
        choices = ", ".join((*MAXIMIZED, *MINIMIZED))
        problems.append(f"tune.objective={objective} is no metric of an epoch. Choices: {choices}.")
    methods = {}
    for key in ("sampler", "pruner"):
        methods[key] = _method(content.get(key))
        if methods[key] is None:
            problems.append(f"tune.{key}={content.get(key)} must be a name, or a mapping with `name` and arguments.")
    space = _flat_space(content.get("space"))
    if not space:
        problems.append("tune.space is empty: nothing would be tuned. Add a line such as lr0: interval(0.001, 0.01).")
    storage = content.get("storage")
    if storage is not None and not (isinstance(storage, str) and storage.strip()):
        problems.append(f"tune.storage={storage} must be the URL of a database, a path, or null.")
    if problems:
        raise SweepError(*problems)
    return TuneSettings(
        space=space,
        trials=content["trials"],
        workers=content["workers"],
        epochs=content.get("epochs"),
        objective=str(objective),
        sampler=methods["sampler"] or Method(""),
        pruner=methods["pruner"] or Method(""),
        seed=content["seed"],
        warm_start=content["warm_start"],
        patience=content.get("patience"),
        budget_min=None if budget is None else float(budget),
        refit=content["refit"],
        storage=storage,
    )


def _flat_space(content: object) -> dict[str, Any]:
    """The space by argument: `recipe.lr0` and `recipe: {lr0: …}` are both `lr0`; null takes an argument out."""
    if not isinstance(content, Mapping):
        return {}
    flat: dict[str, Any] = {}
    for name, value in content.items():
        if isinstance(value, Mapping):
            flat |= {f"{name}.{key}": inner for key, inner in value.items()}
        else:
            flat[str(name)] = value
    return {name.removeprefix("recipe."): value for name, value in flat.items() if value is not None}


def _method(content: object) -> Method | None:
    if isinstance(content, str):
        return Method(content)
    if isinstance(content, Mapping) and isinstance(content.get(NAME), str):
        return Method(content[NAME], {str(key): value for key, value in content.items() if key != NAME})
    return None


def _whole(
    content: Mapping[str, Any], key: str, least: int, most: float = math.inf, *, optional: bool = False
) -> list[str]:
    value = content.get(key)
    if value is None and optional:
        return []
    if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
        return []
    limits = f"at least {least}" if math.isinf(most) else f"{least} to {most}"
    return [f"tune.{key}={value} must be a whole number: {limits}{', or null' if optional else ''}."]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
