"""How the reports say what a study was: its methods, what ended it, the values of parameters."""

from __future__ import annotations

import math
import re
from typing import Any, Final

from sweep.report.cells import number
from sweep.report.data import CellData
from sweep.report.render import Markdown, sentence
from sweep.report.texts import load_texts
from sweep.tracking import names

PART: Final = "tuning"
_DIGITS: Final = 4  # significant ones, of a parameter: all of them are in `tune/best.yaml`

_TINY: Final = 0.001  # a smaller share is told as `<0.1`


def say(name: str, /, **values: Any) -> Markdown:
    """Return a text of the part `tuning` with values put in. Raises KeyError where one of them is missing."""
    return sentence(load_texts(PART), name, **values)


def study_told(cell: CellData) -> Markdown:
    """Return how a cell was tuned: sampler, pruner, objective, length of a trial."""
    return say(
        "study",
        sampler=_method(cell, "samplers", names.TUNE_SAMPLER),
        pruner=_method(cell, "pruners", names.TUNE_PRUNER),
        objective=objective(cell),
        epochs=cell.tags.get(names.TUNE_EPOCHS_TAG) or say("unknown"),
    )


def objective(cell: CellData) -> str | Markdown:
    """Return what the objective of a cell is called."""
    metric = cell.tags.get(names.TUNE_OBJECTIVE) or (cell.study.objective if cell.study else "")
    return objective_name(metric) if metric else say("unknown")


def objective_name(metric: str) -> str:
    """Return what a metric of the epochs is called; its own name where nothing is known of it."""
    texts = load_texts("figures")
    return str({**texts["metrics"], **texts["losses"]}.get(metric, metric))


def stopped(cell: CellData) -> str | Markdown:
    """Return what ended the study of a cell."""
    told = cell.tags.get(names.TUNE_STOPPED, "")
    kind, _, amount = told.partition("=")
    if kind not in load_texts(PART)["stopped"]:
        return told or say("unknown")
    return say(f"stopped.{kind}", trials=amount, minutes=amount)


def trial_epochs(cell: CellData) -> int | None:
    """Return how many epochs a trial of a cell has at most; None where its run does not tell."""
    return _whole(cell.tags.get(names.TUNE_EPOCHS_TAG, ""))


def recipe_epochs(cell: CellData) -> int | None:
    """Return how many epochs the recipe of a cell has; None where its run does not tell."""
    return _whole(cell.text(f"{names.RECIPE_PREFIX}epochs"))


def was_refit(cell: CellData) -> bool:
    """Whether the best parameters of a cell were trained again in the recipe's length."""
    return cell.tags.get(names.TUNE_REFIT, "").lower() == "true"


def parameter(value: Any) -> str | Markdown:
    """Return the value of a parameter with four significant digits; whole numbers, words and truth values as they are.

    A value that is None is Ultralytics' default.
    """
    if value is None:
        return say("default")
    text = str(value)
    try:
        amount = float(text)
    except ValueError:
        return text
    if not math.isfinite(amount) or re.fullmatch(r"[+-]?\d+", text):
        return text
    return f"{amount:.{_DIGITS}g}"


def share(amount: float) -> Markdown:
    """Return a share of 0 to 1 as whole percent."""
    return say("share", percent=percent(amount))


def percent(amount: float) -> str:
    """Return a share of 0 to 1 in percent, without a sign."""
    if 0 < amount < _TINY:
        return f"<{100 * _TINY}"
    return number(100 * amount, 0 if amount == 0 or amount >= 10 * _TINY else 1)


def _method(cell: CellData, kind: str, tag: str) -> str | Markdown:
    """What a sampler or a pruner is called, however its name is written (`tpe`, `TPESampler`)."""
    told = cell.tags.get(tag, "").strip()
    known: dict[str, str] = load_texts(PART)[kind]
    short = re.sub(r"(sampler|pruner)$", "", re.sub(r"[^a-z]", "", told.lower()))
    return Markdown(known[short]) if short in known else told or say("unknown")


def _whole(text: str) -> int | None:
    return int(text) if re.fullmatch(r"[0-9]{1,9}", text) else None
