"""Whether a finished cell was tuned as far as is asked for now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from sweep.tracking import names

if TYPE_CHECKING:
    from sweep.tune_settings import TuneSettings

TOTAL = "total"


def patience_text(trials: int) -> str:
    """What is kept of a study that stopped because nothing improved in that many trials."""
    return f"patience={trials}"


def budget_text(minutes: float) -> str:
    """What is kept of a study that stopped because it had used its minutes."""
    return f"budget_min={minutes:g}"


def tuned_enough(tags: Mapping[str, str], tune: TuneSettings | None, recipe_epochs: int) -> bool:
    """Whether the run of a finished cell has the trials, and the refit, that the settings ask for.

    A study that `tune.patience` or `tune.budget_min` has stopped has them as long as that setting stays.
    """
    if tune is None:
        return True
    ended = tags.get(names.TUNE_ENDED, "")
    stopped = {patience_text(tune.patience)} if tune.patience is not None else set()
    stopped |= {budget_text(tune.budget_min)} if tune.budget_min is not None else set()
    tuned = (ended.isdigit() and int(ended) >= tune.trials) or tags.get(names.TUNE_STOPPED) in stopped
    return tuned and (not tune.refits(recipe_epochs) or tags.get(names.TUNE_REFIT) == "true")
