"""What tracking knows of cells and sweeps whose processes are gone."""

from __future__ import annotations

import platform
import threading
from pathlib import Path

from sweep.tracking import names, write
from sweep.tracking.measured import lacking, measured_facts, tag_of, tag_text
from sweep.tracking.read import find_runs_by_key, runs_by_id, search, sweep_cells
from sweep.tracking.runs import close_abandoned, close_dead_sweeps, close_open_cells, finished_run
from sweep.tracking.store import Store, open_store

HERE = {names.HOST: platform.node()}


def start_sweep(store: Store, sweep_id: str, host: dict[str, str] | None = None) -> str:
    return write.start_sweep(store, sweep_id=sweep_id, name=sweep_id, command="x", tags=HERE if host is None else host)


def start_cell(store: Store, parent: str, key: str) -> str:
    return write.start_cell(
        store, parent_run_id=parent, sweep_id="s", cell_name=key, cell_key=key, params={}, tags=HERE
    )


def statuses(store: Store) -> dict[str, str]:
    return {run.run_id: run.status for run in search(store, "")}


def test_a_dead_sweep_and_its_open_cells_are_closed_and_the_living_are_not(tmp_path: Path) -> None:
    store = open_store(tmp_path, "e")
    dead, alive = start_sweep(store, "dead"), start_sweep(store, "alive")
    lost, held = start_cell(store, dead, "lost"), start_cell(store, dead, "held")
    running = start_cell(store, alive, "running")

    close_dead_sweeps(store, sweep_alive=lambda name: name == "alive", cell_alive=lambda key: key == "held")

    assert statuses(store) == {
        dead: "killed",
        lost: "killed",
        held: "running",
        alive: "running",
        running: "running",
    }


def test_open_cells_of_a_sweep_that_goes_on_are_closed_and_the_living_are_not(tmp_path: Path) -> None:
    store = open_store(tmp_path, "e")
    sweep = start_sweep(store, "s")
    lost, held = start_cell(store, sweep, "lost"), start_cell(store, sweep, "held")
    ended = start_cell(store, sweep, "ended")
    write.finish(store, ended, "FINISHED")

    close_open_cells(store, sweep, cell_alive=lambda key: key == "held")

    assert statuses(store) == {sweep: "running", lost: "killed", held: "running", ended: "finished"}


def test_sweeps_of_other_hosts_and_other_homes_are_left_alone(tmp_path: Path) -> None:
    """Their locks cannot be seen from here, so nothing is known of their processes."""
    uri = f"sqlite:///{tmp_path / 'shared.db'}"
    here, there = open_store(tmp_path / "here", "e", uri), open_store(tmp_path / "there", "e", uri)
    elsewhere = start_sweep(here, "elsewhere", host={names.HOST: "another-host"})
    other = start_sweep(there, "other")
    cell = start_cell(there, other, "key")

    close_dead_sweeps(here, sweep_alive=lambda _: False, cell_alive=lambda _: False)
    close_abandoned(here, "key")

    assert statuses(here) == {elsewhere: "running", other: "running", cell: "running"}


def test_only_a_finished_run_counts(tmp_path: Path) -> None:
    store = open_store(tmp_path, "e")
    parent = start_sweep(store, "s")
    first, second = start_cell(store, parent, "key"), start_cell(store, parent, "key")
    assert finished_run(store, "key") is None
    write.finish(store, first, "FINISHED")
    found = finished_run(store, "key")
    assert found is not None
    assert found.run_id == first
    close_abandoned(store, "key")
    assert statuses(store)[second] == "killed"


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
