"""Cells that are tuned: exact totals, whoever dies, and never worse than the recipe."""

from __future__ import annotations

import os
import signal
import time

import pytest

from e2e.conftest import Desk, tree
from support.postgres import Postgres
from support.tuned import TUNED, check_totals, states, trials
from sweep.tracking.read import search

pytestmark = pytest.mark.slow
PRUNED = ("tune.pruner=threshold", "tune.pruner.lower=0.9")  # after one epoch nothing is that good
ONE = ("level=4", "act=relu", *TUNED)


def test_a_tuned_grid(desk: Desk) -> None:
    command = ("level=4", "act=relu,leakyrelu", *TUNED, *PRUNED, "tune.trials=4", "tune.workers=2")
    code, output = desk.run(*command)

    assert code == 0, output
    cells, store = desk.last_cells(), desk.store()
    assert list(cells["status"]) == ["finished"] * 2
    check_totals(store, cells, desk.home, 4)
    assert (cells["tune/tuned/mAP50-95"] >= cells["tune/recipe/mAP50-95"]).all()
    assert (cells["best/mAP50-95"] - cells["tune/tuned/mAP50-95"]).abs().max() == 0
    studies = trials(desk.home).values()
    assert [states(study)["PRUNED"] for study in studies] == [3] * 2
    for study in studies:
        recipe = next(trial for trial in study if trial.user_attrs["slot"] == 0)
        assert recipe.state.name == "COMPLETE"
        assert recipe.params["lr0"] == 0.002
        for trial in study:
            if trial.state.name == "PRUNED":
                assert len(trial.intermediate_values) == 1
    artifacts = {file.path for file in store.client.list_artifacts(cells["run_id"][0], "tune")}
    assert {"tune/best.yaml", "tune/trials.csv", "tune/study.json", "tune/figures"} <= artifacts
    assert "tuned" in next(desk.home.glob("sweeps/*/report/report.en.md")).read_text().lower()

    code, output = desk.run(*command)
    assert code == 0, output
    assert "0 to run" in output

    code, output = desk.run("level=4", "act=relu", *TUNED, *PRUNED, "tune.trials=5", "tune.workers=2")
    assert code == 0, output
    assert "to be tuned on" in output
    check_totals(desk.store(), desk.last_cells(), desk.home, 5)


def test_a_killed_worker_on_a_database(desk: Desk, postgres: Postgres) -> None:
    """On the journal in home the fault suite kills (`make faults`)."""
    storage = postgres.database()
    process = desk.start(
        *ONE, f"tune.storage={storage}", "recipe.epochs=4", "tune.trials=4", "tune.workers=2", "tune.pruner=none"
    )
    event = desk.wait_for(lambda event: event["event"] == "epoch" and event["epoch"] == 2)
    os.kill(event["pid"], signal.SIGKILL)
    output, _ = process.communicate(timeout=300)

    assert process.returncode == 0, output
    store, cells = desk.store(), desk.last_cells()
    check_totals(store, cells, desk.home, 4, storage)
    (study,) = trials(desk.home, storage).values()
    (lost,) = (trial for trial in study if trial.state.name == "FAIL")
    assert lost.number == event["trial"]
    again = next(each for each in study if each.user_attrs["slot"] == lost.user_attrs["slot"] and each is not lost)
    assert again.params == lost.params
    (run,) = search(store, f"tags.`sweep.local_id` = '{lost.user_attrs['run_id']}'")
    assert (run.status, run.tags["sweep.kind"]) == ("killed", "trial-lost")


def test_a_killed_sweep_goes_on(desk: Desk) -> None:
    command = (*ONE, "recipe.epochs=4", "tune.trials=4", "tune.workers=2", "tune.pruner=none")
    process = desk.start(*command)
    desk.wait_for(lambda event: event["event"] == "trial" and event["state"] == "complete")
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    ended = {trial.number for study in trials(desk.home).values() for trial in study if trial.values}

    code, output = desk.run(*command)

    assert code == 0, output
    check_totals(desk.store(), desk.last_cells(), desk.home, 4)
    (study,) = trials(desk.home).values()
    assert ended <= {trial.number for trial in study if trial.state.name == "COMPLETE"}
    assert ended


def test_a_database_that_is_started_again_in_mid_trial(desk: Desk, postgres: Postgres) -> None:
    storage = postgres.database()
    process = desk.start(
        *ONE, f"tune.storage={storage}", "recipe.epochs=6", "tune.trials=3", "tune.workers=2", "tune.pruner=none"
    )
    desk.wait_for(lambda event: event["event"] == "epoch" and event["epoch"] == 2)
    with postgres.away():
        time.sleep(8)  # longer than what is left of the trials under way
    output, _ = process.communicate(timeout=300)

    assert process.returncode == 0, output
    check_totals(desk.store(), desk.last_cells(), desk.home, 3, storage)
    (study,) = trials(desk.home, storage).values()
    assert states(study) == {"COMPLETE": 3}
    assert {trial.user_attrs.get("lost") for trial in study} == {None}


def test_two_sweeps_of_one_cell_share_its_trials(desk: Desk) -> None:
    """The second waits for the first and takes what it has made; one that is stopped while it waits breaks nothing."""
    command = (*ONE, "recipe.epochs=4", "tune.trials=4", "tune.workers=2", "tune.pruner=none")
    first = desk.start(*command)
    both = desk.wait_for(lambda event: event["event"] == "trial" and event["trial"] == 1)
    desk.wait_for(lambda event: event["event"] == "epoch", since=both["time"])
    processes = tree(first)[1:]  # it may not end before the others are there; those that train hold nothing
    for process in processes:
        process.suspend()
    stopped, second = desk.start(*command), desk.start(*command)
    began = 0.0
    for _ in (stopped, second):
        began = desk.wait_for(lambda event: event["event"] == "waiting", since=began)["time"] + 1e-6
    for process in processes:
        process.resume()
    stopped.send_signal(signal.SIGINT)
    outputs = [process.communicate(timeout=300)[0] for process in (first, second, stopped)]

    assert [process.returncode for process in (first, second, stopped)] == [0, 0, 130], outputs
    (study,) = trials(desk.home).values()
    assert states(study) == {"COMPLETE": 4}
    (cell,) = desk.cell_runs()
    tables = desk.tables()
    assert sorted(table["run_id"].isna().tolist() for table in tables) == [[False], [False], [True]]
    for table in tables:
        check_totals(desk.store(), table[table["run_id"] == cell.run_id], desk.home, 4)


def test_tuning_anew_keeps_the_trials_there_were(desk: Desk) -> None:
    command = (*ONE, "tune.trials=2")
    for again in ((), ("rerun=true",)):
        code, output = desk.run(*command, *again)
        assert code == 0, output
        check_totals(desk.store(), desk.last_cells(), desk.home, 2)
    studies = trials(desk.home)
    assert len(studies) == 2
    new, aside = sorted(studies)
    assert aside == f"{new} (before 1)"
    assert [trial.params for trial in studies[new]] == [trial.params for trial in studies[aside]]
    assert len(desk.cell_runs()) == 2


def test_a_stopped_sweep_leaves_no_trial_open(desk: Desk) -> None:
    process = desk.start(*ONE, "recipe.epochs=100", "tune.trials=4", "tune.workers=2")
    desk.wait_for(lambda event: event["event"] == "epoch" and event["epoch"] == 1)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=120)

    assert process.returncode == 130, output
    (study,) = trials(desk.home).values()
    assert states(study)["RUNNING"] == 0
    assert [run.status for run in desk.cell_runs()] == ["killed"]


def test_the_same_seed_gives_the_same_trials(desk: Desk) -> None:
    command = (*ONE, "tune.trials=3", "tune.seed=7")
    assert desk.run(*command)[0] == 0
    assert desk.run(*command, "home=other")[0] == 0
    (here,), (there,) = trials(desk.home).values(), trials(desk.folder / "other").values()
    assert [trial.params for trial in here] == [trial.params for trial in there]
    assert [trial.intermediate_values for trial in here] == [trial.intermediate_values for trial in there]
    assert [trial.value for trial in here] == [trial.value for trial in there]


def test_through_the_joblib_launcher(desk: Desk) -> None:
    code, output = desk.run(
        *ONE, "tune.trials=3", "tune.workers=2", "hydra/launcher=joblib", "hydra.launcher.n_jobs=2", "device=cpu"
    )
    assert code == 0, output
    check_totals(desk.store(), desk.last_cells(), desk.home, 3)


def test_a_launcher_that_cannot_start_is_asked_once(desk: Desk) -> None:
    code, output = desk.run(*ONE, "tune.trials=2", "hydra/launcher=joblib", "hydra.launcher.n_jobs=0", "device=cpu")

    assert code == 1, output
    assert "n_jobs == 0" in output
    assert "died" not in output
    assert desk.cell_runs() == []
