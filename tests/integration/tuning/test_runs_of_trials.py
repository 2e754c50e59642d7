"""Runs of trials on an MLflow server where the same cell is tuned in other homes and storages too."""

from __future__ import annotations

from pathlib import Path

import pytest
from optuna.trial import FrozenTrial, TrialState, create_trial

from support.spooled import begin_cell, begin_sweep, begin_trial, delivered
from sweep.tracking import names
from sweep.tracking.known import runs_of_key
from sweep.tracking.read import RunInfo, search
from sweep.tracking.spool.run import SpooledRun
from sweep.tracking.store import Store, open_store
from sweep.trials.lost import adopt_trials, close_lost_run, runs_of_trials
from sweep.tuning.slots import RUN_ID

KEY = "k" * 64


@pytest.fixture
def homes(tmp_path: Path) -> tuple[Store, Store]:
    """This home, and another one, on one server."""
    uri = f"sqlite:///{tmp_path / 'shared.db'}"
    return open_store(tmp_path / "here", "e", uri), open_store(tmp_path / "there", "e", uri)


def tuned(store: Store, sweep_id: str = "s") -> SpooledRun:
    return begin_cell(store, begin_sweep(store, sweep_id), KEY, {names.TUNE_STUDY: "cell"})


def trial(number: int, run_id: str | None) -> FrozenTrial:
    made = create_trial(state=TrialState.RUNNING, user_attrs={} if run_id is None else {RUN_ID: run_id})
    made.number = number
    return made


def stored(store: Store) -> dict[str, RunInfo]:
    delivered(store)
    return {run.id: run for run in search(store, "")}


def test_a_lost_trial_is_closed_and_not_its_namesake_in_another_home(homes: tuple[Store, Store]) -> None:
    here, there = homes
    mine, theirs = tuned(here), tuned(there)
    lost, living = begin_trial(here, mine, 3), begin_trial(there, theirs, 3)
    delivered(there)

    close_lost_run(here, KEY, mine.id, trial(3, None))

    runs = stored(here)
    assert (runs[lost.id].status, runs[lost.id].tags[names.KIND]) == ("killed", names.KIND_LOST)
    assert (runs[living.id].status, runs[living.id].tags[names.KIND]) == ("running", names.KIND_TRIAL)


def test_the_trials_of_a_study_follow_it_and_those_of_other_studies_stay(homes: tuple[Store, Store]) -> None:
    here, there = homes
    first, other = tuned(here), tuned(there)
    own = [begin_trial(here, first, number) for number in range(3)]
    foreign = [begin_trial(there, other, number) for number in range(3)]
    unspoken = begin_trial(here, first, 3)  # its worker died before it could say which run it had opened
    first.finish("KILLED")
    delivered(there)
    again = tuned(here, "again")
    earlier = [run for run in runs_of_key(here, KEY) if run.id != again.id]
    assert len(earlier) == 2

    adopt_trials(here, earlier, again, [*(trial(number, run.id) for number, run in enumerate(own)), trial(3, None)])

    runs = stored(here)
    assert {runs[run.id].parent_run_id for run in (*own, unspoken)} == {runs[again.id].run_id}
    assert {runs[run.id].parent_run_id for run in foreign} == {runs[other.id].run_id}


def test_a_study_that_another_home_began_takes_its_trials_along(homes: tuple[Store, Store]) -> None:
    """The storage is shared, so the study goes on here, and MLflow alone has the runs of its first trials."""
    here, there = homes
    first = tuned(there)
    own = [begin_trial(there, first, number) for number in range(2)]
    own[0].log_summary({"best/mAP50": 0.5})
    first.finish("KILLED")
    delivered(there)
    again = tuned(here)

    adopt_trials(here, runs_of_key(here, KEY), again, [trial(number, run.id) for number, run in enumerate(own)])

    runs = stored(here)
    assert {runs[run.id].parent_run_id for run in own} == {runs[again.id].run_id}
    found = runs_of_trials(here, KEY, [own[0].id])
    assert found[own[0].id].metrics["best/mAP50"] == 0.5
