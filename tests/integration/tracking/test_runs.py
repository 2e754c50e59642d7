"""What tracking knows of cells and sweeps whose processes are gone."""

from __future__ import annotations

import platform
import threading
from pathlib import Path

from support.spooled import begin_cell, begin_sweep, begin_trial, delivered
from sweep.tracking import names, write
from sweep.tracking.known import finished_of, forget_deleted, home_runs, runs_of_key, runs_of_keys
from sweep.tracking.measured import lacking, measured_facts, tag_of, tag_text
from sweep.tracking.read import find_runs_by_key, runs_by_id, search, sweep_cells
from sweep.tracking.runs import (
    close_abandoned,
    close_abandoned_imports,
    close_dead_sweeps,
    close_open_cells,
    orphans,
)
from sweep.tracking.store import Store, open_store, store_at


def statuses(store: Store) -> dict[str, str]:
    """What MLflow says of each run, by what it is called in its home."""
    delivered(store)
    return {run.id: run.status for run in search(store, "")}


def test_a_dead_sweep_and_its_open_cells_are_closed_and_the_living_are_not(tmp_path: Path) -> None:
    store = open_store(tmp_path, "e")
    dead, alive = begin_sweep(store, "dead"), begin_sweep(store, "alive")
    lost, held = begin_cell(store, dead, "lost"), begin_cell(store, dead, "held")
    running, trial = begin_cell(store, alive, "running"), begin_trial(store, lost, 0)
    living = {"sweep_alive": lambda name: name == "alive", "cell_alive": lambda key: key in ("held", "running")}
    assert {run.id for run in orphans(store, **living)} == {dead.id, lost.id}

    close_dead_sweeps(store, **living)

    assert statuses(store) == {
        dead.id: "killed",
        lost.id: "killed",
        trial.id: "killed",
        held.id: "running",
        alive.id: "running",
        running.id: "running",
    }
    assert orphans(store, **living) == []


def test_they_are_closed_while_mlflow_is_away(tmp_path: Path) -> None:
    store = store_at(tmp_path, "e", "http://127.0.0.1:9")
    dead = begin_sweep(store, "dead")
    lost = begin_cell(store, dead, "lost")
    close_dead_sweeps(store, sweep_alive=lambda _: False, cell_alive=lambda _: False, there=False)
    (run,) = home_runs(store, "lost")
    assert (run.id, run.status, run.reason) == (lost.id, "killed", "its process ended without a word")


def test_open_cells_of_a_sweep_that_goes_on_are_closed_and_the_living_are_not(tmp_path: Path) -> None:
    store = open_store(tmp_path, "e")
    sweep, other = begin_sweep(store), begin_sweep(store, "other")
    lost, held = begin_cell(store, sweep, "lost"), begin_cell(store, sweep, "held")
    ended, theirs = begin_cell(store, sweep, "ended"), begin_cell(store, other, "theirs")
    ended.finish("FINISHED")

    close_open_cells(store, sweep.id, cell_alive=lambda key: key == "held")

    found = statuses(store)
    assert [found[run.id] for run in (sweep, lost, held, ended, theirs)] == [
        "running",
        "killed",
        "running",
        "finished",
        "running",
    ]


def test_sweeps_of_other_hosts_and_other_homes_are_left_alone(tmp_path: Path) -> None:
    """Their locks cannot be seen from here, so nothing is known of their processes."""
    uri = f"sqlite:///{tmp_path / 'shared.db'}"
    here, there = open_store(tmp_path / "here", "e", uri), open_store(tmp_path / "there", "e", uri)
    elsewhere = begin_sweep(here, "elsewhere", {names.HOST: "another-host"})
    other = begin_sweep(there, "other")
    cell = begin_cell(there, other, "key")
    delivered(there)

    close_dead_sweeps(here, sweep_alive=lambda _: False, cell_alive=lambda _: False)
    close_abandoned(here, "key")
    close_abandoned_imports(here, "key")

    assert statuses(here) == {elsewhere.id: "running", other.id: "running", cell.id: "running"}


def test_an_import_that_was_killed_is_closed(tmp_path: Path) -> None:
    """It has no journal: it was logged to MLflow directly."""
    store = open_store(tmp_path, "e")
    here = {names.HOST: platform.node()}
    begin_sweep(store)
    sweep = write.start_sweep(store, sweep_id="i", name="i", command="x", tags=here)
    cell = write.start_cell(store, parent_run_id=sweep, sweep_id="i", cell_name="k", cell_key="k", params={}, tags=here)
    close_dead_sweeps(store, sweep_alive=lambda name: name == "s", cell_alive=lambda _: False)
    runs = runs_by_id(store, [sweep, cell])
    assert {run.status for run in runs.values()} == {"killed"}


def test_of_several_homes_the_first_to_finish_counts_unless_it_was_to_be_trained_again(tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path / 'shared.db'}"
    here, there = open_store(tmp_path / "here", "e", uri), open_store(tmp_path / "there", "e", uri)
    sweep, theirs = begin_sweep(here), begin_sweep(there, "theirs")
    first, second = begin_cell(here, sweep, "key"), begin_cell(there, theirs, "key")
    assert finished_of(runs_of_key(here, "key")) is None
    second.finish("FINISHED")
    delivered(there)
    first.finish("FINISHED")
    delivered(here)
    found = finished_of(runs_of_key(here, "key"))
    assert found is not None
    assert found.id == second.id

    again = begin_cell(here, sweep, "key", {names.RERUN: "true"})
    again.finish("FINISHED")
    found = finished_of(runs_of_key(here, "key"))
    assert found is not None
    assert found.id == again.id


def test_a_finished_cell_is_known_from_home_before_and_after_it_is_delivered_and_while_mlflow_is_away(
    tmp_path: Path,
) -> None:
    store = open_store(tmp_path, "e")
    run = begin_cell(store, begin_sweep(store), "key")
    run.finish("FINISHED")
    for there in (True, False):
        (known,) = runs_of_keys(store, ["key"], there=there)["key"]
        assert (known.id, known.status) == (run.id, "finished")
    delivered(store)
    for there in (True, False):
        (known,) = runs_of_keys(store, ["key"], there=there)["key"]
        assert (known.id, known.status) == (run.id, "finished")


def test_what_somebody_has_deleted_in_mlflow_is_forgotten_at_home(tmp_path: Path) -> None:
    store = open_store(tmp_path, "e")
    gone, kept = (begin_cell(store, begin_sweep(store), key) for key in ("gone", "kept"))
    for run in (gone, kept):
        run.finish("FINISHED")
    delivered(store)
    (info,) = find_runs_by_key(store, ["gone"])["gone"]
    store.client.delete_run(info.run_id)

    forget_deleted(store, ["gone", "kept"])

    assert home_runs(store, "gone") == []
    assert [run.id for run in home_runs(store, "kept")] == [kept.id]


def start_sweep(store: Store, sweep_id: str) -> str:
    return write.start_sweep(store, sweep_id=sweep_id, name=sweep_id, command="x", tags={})


def start_cell(store: Store, parent: str, key: str) -> str:
    return write.start_cell(store, parent_run_id=parent, sweep_id="s", cell_name=key, cell_key=key, params={}, tags={})


def test_what_a_cell_was_measured_on_is_known_to_the_plan_and_in_the_frame(tmp_path: Path) -> None:
    store = open_store(tmp_path, "e")
    parent = start_sweep(store, "s")
    run_id = start_cell(store, parent, "key")
    write.log_summary(store, run_id, {"npu/ethos_u55/latency_ms": 1.5, "npu/표지/op_pct": 99.0, "int8/mAP50": 0.5})
    facts = {"state": "measured", "compiler": "Vela 5.2.0", "fallbacks": ["MATMUL (model.10)"] * 1000}
    write.set_tags(store, run_id, {tag_of(name): tag_text(facts) for name in ("ethos_u55", "표지")})
    write.set_tags(store, run_id, {names.WEIGHTS_DIGEST: "a" * 64})

    (known,) = find_runs_by_key(store, ["key"])["key"]
    assert lacking(known.tags, {"int8": None, "ethos_u55": None, "표지": None}) == ("int8",)
    assert runs_by_id(store, [run_id, "0" * 32]) == {run_id: known}
    row = sweep_cells(store, parent).loc[0]
    assert measured_facts(row.to_dict())["표지"].compiler == "Vela 5.2.0"
    assert row["weights_digest"] == "a" * 64
    assert [name for name in row.index if "/" in name] == ["npu/ethos_u55/latency_ms", "npu/표지/op_pct", "int8/mAP50"]


def test_cells_that_begin_at_one_moment_log_the_same_data_set(tmp_path: Path) -> None:
    store = open_store(tmp_path, "e")
    sweep = start_sweep(store, "s")
    cells = [start_cell(store, sweep, f"cell{number}") for number in range(6)]
    failed = []

    def log(run_id: str, data: str, together: threading.Barrier) -> None:
        together.wait()
        try:
            write.log_dataset_input(store, run_id, name=data, digest="d" * 64, source="/data", context="training")
        except Exception as error:
            failed.append(error)

    for data in ("signs", "roads", "shops"):
        together = threading.Barrier(len(cells))
        threads = [threading.Thread(target=log, args=(run_id, data, together)) for run_id in cells]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert failed == []
    for run_id in cells:
        inputs = store.client.get_run(run_id).inputs.dataset_inputs
        assert sorted(each.dataset.name for each in inputs) == ["roads", "shops", "signs"]
