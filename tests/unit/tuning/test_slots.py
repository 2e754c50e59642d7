"""Who holds a slot, which slots are free, and how long nothing has improved."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.trial import FrozenTrial, TrialState, create_trial

from sweep.tuning.slots import best_of, better, improvement, is_best_so_far, seed_of, survey


def trial(
    number: int, state: str, slot: int | None = None, value: float | None = None, **attributes: Any
) -> FrozenTrial:
    if state == "COMPLETE" and value is None:
        value = 0.5
    own = {} if slot is None else {"slot": slot}
    made = create_trial(state=TrialState[state], value=value, user_attrs=own | attributes)
    made.number = number
    return made


TRIALS = (
    trial(0, "COMPLETE", 0),
    trial(1, "FAIL", 1, lost=True),
    trial(2, "PRUNED", 2),
    trial(3, "FAIL", 1, superseded=True),
    trial(4, "RUNNING", 1),
    trial(5, "RUNNING", 1),  # its worker has not noticed yet that 4 holds the slot
    trial(6, "FAIL", 3, reason="ValueError"),
    trial(7, "WAITING"),  # enqueued by hand
    trial(8, "COMPLETE"),  # added by hand, as it is
)


@pytest.mark.parametrize("order", [TRIALS, TRIALS[::-1], TRIALS[4:] + TRIALS[:4]])
def test_survey(order: tuple[FrozenTrial, ...]) -> None:
    """It does not depend on the order in which a storage gives them."""
    found = survey(order)
    assert {slot: holder.number for slot, holder in found.holders.items()} == {0: 0, 2: 2, 1: 4}
    assert [each.number for each in found.ended] == [0, 2]
    assert [each.number for each in found.complete] == [0]
    assert [each.number for each in found.running] == [4]
    assert [each.number for each in found.errors] == [6]
    assert [each.number for each in found.lost[1]] == [1]


def test_free_slots() -> None:
    found = survey(TRIALS)
    assert found.free(3) is None
    assert found.free(4) == found.free(9) == 3
    beyond = survey([trial(0, "COMPLETE", 0), trial(1, "COMPLETE", 5), trial(2, "RUNNING", 6)])
    assert beyond.free(3) is None  # as many as the total are held: it was lowered
    assert beyond.free(4) == 1


def test_slot_of_a_trial_by_hand() -> None:
    """The last free one: never the recipe's, nor that of a lost trial, whose parameters are to be tried again."""
    found = survey([trial(0, "FAIL", 4, lost=True), trial(1, "RUNNING", 3)])
    assert found.unspoken(6) == 5
    assert found.unspoken(5) == 2
    assert survey([trial(0, "RUNNING", 1), trial(1, "RUNNING", 2)]).unspoken(3) is None
    assert survey([]).unspoken(1) is None
    assert survey([trial(0, "RUNNING", 7), trial(1, "RUNNING", 8)]).unspoken(2) is None


def test_seeds() -> None:
    """The same in every process; another one for another slot, error, or study."""
    assert seed_of(0, 1, 0) == 1472441114
    assert len({seed_of(seed, slot, errors) for seed in range(5) for slot in range(50) for errors in range(3)}) == 750


def test_improvement() -> None:
    trials = [trial(0, "COMPLETE", 0, 0.4), trial(1, "COMPLETE", 1, 0.6), trial(2, "PRUNED", 2)]
    trials += [trial(3, "COMPLETE", 3, 0.6), trial(7, "COMPLETE", 4, 0.5)]
    assert improvement(trials, "maximize") == 3  # 0.6 again is no improvement
    assert improvement(trials, "minimize") == 4
    assert improvement(trials[2:3], "maximize") == 1
    assert improvement([], "maximize") == 0


def test_best() -> None:
    trials = [trial(number, "COMPLETE", number, value) for number, value in enumerate((0.4, 0.6, 0.6, 0.1))]
    first, last = best_of(trials, "maximize"), best_of(trials, "minimize")
    assert first is not None and first.number == 1
    assert last is not None and last.number == 3
    assert best_of([trial(0, "PRUNED", 0)], "maximize") is None
    assert better(0.5, None, "maximize") and better(0.6, 0.5, "maximize") and not better(0.5, 0.5, "minimize")


def test_two_workers_agree() -> None:
    """In whatever order they look at a slot that both have filled, one of the trials holds it for both of them."""
    for order in permutations([trial(3, "RUNNING", 1), trial(4, "RUNNING", 1), trial(2, "FAIL", 1, lost=True)]):
        assert survey(order).holders[1].number == 3


@given(
    values=st.lists(st.sampled_from([0.0, 0.25, 0.5]), min_size=1, max_size=7),  # equal ones are common: all at 0
    direction=st.sampled_from(["maximize", "minimize"]),
    data=st.data(),
)
def test_the_best_trial_knew_it_when_it_ended(values: list[float], direction: str, data: st.DataObject) -> None:
    """Whatever the order in which parallel trials end: only those that were the best so far keep their checkpoint."""
    complete: list[FrozenTrial] = []
    kept = set()
    for number in data.draw(st.permutations(range(len(values)))):
        if is_best_so_far(number, values[number], complete, direction):
            kept.add(number)
        complete.append(trial(number, "COMPLETE", number, values[number]))
    best = best_of(sorted(complete, key=lambda each: each.number), direction)
    assert best is not None
    assert best.number in kept
