"""The steps by which a trial is begun or closed, each of them one operation of the storage that one worker wins."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from sweep.tuning.lease import LEASE, Watch, own_lease
from sweep.tuning.slots import LOST, NO_WORD, REASON, SLOT, SUPERSEDED, survey

if TYPE_CHECKING:
    from optuna import Study
    from optuna.storages import BaseStorage
    from optuna.trial import FrozenTrial

FIXED: Final = "fixed_params"  # where Optuna keeps the parameters of an enqueued trial


def begin(study: Study, slot: int, params: Mapping[str, Any]) -> int:
    """Make a running trial, with its slot and its lease; returns its id.

    Optuna's own way is to enqueue it and then to ask for it: a worker that dies in between leaves a trial that another
    one takes over with a dead lease, and two workers may get each other's.

    Args:
        study: The study.
        slot: What it fills.
        params: Those that the sampler is not asked for.
    """
    from optuna.trial import TrialState, create_trial

    trial = create_trial(
        state=TrialState.RUNNING,
        user_attrs={SLOT: slot, LEASE: own_lease()},
        system_attrs={FIXED: dict(params)} if params else {},
    )
    trial.datetime_start = datetime.now()
    return study._storage.create_new_trial(study._study_id, template_trial=trial)


def begin_by_hand(study: Study, trial: FrozenTrial, total: int) -> int | None:
    """Take a trial that was enqueued by hand, and find it a slot; None: another worker has it, or no slot is left.

    It may have a lower number than a trial that another worker puts into the same slot at this moment, and believes to
    hold. So this one has to go elsewhere unless it is alone there; whichever looks last sees the other.
    """
    from optuna.exceptions import UpdateFinishedTrialError
    from optuna.trial import TrialState

    storage, number = study._storage, trial._trial_id
    try:
        if not storage.set_trial_state_values(number, state=TrialState.RUNNING):
            return None
    except UpdateFinishedTrialError:
        return None
    storage.set_trial_user_attr(number, LEASE, own_lease())
    while (slot := survey(study.get_trials(deepcopy=False)).unspoken(total)) is not None:
        storage.set_trial_user_attr(number, SLOT, slot)
        others = (other for other in study.get_trials(deepcopy=False) if other._trial_id != number)
        if not any(other.user_attrs.get(SLOT) == slot and other.state != TrialState.FAIL for other in others):
            return slot
    put_back(study, trial)
    return None


def put_back(study: Study, trial: FrozenTrial) -> None:
    """Close a trial that was enqueued by hand and has no slot, and enqueue its parameters again."""
    if close(study._storage, trial._trial_id, {SUPERSEDED: True}):
        study.enqueue_trial(trial.system_attrs.get(FIXED, {}))


def close(storage: BaseStorage, trial_id: int, attributes: Mapping[str, Any]) -> bool:
    """End a running trial as failed, with what is to be known of it; returns whether it was this call that did it."""
    from optuna.exceptions import UpdateFinishedTrialError
    from optuna.trial import TrialState

    try:
        for name, value in attributes.items():
            storage.set_trial_user_attr(trial_id, name, value)
        storage.set_trial_state_values(trial_id, state=TrialState.FAIL)
    except UpdateFinishedTrialError:
        return False
    return True


def close_dead(
    study: Study,
    storage: BaseStorage,
    watch: Watch,
    on_lost: Callable[[FrozenTrial], None],
    trials: Iterable[FrozenTrial] | None = None,
) -> list[FrozenTrial]:
    """Close the trials of a study whose worker is dead, each of them once, whoever else looks.

    Args:
        study: The study.
        storage: Where it is kept.
        watch: The leases that this process has seen.
        on_lost: Told of each trial after it was closed.
        trials: The study's, where they have just been read.
    """
    known = study.get_trials(deepcopy=False) if trials is None else trials
    running = [trial for trial in known if trial.state.name == "RUNNING"]
    closed = []
    for trial in watch.dead(running):
        if not close(storage, trial._trial_id, {LOST: True, REASON: NO_WORD}):
            continue
        closed.append(trial)
        if SLOT not in trial.user_attrs:  # enqueued by hand, and its worker died before it had a slot
            study.enqueue_trial(trial.system_attrs.get(FIXED, {}))
        on_lost(trial)
    return closed
