"""`python -m sweep status`: how far a sweep is, from MLflow alone."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from support.command_line import Ended
from support.sweeps import curve, end_sweep, figures, store_cell, store_sweep
from sweep.status import read_status, status_lines
from sweep.tracking import names, write
from sweep.tracking.expected import Expected
from sweep.tracking.store import Store, open_store

TAGS = {names.CELL_COUNT: "5", names.TO_RUN: "4", names.HOST: "desk"}


@pytest.fixture
def store(home: Path) -> Store:
    return open_store(home, "npu-sweep")


def begun(store: Store, sweep: str, name: str, epochs: int, asked: int = 10) -> str:
    """A cell that has come so far."""
    run_id = write.start_cell(
        store, parent_run_id=sweep, sweep_id="s", cell_name=name, cell_key=name,
        params={"recipe.epochs": asked}, tags={},
    )  # fmt: skip
    for epoch, metrics in enumerate(curve(0.4, epochs), start=1):
        write.log_epoch(store, run_id, epoch, metrics)
    return run_id


def test_a_sweep_that_runs(store: Store, home: Path, sweep: Callable[..., Ended]) -> None:
    expected = Expected(2, 0, 100.0, 7300.0, 200.0).as_tag()
    parent = store_sweep(store, tags=TAGS | {names.FORECAST: expected})
    store_cell(store, parent, "done", params={"recipe.epochs": 10}, summary=figures(0.7), epochs=curve(0.5, 2))
    store_cell(store, parent, "broken", params={"recipe.epochs": 10}, reason="no memory")
    begun(store, parent, "half", 5)
    begun(store, parent, "young", 0)

    ended = sweep("status", f"--home={home}")

    assert ended.returncode == 0, ended.stderr
    assert "Sweep s on desk: running; began" in ended.stdout
    assert "2 of 5 cells finished (1 before this sweep)." in ended.stdout
    assert "About 2 h 0" in ended.stdout
    rows = {line.split()[1]: line for line in ended.stdout.splitlines() if line.startswith("│")}
    assert set(rows) == {"done", "broken", "half", "young"}
    assert "finished" in rows["done"] and "10/10" in rows["done"] and "0.700" in rows["done"]
    assert "running" in rows["half"] and "5/10" in rows["half"] and "0.400" in rows["half"]
    assert "failed" in rows["broken"]
    assert "0/10" in rows["young"]


def test_one_that_has_ended_and_one_from_before_such_tags(store: Store) -> None:
    parent = store_sweep(store, sweep_id="old")
    entry = store_cell(store, parent, "c", sweep_id="old", summary=figures(0.7))
    end_sweep(store, parent, [entry], sweep_id="old")
    status = read_status(store, "old")
    assert status.ended
    first, second = status_lines(status)
    assert "finished" in first and "took" in first
    assert second == "1 cell finished."


def test_there_is_none(store: Store, home: Path, sweep: Callable[..., Ended]) -> None:
    ended = sweep("status", f"--home={home}")
    assert ended.returncode == 2
    assert "holds no sweep yet" in ended.stderr


def test_watching_goes_on_to_the_end(store: Store, home: Path, sweep: Callable[..., Ended]) -> None:
    parent = store_sweep(store, tags=TAGS)
    run_id = begun(store, parent, "c", 3)

    def finish() -> None:
        time.sleep(8)
        write.finish(store, run_id, "FINISHED")
        write.finish(store, parent, "FINISHED")

    ending = threading.Thread(target=finish)
    ending.start()
    ended = sweep("status", "--watch", f"--home={home}")
    ending.join()
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.count("Sweep s on desk") == 1
    assert "Sweep s on desk: finished" in ended.stdout


def test_cells_that_were_only_measured_count_when_the_sweep_has_ended(store: Store) -> None:
    """Their runs are under the sweep that trained them, not under this one."""
    before = store_sweep(store, sweep_id="before")
    entry = store_cell(store, before, "c", sweep_id="before", summary=figures(0.7))
    parent = store_sweep(store, tags={names.CELL_COUNT: "1", names.TO_RUN: "1"})
    assert read_status(store, "s").finished == 0
    end_sweep(store, parent, [entry | {"reused": True}])
    assert "1 of 1 cell finished." in status_lines(read_status(store, "s"))


def test_a_tuned_cell_is_as_far_as_its_trials(store: Store) -> None:
    parent = store_sweep(store, tags=TAGS)
    cell = begun(store, parent, "tuned", 0)
    write.set_tags(store, cell, {names.TUNE_STUDY: "study", names.TUNE_ASKED: "20"})
    for number, ended in enumerate((True, True, False)):
        trial = write.start_cell(
            store, parent_run_id=cell, sweep_id="s", cell_name=f"trial {number}", cell_key="tuned", params={}, tags={}
        )
        write.set_tags(store, trial, {names.KIND: names.KIND_TRIAL})
        if ended:
            write.finish(store, trial, "FINISHED")
    (row,) = read_status(store, "s").rows
    assert row.reached == "2/20 trials"


def test_a_sweep_that_was_killed_is_not_watched_for_ever(store: Store, home: Path, sweep: Callable[..., Ended]) -> None:
    parent = store_sweep(store, tags=TAGS | {names.HEARTBEAT: "2026-01-02T03:04:05Z"})
    begun(store, parent, "c", 3)
    ended = sweep("status", "--watch", f"--home={home}")
    assert ended.returncode == 0, ended.stderr
    assert "No sign of life since 2026-01-02 03:04 UTC" in ended.stdout


def test_a_sweep_that_is_deleted_while_it_is_watched_is_told_of(
    store: Store, home: Path, sweep: Callable[..., Ended]
) -> None:
    parent = store_sweep(store, tags=TAGS)

    def delete() -> None:
        time.sleep(8)
        store.client.delete_run(parent)

    deleting = threading.Thread(target=delete)
    deleting.start()
    ended = sweep("status", "--watch", f"--home={home}")
    deleting.join()
    assert ended.returncode == 2
    assert "holds no such sweep" in ended.stderr
