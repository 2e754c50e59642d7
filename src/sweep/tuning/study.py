"""The study of a cell as its workers share it: take a trial, close those of dead workers, know when to stop."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sweep.tuning.away import OUTAGES, patiently
from sweep.tuning.claims import FIXED, begin, begin_by_hand, close, close_dead
from sweep.tuning.done import TOTAL, budget_text, patience_text
from sweep.tuning.lease import RENEW_S, Watch, give_up
from sweep.tuning.slots import REASON, SECONDS, SLOT, SUPERSEDED, Survey, best_of, improvement, seed_of, survey

if TYPE_CHECKING:
    from optuna import Study
    from optuna.storages import BaseStorage
    from optuna.trial import FrozenTrial, Trial

    from sweep.tune_settings import TuneSettings
    from sweep.tuning.space import Parameter

RECIPE_SLOT: Final = 0
LEAST_ERRORS: Final = 3  # a cell is given up when more trials fail than end, and at least that many
WARM_START: Final = "warm_start"
HOPELESS: Final = "hopeless"  # why the study was given up
FORGIVEN: Final = "forgiven"  # errors of trials up to that number no longer count: the cell is tried again
ALONE_S: Final = 60.0  # for the lock; a worker takes a trial in far less

log = logging.getLogger(__name__)


class TuningFailed(RuntimeError):
    """A study that cannot be brought to its total: the recipe, or most of what is proposed, cannot be trained."""


@dataclass(frozen=True)
class Taken:
    """A trial that this worker has taken, with its parameters by argument."""

    trial: Trial
    slot: int
    params: dict[str, Any]

    @property
    def number(self) -> int:
        """The trial's number in its study."""
        return int(self.trial.number)

    @property
    def prunable(self) -> bool:
        """Whether it may be pruned: all but the recipe itself, with which tuned figures are compared."""
        return self.slot != RECIPE_SLOT


@dataclass
class CellStudy:
    """A study under way.

    Attributes:
        study: Optuna's.
        storage: where it is kept.
        tune: the settings.
        parameters: the space.
        recipe: the recipe's own value of each parameter.
        lock: a file; workers that see it take trials one after the other. Without it they still agree (see `slots`).
        on_lost: told of each trial that was closed because its worker died.
        watch: the leases seen so far.
    """

    study: Study
    storage: BaseStorage
    tune: TuneSettings
    parameters: Sequence[Parameter]
    recipe: Mapping[str, Any]
    lock: Path
    on_lost: Callable[[FrozenTrial], None] = lambda trial: None
    watch: Watch = field(default_factory=Watch)

    def survey(self) -> Survey:
        """What its trials are by now."""
        return survey(patiently(self._trials))

    def best(self, now: Survey | None = None) -> FrozenTrial | None:
        """The best complete trial; of equal ones the first."""
        return best_of((now or self.survey()).ended, self.tune.direction)

    def take(self) -> Taken | None:
        """Take the next trial; None when there is none to take: all are under way or ended, or tuning was stopped.

        Raises:
            TuningFailed: Too many trials ended by an error.
        """
        while True:
            with self._alone():
                claimed = self._claim()
            if claimed is None:
                return None
            trial, slot = claimed
            self.watch.held.add(trial._trial_id)
            try:
                return Taken(trial, slot, {item.name: self._suggest(trial, item) for item in self.parameters})
            except BaseException:  # of a sampler, or an interruption: this process may live on
                give_up(self.storage, trial._trial_id)
                raise

    def _claim(self) -> tuple[Trial, int] | None:
        """A running trial that holds its slot; None: there is none to take."""
        while True:
            trials = self._trials()
            if close_dead(self.study, self.storage, self.watch, self.on_lost, trials):
                trials = self._trials()
            now = survey(trials)
            slot = self._next(now)
            if slot is None:
                return None
            waiting = next((trial for trial in trials if trial.state.name == "WAITING"), None)
            if waiting is not None and slot != RECIPE_SLOT and now.unspoken(self.tune.trials) is not None:
                if self._is_possible(waiting):
                    given = begin_by_hand(self.study, waiting, self.tune.trials)
                    if given is not None:
                        return self._trial(waiting._trial_id, given, now), given
                continue
            trial_id = begin(self.study, slot, self._given(slot, now))
            holder = self.survey().holders.get(slot)
            if holder is not None and holder._trial_id == trial_id:
                return self._trial(trial_id, slot, now), slot
            close(self.storage, trial_id, {SUPERSEDED: True})

    def _next(self, now: Survey) -> int | None:
        """The slot to be filled next; None: all are held, or tuning was stopped."""
        if len(now.ended) >= self.tune.trials:
            return None
        self._give_up_if_hopeless(now)
        return None if self.stopped(now) is not None else now.free(self.tune.trials)

    def _trial(self, trial_id: int, slot: int, now: Survey) -> Trial:
        """Optuna's trial of that id, for which a sampler of its own draws."""
        from optuna.trial import Trial

        from sweep.tuning.methods import make_sampler

        self.study.sampler = make_sampler(self.tune, seed_of(self.tune.seed, slot, now.given_up(slot)))
        self.study._thread_local.cached_all_trials = None  # as `Study.ask` does
        return Trial(self.study, trial_id)

    def _suggest(self, trial: Trial, parameter: Parameter) -> Any:
        return patiently(lambda: parameter.suggest(trial))

    def _trials(self) -> list[FrozenTrial]:
        """All trials, as they are now. A storage that lets this process wait lets others wait with their leases."""
        began = time.monotonic()
        trials = self.study.get_trials(deepcopy=False)
        if time.monotonic() - began > RENEW_S:
            OUTAGES.note()
        return trials

    def _is_possible(self, waiting: FrozenTrial) -> bool:
        """Whether a trial that was enqueued by hand fits the space; one that does not is closed with the reason."""
        fixed = waiting.system_attrs.get(FIXED, {})
        wrong = [item.name for item in self.parameters if item.name in fixed and not item.contains(fixed[item.name])]
        if wrong:
            texts = ", ".join(f"{name}={fixed[name]}" for name in wrong)
            log.warning("Trial %d was enqueued with %s, which is outside tune.space", waiting.number, texts)
            close(self.storage, waiting._trial_id, {REASON: f"it was enqueued with {texts}, outside tune.space"})
        return not wrong

    def close_lost(self) -> list[FrozenTrial]:
        """Close the trials whose worker is dead; each is closed, and told, by one of those who see it."""
        return close_dead(self.study, self.storage, self.watch, self.on_lost)

    def stopped(self, now: Survey | None = None) -> str | None:
        """Why no further trial is to be taken: `total`, `patience=5` or `budget_min=10`; None: go on.

        Only the total stops a study in which the recipe itself has neither ended nor is under way.
        """
        now = now or self.survey()
        if len(now.ended) >= self.tune.trials:
            return TOTAL
        if RECIPE_SLOT not in now.holders:
            return None
        patience, budget = self.tune.patience, self.tune.budget_min
        if patience is not None and improvement(now.ended, self.tune.direction) >= patience:
            return patience_text(patience)
        used = sum(trial.user_attrs.get(SECONDS, 0.0) for trial in (*now.ended, *now.errors))
        return budget_text(budget) if budget is not None and used >= budget * 60 else None

    def _given(self, slot: int, now: Survey) -> dict[str, Any]:
        """The parameters that a slot has without the sampler: the recipe's, those of a lost trial, or a sibling's."""
        if slot == RECIPE_SLOT:
            return dict(self.recipe)
        names = {parameter.name for parameter in self.parameters}
        for trial in reversed(now.to_repeat(slot)):
            if set(trial.params) == names:
                return dict(trial.params)
            if FIXED in trial.system_attrs:
                return dict(trial.system_attrs[FIXED])
        siblings = self.study.user_attrs.get(WARM_START) or []
        return dict(siblings[slot - 1]) if slot <= len(siblings) and not now.given_up(slot) else {}

    def forgive(self) -> None:
        """Let the errors so far count no longer against the study."""
        self.study.set_user_attr(HOPELESS, None)
        trials = self.study.get_trials(deepcopy=False)
        self.study.set_user_attr(FORGIVEN, max((trial.number for trial in trials), default=-1))

    def _give_up_if_hopeless(self, now: Survey) -> None:
        """Raise what any worker has found before: a trial that ends well after it makes nothing good."""
        reason = self.study.user_attrs.get(HOPELESS)
        if reason is None:
            reason = self._hopeless(now)
            if reason is None:
                return
            self.study.set_user_attr(HOPELESS, reason)
        raise TuningFailed(reason)

    def _hopeless(self, now: Survey) -> str | None:
        forgiven = self.study.user_attrs.get(FORGIVEN, -1)
        errors = [trial for trial in now.errors if trial.number > forgiven]
        recipe = next((trial for trial in errors if trial.user_attrs[SLOT] == RECIPE_SLOT), None)
        if recipe is not None:
            return f"the recipe itself, trial 0, cannot be trained: {recipe.user_attrs.get(REASON)}"
        if len(errors) < LEAST_ERRORS or len(errors) <= len(now.ended):
            return None
        last = errors[-1].user_attrs.get(REASON)
        return f"{len(errors)} trials failed and {len(now.ended)} ended; the last: {last}"

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        from filelock import FileLock, Timeout

        self.lock.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.lock)
        with contextlib.suppress(Timeout):  # held by a worker that was stopped: they agree without it
            lock.acquire(ALONE_S)
        try:
            yield
        finally:
            lock.release()
