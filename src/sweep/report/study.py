"""A study of a cell as its file `tune/study.json` tells it: read leniently, for a report never fails over it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sweep.report.data import CellData
from sweep.tracking import names

COMPLETE: Final = "complete"
PRUNED: Final = "pruned"
FAILED: Final = "failed"
ENDED: Final = (COMPLETE, PRUNED)
MINIMIZE: Final = "minimize"


@dataclass(frozen=True)
class Trial:
    """A trial.

    Attributes:
        number: Optuna's, from 0.
        slot: the place that it took; slot 0 is the recipe as it is.
        state: complete, pruned, failed or lost.
        value: of the objective; of a pruned one as far as it came. None where it has none.
        epochs: that it trained.
        reason: why it failed.
    """

    number: int
    slot: int | None
    state: str
    value: float | None
    epochs: int | None = None
    reason: str | None = None


@dataclass(frozen=True)
class Study:
    """A study. What the file does not tell, or tells as something else, is None or empty.

    Attributes:
        objective: a per-epoch metric by its MLflow name.
        minimize: whether less of it is better.
        space: the texts of the search space by parameter.
        recipe: the parameters' values in the recipe.
        best: their values in the best trial.
        importance: shares by parameter.
        trials: by number.
    """

    objective: str = ""
    minimize: bool = False
    best_trial: int | None = None
    space: Mapping[str, str] = field(default_factory=dict)
    recipe: Mapping[str, Any] = field(default_factory=dict)
    best: Mapping[str, Any] = field(default_factory=dict)
    importance: Mapping[str, float] = field(default_factory=dict)
    trials: tuple[Trial, ...] = ()

    @property
    def recipe_value(self) -> float | None:
        """The objective of the recipe as it is: of the complete trial in slot 0."""
        own = (trial.value for trial in self.trials if trial.slot == 0 and trial.state == COMPLETE)
        return next((value for value in own if value is not None), None)

    @property
    def improvements(self) -> tuple[Trial, ...]:
        """The complete trials that were better than all before them, the first one included."""
        found: list[Trial] = []
        for trial in self.trials:
            if trial.state == COMPLETE and trial.value is not None:
                before = found[-1].value if found else None
                if before is None or (trial.value < before if self.minimize else trial.value > before):
                    found.append(trial)
        return tuple(found)


def parse_study(content: object) -> Study | None:
    """Return a study of the content of its file; None where that is no study at all."""
    if not isinstance(content, Mapping):
        return None
    listed = content.get("trials")
    trials = [trial for entry in listed if (trial := _trial(entry))] if isinstance(listed, list) else []
    space, importance = _mapping(content.get("space")), _mapping(content.get("importance"))
    study = Study(
        objective=_text(content.get("objective")),
        minimize=content.get("direction") == MINIMIZE,
        best_trial=_whole(content.get("best_trial")),
        space={name: str(value) for name, value in space.items()},
        recipe=_mapping(content.get("recipe")),
        best=_mapping(content.get("best")),
        importance={name: share for name, value in importance.items() if (share := _number(value)) is not None},
        trials=tuple(sorted({trial.number: trial for trial in trials}.values(), key=lambda trial: trial.number)),
    )
    return None if study == Study() else study


def is_tuned(cell: CellData) -> bool:
    """Whether a cell has figures of a study."""
    return any(cell.number(metric) is not None for metric in names.TUNE_METRICS)


def recipe_won(cell: CellData) -> bool:
    """Whether no trial of a tuned cell was better than the recipe: its best trial is that of slot 0.

    Where the study was not read: whether recipe and best trial have the same figures.
    """
    best = cell.number("tune/best_trial")
    slots = {trial.number: trial.slot for trial in cell.study.trials} if cell.study else {}
    if best in slots:
        return slots[int(best)] == 0
    figures = [(cell.number(metric), cell.number(names.TUNE_TUNED[name])) for name, metric in names.TUNE_RECIPE.items()]
    return all(before is not None and before == after for before, after in figures)


def best_parameters(cell: CellData) -> dict[str, Any]:
    """Return the best parameters of a cell, by the tags of its run, else by its study: in the study's order, by name.

    Values of tags are text.
    """
    prefix = names.TUNE_BEST_TAG_PREFIX
    told = {tag.removeprefix(prefix): value for tag, value in sorted(cell.tags.items()) if tag.startswith(prefix)}
    own = dict(cell.study.best) if cell.study else {}
    ordered = [*(name for name in own if name in told or not told), *(name for name in told if name not in own)]
    return {name: told.get(name, own.get(name)) for name in ordered}


def recipe_value(cell: CellData, name: str) -> Any:
    """Return what the recipe has for a parameter: by the study, else by the run; None where neither tells."""
    told = cell.study.recipe.get(name) if cell.study else None
    return told if told is not None else cell.text(f"{names.RECIPE_PREFIX}{name}") or None


def _trial(content: object) -> Trial | None:
    if not isinstance(content, Mapping) or (number := _whole(content.get("number"))) is None:
        return None
    reason = content.get("reason")
    return Trial(
        number,
        _whole(content.get("slot")),
        _text(content.get("state")),
        _number(content.get("value")),
        _whole(content.get("epochs")),
        None if reason is None else str(reason),
    )


def _mapping(content: object) -> dict[str, Any]:
    return {str(key): value for key, value in content.items()} if isinstance(content, Mapping) else {}


def _text(content: object) -> str:
    return content if isinstance(content, str) else ""


def _number(content: object) -> float | None:
    if isinstance(content, bool) or not isinstance(content, int | float):
        return None
    try:
        return float(content) if math.isfinite(content) else None
    except OverflowError:  # an integer of hundreds of digits
        return None


def _whole(content: object) -> int | None:
    number = _number(content)
    return int(number) if number is not None and number == int(number) and 0 <= number < 1e9 else None
