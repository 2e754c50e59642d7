"""64 cells that log at once: no error, nothing missing, each point once."""

from __future__ import annotations

import multiprocessing
import os
import time
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest

from faults.conftest import Tell
from support.postgres import Postgres, postgres
from support.spooled import begin_cell, begin_sweep, delivered
from sweep.tracking import names
from sweep.tracking.read import search
from sweep.tracking.spool.drain import drain
from sweep.tracking.spool.run import SpooledRun
from sweep.tracking.store import Store, open_store

__all__ = ["postgres"]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]
CELLS, EPOCHS, LIMIT_S = 64, 20, 900.0
METRICS = (*names.EPOCH_DETECTION, *names.LOSSES, "lr/pg0", names.EPOCH_TIME)


@pytest.fixture(params=["SQLite", "PostgreSQL"])
def stored(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, Store]:
    """An empty store of that kind."""
    uri = None
    if request.param == "PostgreSQL":
        server: Postgres = request.getfixturevalue("postgres")
        uri = server.database()
    return request.param, open_store(tmp_path, "e", uri)


def cell(store: Store, sweep: SpooledRun, number: int, together: Barrier) -> None:
    """What a cell logs, as fast as it can, and delivers from its own process; exit code 1 if something is left."""
    run = begin_cell(store, sweep, f"cell{number:02d}", params={f"recipe.option{index}": index for index in range(60)})
    together.wait()
    run.log_input(name="signs", digest="d" * 64, source="/data", context="training")
    for epoch in range(1, EPOCHS + 1):
        run.log_epoch(epoch, dict.fromkeys(METRICS, number + epoch / 7))
    run.log_summary({name: float(number) for name in names.SUMMARY_METRICS})
    run.finish("FINISHED")
    left = drain(store, LIMIT_S, only=lambda folder: folder == run.folder)
    os._exit(1 if left else 0)


def test_64_cells_log_at_once(stored: tuple[str, Store], tell: Tell) -> None:
    kind, store = stored
    sweep = begin_sweep(store)
    delivered(store)
    store.client._tracking_client.store.engine.dispose()  # a connection must not be shared by forked processes
    context = multiprocessing.get_context("fork")
    together = context.Barrier(CELLS)
    began = time.monotonic()
    processes = [context.Process(target=cell, args=(store, sweep, number, together)) for number in range(CELLS)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    seconds = time.monotonic() - began

    assert [process.exitcode for process in processes] == [0] * CELLS
    sweep.finish("FINISHED")
    delivered(store)
    runs = {run.cell: run for run in search(store, f"tags.`{names.KIND}` = '{names.KIND_CELL}'")}
    assert len(runs) == CELLS
    for number in range(CELLS):
        run = runs[f"cell{number:02d}"]
        assert run.status == "finished"
        assert len(run.params) == 60
        for name in METRICS:
            points = [(point.step, point.value) for point in store.client.get_metric_history(run.run_id, name)]
            assert sorted(points) == [(epoch, number + epoch / 7) for epoch in range(1, EPOCHS + 1)], name
        assert len(store.client.get_run(run.run_id).inputs.dataset_inputs) == 1
    tell(
        f"{CELLS} cells log {EPOCHS} epochs at once to {kind}, each from its own process", 1,
        f"{CELLS * EPOCHS * len(METRICS)} points, each there once", f"no error; all delivered after {seconds:.0f} s",
    )  # fmt: skip
