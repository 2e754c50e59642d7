"""Runs of trials on an MLflow server where the same cell is tuned in other homes and storages too."""

from __future__ import annotations

from pathlib import Path

import pytest
from optuna.trial import FrozenTrial, TrialState, create_trial

from sweep.tracking import names, write
from sweep.tracking.read import find_runs_by_key, runs_by_id
from sweep.tracking.store import Store, open_store
from sweep.trials.lost import adopt_trials, close_lost_run
from sweep.tuning.slots import RUN_ID

KEY = "k" * 64


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(tmp_path, "e")


def start_cell(store: Store, study: str = "cell") -> str:
    sweep = write.start_sweep(store, sweep_id="s", name="s", command="x", tags={})
    return write.start_cell(
        store,
        parent_run_id=sweep,
        sweep_id="s",
        cell_name="c",
        cell_key=KEY,
        params={},
        tags={names.TUNE_STUDY: study},
    )


def start_trial(store: Store, cell_run_id: str, number: int) -> str:
    return write.start_trial(
        store,
        cell_run_id=cell_run_id,
        sweep_id="s",
        cell_name="c",
        cell_key=KEY,
        number=number,
        params={},
        tags={},
    )


def trial(number: int, run_id: str | None) -> FrozenTrial:
    made = create_trial(state=TrialState.RUNNING, user_attrs={} if run_id is None else {RUN_ID: run_id})
    made.number = number
    return made


def test_a_lost_trial_is_closed_and_not_its_namesake_in_another_home(store: Store) -> None:
    mine, theirs = start_cell(store), start_cell(store)
    lost, living = start_trial(store, mine, 3), start_trial(store, theirs, 3)

    close_lost_run(store, mine, trial(3, None))

    runs = runs_by_id(store, [lost, living])
    assert (runs[lost].status, runs[lost].tags[names.KIND]) == ("killed", names.KIND_LOST)
    assert (runs[living].status, runs[living].tags[names.KIND]) == ("running", names.KIND_TRIAL)


def test_the_trials_of_a_study_follow_it_and_those_of_other_studies_stay(store: Store) -> None:
    first, other, again = start_cell(store), start_cell(store), start_cell(store)
    own = [start_trial(store, first, number) for number in range(3)]
    foreign = [start_trial(store, other, number) for number in range(3)]
    unspoken = start_trial(store, first, 3)  # its worker died before it could say which run it had opened
    earlier = [run for run in find_runs_by_key(store, [KEY])[KEY] if run.run_id != again]
    assert len(earlier) == 2

    adopt_trials(store, earlier, again, [*(trial(number, run) for number, run in enumerate(own)), trial(3, None)])

    runs = runs_by_id(store, [*own, *foreign, unspoken])
    assert {runs[run].parent_run_id for run in (*own, unspoken)} == {again}
    assert {runs[run].parent_run_id for run in foreign} == {other}
