"""The slots of a study: `tune.trials` places, each of which must end complete or pruned, exactly once.

A trial names its slot. The holder of a slot is its trial of the lowest number that has not failed. Optuna numbers
trials in one order that all workers see, and a failed trial stays failed; so whoever looks sees the same holder, and
two workers that fill a slot at the same moment agree on which of their trials counts, without any lock.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

SLOT: Final = "slot"
LOST: Final = "lost"  # failed because its worker died
SUPERSEDED: Final = "superseded"  # failed because another trial holds its slot
REASON: Final = "reason"
NO_WORD: Final = "its worker died without a word"
RUN_ID: Final = "run_id"
SECONDS: Final = "seconds"
MOST_LOSSES: Final = 3  # of workers with the same parameters, which may be what kills them: then others are proposed


@dataclass(frozen=True)
class Survey:
    """The trials of a study by what they are to its slots.

    Attributes:
        holders: by slot, the trial that holds it.
        failed: by slot, the trials that an error ended.
        lost: by slot, the trials whose worker died.
    """

    holders: Mapping[int, FrozenTrial]
    failed: Mapping[int, Sequence[FrozenTrial]]
    lost: Mapping[int, Sequence[FrozenTrial]]

    @property
    def ended(self) -> list[FrozenTrial]:
        """The trials that ended complete or pruned, by number."""
        ended = [trial for trial in self.holders.values() if trial.state.is_finished()]
        return sorted(ended, key=lambda trial: trial.number)

    @property
    def complete(self) -> list[FrozenTrial]:
        """The trials that ended complete, by number."""
        return [trial for trial in self.ended if trial.state.name == "COMPLETE"]

    @property
    def running(self) -> list[FrozenTrial]:
        """The trials under way."""
        return [trial for trial in self.holders.values() if trial.state.name == "RUNNING"]

    @property
    def errors(self) -> list[FrozenTrial]:
        """The trials that an error ended, by number."""
        return sorted((trial for trials in self.failed.values() for trial in trials), key=lambda trial: trial.number)

    def free(self, total: int) -> int | None:
        """The lowest slot that no trial holds; None where as many as the total are held, also beyond it."""
        if len(self.holders) >= total:
            return None
        return next((slot for slot in range(total) if slot not in self.holders), None)

    def given_up(self, slot: int) -> int:
        """How many proposals for a slot were given up: after an error, and after each few workers died with one."""
        return len(self.failed.get(slot, ())) + len(self.lost.get(slot, ())) // MOST_LOSSES

    def to_repeat(self, slot: int) -> Sequence[FrozenTrial]:
        """The lost trials of a slot whose parameters are to be tried again: none that were given up."""
        last_error = max((trial.number for trial in self.failed.get(slot, ())), default=-1)
        lost = [trial for trial in self.lost.get(slot, ()) if trial.number > last_error]
        return lost[len(lost) // MOST_LOSSES * MOST_LOSSES :]

    def unspoken(self, total: int) -> int | None:
        """The slot for a trial that was enqueued by hand, or None.

        It is the last free one, since the first ones may have parameters of their own, and neither the recipe's nor
        that of a lost trial.
        """
        if self.free(total) is None:
            return None
        taken = self.holders.keys() | self.lost.keys()
        return next((slot for slot in range(total - 1, 0, -1) if slot not in taken), None)


def survey(trials: Sequence[FrozenTrial]) -> Survey:
    """Sort the trials of a study by slot; trials without one (enqueued by hand, not started yet) are left out."""
    holders: dict[int, FrozenTrial] = {}
    failed: dict[int, list[FrozenTrial]] = {}
    lost: dict[int, list[FrozenTrial]] = {}
    for trial in sorted(trials, key=lambda trial: trial.number):
        slot = trial.user_attrs.get(SLOT)
        if not isinstance(slot, int):
            continue
        if trial.state.name != "FAIL":
            holders.setdefault(slot, trial)
        elif trial.user_attrs.get(LOST):
            lost.setdefault(slot, []).append(trial)
        elif not trial.user_attrs.get(SUPERSEDED):
            failed.setdefault(slot, []).append(trial)
    return Survey(holders, failed, lost)


def seed_of(seed: int, slot: int, given_up: int) -> int:
    """The sampler's seed for a slot: the same in every process, and another one for each proposal that was given up."""
    digest = hashlib.sha256(f"{seed}/{slot}/{given_up}".encode()).digest()
    return int.from_bytes(digest[:4], "big")


def better(value: float, other: float | None, direction: str) -> bool:
    """Whether a value is better than another one; equal is not better."""
    if other is None:
        return True
    return value > other if direction == "maximize" else value < other


def best_of(trials: Sequence[FrozenTrial], direction: str) -> FrozenTrial | None:
    """The best complete one of trials given by number, with a finite value; of equal ones the first."""
    best: FrozenTrial | None = None
    for trial in trials:
        value = trial.value if trial.state.name == "COMPLETE" else None
        if value is not None and math.isfinite(value) and (best is None or better(value, best.value, direction)):
            best = trial
    return best


def is_best_so_far(number: int, value: float, complete: Sequence[FrozenTrial], direction: str) -> bool:
    """Whether a trial that is about to end is the best of those that have: of equal ones the first, as in `best_of`.

    In whichever order trials end, the one that `best_of` comes to in the end was the best so far when it ended.
    """
    return not any(
        better(float(other.value or 0.0), value, direction) or (other.value == value and other.number < number)
        for other in complete
    )


def improvement(trials: Sequence[FrozenTrial], direction: str) -> int:
    """How many of the ended trials, given by number, came after the best one."""
    best = best_of(trials, direction)
    return len(trials) if best is None else sum(trial.number > best.number for trial in trials)
