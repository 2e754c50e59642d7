"""When a study stops or is given up, what its slots are given, and that it can be repeated."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState

from support.studies import RECIPE, Cell, tune_settings, value_of
from sweep.tune_settings import Method
from sweep.tuning.lease import Watch
from sweep.tuning.slots import LOST, REASON, SECONDS, SLOT
from sweep.tuning.study import WARM_START, CellStudy, Taken, TuningFailed

FAIL = TrialState.FAIL


@pytest.fixture
def cell(tmp_path: Path) -> Cell:
    return Cell(str(tmp_path / "journal.log"), tmp_path)


def take(study: CellStudy) -> Taken:
    taken = study.take()
    assert taken is not None
    return taken


def tell(study: CellStudy, value: float | None, **attributes: Any) -> Taken:
    """Take a trial and end it; None: by an error."""
    taken = take(study)
    for name, content in attributes.items():
        taken.trial.set_user_attr(name, content)
    study.study.tell(taken.trial, value, state=FAIL if value is None else TrialState.COMPLETE)
    return taken


def opened(cell: Cell, **changes: Any) -> CellStudy:
    return Cell(cell.storage, cell.folder, tune_settings(**changes)).open()


def test_the_recipe_is_first_and_not_prunable(cell: Cell) -> None:
    study = cell.open()
    study.study.enqueue_trial({"box": 3.0, "lr0": 0.01})  # by hand, before anything
    first, second = take(study), take(study)
    assert first.slot == 0 and first.params == RECIPE and not first.prunable
    assert second.slot == 5 and second.params == {"box": 3.0, "lr0": 0.01} and second.prunable


def test_all_are_under_way(cell: Cell) -> None:
    study = cell.open()
    assert sorted(take(study).slot for _ in range(6)) == list(range(6))
    assert study.take() is None and study.stopped() is None
    assert len(study.survey().running) == 6


def lose(study: CellStudy, params: dict[str, float]) -> None:
    """Slot 1 has lost its worker with these parameters."""
    distributions: Any = {item.name: item.distribution() for item in study.parameters}
    attributes = {SLOT: 1, LOST: True}
    study.study.add_trial(
        optuna.trial.create_trial(state=FAIL, params=params, distributions=distributions, user_attrs=attributes)
    )


def test_a_lost_trial_is_run_again_with_its_parameters_and_not_with_what_the_sampler_says_now(cell: Cell) -> None:
    study = cell.open()
    tell(study, 0.5)
    lost = {"box": 3.0, "lr0": 0.01}
    lose(study, lost)

    again = take(study)

    assert again.slot == 1 and again.params == lost


def test_parameters_that_kill_worker_after_worker_are_given_up(cell: Cell) -> None:
    study = cell.open()
    tell(study, 0.5)
    deadly = {"box": 3.0, "lr0": 0.01}
    for _ in range(2):
        lose(study, deadly)
    assert study._given(1, study.survey()) == deadly
    lose(study, deadly)

    other = take(study)

    assert other.slot == 1
    assert other.params["box"] != deadly["box"]
    lose(study, other.params)
    assert study._given(1, study.survey()) == other.params


def test_an_error_ends_the_repetition_of_lost_parameters(cell: Cell) -> None:
    study = cell.open()
    tell(study, 0.5)
    lose(study, {"box": 3.0, "lr0": 0.01})
    failed = tell(study, None)
    assert failed.slot == 1 and failed.params["box"] == 3.0

    assert take(study).params["box"] != 3.0


def test_a_siblings_parameters_that_fail_are_not_tried_again(cell: Cell) -> None:
    study = opened(cell, warm_start=True)
    study.study.set_user_attr(WARM_START, [{"box": 3.0, "lr0": 0.01}])
    tell(study, 0.5)
    failed = tell(study, None)
    assert failed.slot == 1 and failed.params["box"] == 3.0

    other = take(study)

    assert other.slot == 1 and other.params["box"] != 3.0


def test_a_study_that_was_given_up_stays_so_whatever_ends_well_after_it(cell: Cell) -> None:
    """Another worker's trial was under way: it must not turn a cell that is recorded as failed into a finished one."""
    study = cell.open()
    tell(study, 0.5)
    under_way = take(study)
    for _ in range(3):
        tell(study, None)
    with pytest.raises(TuningFailed):
        study.take()
    for slot in range(2):
        study.study.add_trial(optuna.trial.create_trial(value=0.5, user_attrs={SLOT: 10 + slot}))
    study.study.tell(under_way.trial, 0.9)

    with pytest.raises(TuningFailed, match="3 trials failed"):
        cell.open().take()
    study.forgive()
    assert study.take() is not None


def test_a_trial_that_a_living_process_has_let_go_is_run_again(cell: Cell) -> None:
    study = cell.open()
    tell(study, 0.5)
    study._claim()  # the storage goes away before the trial is in anybody's hands

    assert take(study).slot == 1
    assert len(study.survey().lost[1]) == 1


def test_patience(cell: Cell) -> None:
    study = opened(cell, trials=20, patience=3)
    for value in (0.5, 0.6, 0.6, 0.1):
        tell(study, value)
        assert study.stopped() is None
    tell(study, 0.59)
    assert study.stopped() == "patience=3" and study.take() is None
    assert opened(cell, trials=20, patience=4).stopped() is None
    assert opened(cell, trials=5, patience=3).stopped() == "total"


def test_patience_does_not_skip_the_recipe(cell: Cell) -> None:
    """The recipe's trial was lost while others ended: it is run whatever the patience."""
    study = opened(cell, trials=20, patience=2)
    recipe = take(study)
    for _ in range(3):
        tell(study, 0.5)
    assert study.stopped() == "patience=2" and study.take() is None  # it is under way
    recipe.trial.set_user_attr("lost", True)
    study.study.tell(recipe.trial, state=FAIL)
    assert study.stopped() is None
    assert tell(study, 0.4).params == RECIPE
    assert study.stopped() == "patience=2"


def test_budget(cell: Cell) -> None:
    study = opened(cell, trials=20, budget_min=1.5)
    tell(study, 0.5, **{SECONDS: 40.0})
    tell(study, None, **{SECONDS: 30.0})  # what failed has taken time as well
    assert study.stopped() is None
    tell(study, 0.4, **{SECONDS: 20.0})
    assert study.stopped() == "budget_min=1.5" and study.take() is None


def test_the_recipe_fails(cell: Cell) -> None:
    study = cell.open()
    tell(study, None, **{REASON: "ValueError: no images"})
    with pytest.raises(TuningFailed, match="trial 0, cannot be trained: ValueError: no images"):
        study.take()
    study.forgive()
    again = tell(study, 0.5)
    assert again.slot == 0 and again.params == RECIPE and again.number == 1


def test_most_trials_fail(cell: Cell) -> None:
    study = cell.open()
    tell(study, 0.5)
    failed = [tell(study, None, **{REASON: f"error {number}"}) for number in range(3)]
    assert {trial.slot for trial in failed} == {1} and len({trial.params["lr0"] for trial in failed}) == 3
    with pytest.raises(TuningFailed, match="3 trials failed and 1 ended; the last: error 2"):
        study.take()
    study.forgive()
    assert take(study).slot == 1


def test_errors_of_a_study_that_has_its_total(cell: Cell) -> None:
    """They are no reason to give up what is finished: the last trials were under way while others failed."""
    study = opened(cell, trials=2)
    recipe = take(study)
    for _ in range(3):
        tell(study, None)
    study.study.tell(recipe.trial, 0.5)
    study.forgive()
    other = take(study)
    study.study.set_user_attr("forgiven", -1)
    study.study.tell(other.trial, 0.5)
    assert study.take() is None and study.stopped() == "total"


def test_warm_start(cell: Cell) -> None:
    study = cell.open()
    siblings = [{"box": 2.0, "lr0": 0.01}, {"box": 3.0, "lr0": 0.02}]
    study.study.set_user_attr(WARM_START, siblings)
    study.study.enqueue_trial({"box": 4.0, "lr0": 0.001})
    found = {trial.slot: trial.params for trial in (take(study) for _ in range(4))}
    assert found[0] == RECIPE and [found[1], found[2]] == siblings and found[5] == {"box": 4.0, "lr0": 0.001}


@pytest.mark.parametrize("bad", [{"box": 99.0}, {"lr0": "much"}, {"box": None}, {"lr0": float("nan")}])
def test_parameters_by_hand_that_are_outside_the_space(cell: Cell, bad: dict[str, Any]) -> None:
    """Such a trial is closed with the reason; it takes no slot, and does not count as an error of training."""
    study = cell.open()
    tell(study, 0.5)
    study.study.enqueue_trial(bad)
    study.study.enqueue_trial({"box": 3.0})
    assert take(study).params["box"] == 3.0
    refused = study.study.trials[1]
    assert refused.state == FAIL and "outside tune.space" in refused.user_attrs[REASON]
    assert not study.survey().errors


def test_by_hand_beyond_the_total(cell: Cell) -> None:
    """It waits until the total is raised."""
    study = opened(cell, trials=1)
    study.study.enqueue_trial({"box": 3.0})
    tell(study, 0.5)
    assert study.take() is None
    assert study.study.trials[0].state == TrialState.WAITING
    assert take(opened(cell, trials=2)).params["box"] == 3.0


def test_a_trial_by_hand_that_was_lost_before_it_had_a_slot(cell: Cell) -> None:
    study = cell.open()
    tell(study, 0.5)
    study.study.enqueue_trial({"box": 3.0})
    gone = study.study.ask()  # as a worker does that dies at once
    study.watch = Watch(lease_s=-1)
    assert study.close_lost() == []  # it is seen for the first time
    assert [trial.number for trial in study.close_lost()] == [gone.number]
    study.watch = Watch()
    again = take(study)
    assert again.params["box"] == 3.0 and again.slot == 5


def test_a_sampler_that_fails(cell: Cell, monkeypatch: pytest.MonkeyPatch) -> None:
    """The trial is free for others at once, though this process may go on with other cells."""
    study = cell.open()
    tell(study, 0.5)
    with monkeypatch.context() as context, pytest.raises(ZeroDivisionError):
        context.setattr(optuna.samplers.RandomSampler, "sample_independent", lambda *_: 1 / 0)
        study.take()
    again = take(study)
    assert again.slot == 1 and [note["number"] for note in cell.notes("lost")] == [1]


@pytest.mark.parametrize("sampler", ["random", "tpe", "cmaes", "gp", "qmc"])
def test_the_same_seed(tmp_path: Path, sampler: str) -> None:
    """The same parameters in the same order; also when each trial is taken by a process of its own."""
    if sampler == "gp":
        pytest.importorskip("torch")
    trials, startup = 5 if sampler == "gp" else 8, {"tpe": {"n_startup_trials": 3}, "gp": {"n_startup_trials": 3}}
    tune = tune_settings(trials, sampler=Method(sampler, startup.get(sampler, {})))
    orders = []
    for name in ("once", "again", "in pieces"):
        cell = Cell(str(tmp_path / name / "journal.log"), tmp_path / name, tune)
        study = cell.open()
        for _ in range(trials):
            if name == "in pieces":
                study = cell.open()
            taken = take(study)
            study.study.tell(taken.trial, value_of(taken.params))
        orders.append([trial.params for trial in study.study.trials])
        assert [trial.user_attrs[SLOT] for trial in study.study.trials] == list(range(trials))
    assert orders[0] == orders[1] == orders[2]
    if sampler == "qmc":  # its points are the same for every seed unless scramble=true
        return
    other = Cell(str(tmp_path / "other.log"), tmp_path, tune_settings(trials, sampler=tune.sampler, seed=1)).open()
    assert [tell(other, 0.5).params for _ in range(3)] != orders[0][:3]


def test_the_same_seed_in_other_processes(tmp_path: Path) -> None:
    """A process for each trial, with its own hash seed."""
    code = (
        "import sys; from pathlib import Path; from support.studies import *\n"
        "tune = tune_settings(6, sampler=Method('tpe', {'n_startup_trials': 2}))\n"
        "study = Cell(sys.argv[1], Path(sys.argv[2]), tune).open()\n"
        "for _ in range(int(sys.argv[3])):\n"
        "    taken = study.take(); study.study.tell(taken.trial, value_of(taken.params))\n"
    )
    orders = []
    for name, pieces in (("once", [6]), ("in pieces", [1, 2, 3])):
        place = tmp_path / f"{name}.log"
        for count in pieces:
            command = [sys.executable, "-c", code, str(place), str(tmp_path), str(count)]
            subprocess.run(command, check=True, timeout=100, cwd=Path(__file__).parents[2])
        orders.append([trial.params for trial in Cell(str(place), tmp_path).open().study.trials])
    assert orders[0] == orders[1] and len(orders[0]) == 6
