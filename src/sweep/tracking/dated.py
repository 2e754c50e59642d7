"""Runs with the dates of a training that is over: `tracking.write` writes what happens now."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sweep.tracking import names, write
from sweep.tracking.store import Store

BATCH = 1000  # MLflow's limit of metrics in one call (mlflow/utils/validation.py)


def start_cell(
    store: Store,
    *,
    parent_run_id: str,
    sweep_id: str,
    cell_name: str,
    cell_key: str,
    params: Mapping[str, Any],
    tags: Mapping[str, str],
    started: datetime,
) -> str:
    """Start the run of a cell as `write.start_cell` does, at a time that is past."""
    own = {
        names.PARENT: parent_run_id,
        names.KIND: names.KIND_CELL,
        names.SWEEP_ID: sweep_id,
        names.CELL: cell_name,
        names.CELL_KEY: cell_key,
        names.HOME: str(store.home),
    }
    content = {name: write.cut_tag(str(value)) for name, value in {**tags, **own}.items()}
    run = store.client.create_run(store.experiment_id, start_time=_ms(started), tags=content, run_name=cell_name)
    run_id = str(run.info.run_id)
    write.log_params(store, run_id, params)
    return run_id


def log_curves(store: Store, run_id: str, epochs: Mapping[int, Mapping[str, float]], started: datetime) -> None:
    """Log the metrics of all epochs, step = epoch, each at the time when its epoch ended."""
    from mlflow.entities import Metric

    points, now = [], _ms(started)
    for epoch, metrics in sorted(epochs.items()):
        now += int(1000 * metrics.get("time/epoch_s", 0.0))
        points += [Metric(name, write.storable(value), now, epoch) for name, value in metrics.items()]
    for first in range(0, len(points), BATCH):
        store.client.log_batch(run_id, metrics=points[first : first + BATCH])


def finish(store: Store, run_id: str, ended: datetime) -> None:
    """End a run as FINISHED, at a time that is past."""
    store.client.set_terminated(run_id, names.FINISHED, end_time=_ms(ended))


def _ms(time: datetime) -> int:
    return int(time.timestamp() * 1000)
