"""Studies that end before their total: by a setting, or because the user stops the sweep."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence

import pytest

from e2e.conftest import Desk, gone_within, tree
from support.tuned import TUNED, check_totals, runs_of_trials, states, trials

pytestmark = pytest.mark.slow
ONE = ("level=4", "act=relu", *TUNED)


def test_no_improvement_for_a_while_ends_a_study(desk: Desk) -> None:
    command = (*ONE, "tune.trials=20", "tune.patience=2", "tune.pruner=none")
    code, output = desk.run(*command)

    assert code == 0, output
    (study,) = trials(desk.home).values()
    best = max(study, key=lambda trial: (trial.value, -trial.number))
    assert len(study) == best.number + 3 < 20
    check_stopped(desk, "patience=2", len(study), command)


def test_a_budget_ends_a_study_that_has_its_recipe(desk: Desk) -> None:
    command = (*ONE, "tune.trials=20", "tune.budget_min=0.001")
    code, output = desk.run(*command)

    assert code == 0, output
    check_stopped(desk, "budget_min=0.001", 1, command)


def check_stopped(desk: Desk, setting: str, ended: int, command: Sequence[str]) -> None:
    """The cell is finished with that many trials, says what stopped it, and has nothing left to do."""
    (cell,) = desk.cell_runs()
    check_totals(desk.store(), desk.last_cells(), desk.home, ended)
    assert (cell.tags["tune.stopped"], cell.tags["tune.trials"]) == (setting, str(ended))
    code, output = desk.run("plan", *command)
    assert code == 0, output
    assert "1 finished; 0 to run" in output


def test_ctrl_c_leaves_nothing_open_and_the_same_command_goes_on(desk: Desk) -> None:
    from sweep.tracking.read import search

    command = (*ONE, "recipe.epochs=8", "tune.trials=4", "tune.workers=2", "tune.pruner=none")
    process = desk.start(*command)
    done = desk.wait_for(lambda event: event["event"] == "trial" and event["state"] == "complete")
    desk.wait_for(lambda event: event["event"] == "epoch" and event["trial"] > 1, since=done["time"])
    processes = tree(process)
    os.killpg(process.pid, signal.SIGINT)
    output, _ = process.communicate(timeout=300)

    assert process.returncode == 130, output
    assert "Traceback" not in output
    assert gone_within(processes, 30) == []
    (study,) = trials(desk.home).values()
    assert states(study)["RUNNING"] + states(study)["WAITING"] == 0
    ended = {trial.number: trial.params for trial in study if trial.state.name == "COMPLETE"}
    assert done["trial"] in ended
    assert list(search(desk.store(), "attributes.status = 'RUNNING'")) == []
    (killed,) = desk.cell_runs()
    kinds = {
        run.tags["tune.trial"]: (run.tags["sweep.kind"], run.status)
        for run in runs_of_trials(desk.store(), killed.run_id)
    }
    assert kinds == {
        str(trial.number): ("trial", "finished") if trial.number in ended else ("trial-lost", "killed")
        for trial in study
    }

    code, output = desk.run(*command)

    assert code == 0, output
    check_totals(desk.store(), desk.last_cells(), desk.home, 4)
    (study,) = trials(desk.home).values()
    assert {trial.number: trial.params for trial in study if trial.number in ended} == ended
    assert sum(trial.state.name == "COMPLETE" for trial in study) == 4
