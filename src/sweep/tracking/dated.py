"""Curves of a training that is over, all at once: `tracking.write` logs an epoch when it happens."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sweep.tracking import write
from sweep.tracking.store import Store

BATCH = 1000  # MLflow's limit of metrics in one call (mlflow/utils/validation.py)


def log_curves(store: Store, run_id: str, epochs: Mapping[int, Mapping[str, float]], started: datetime) -> None:
    """Log the metrics of all epochs, step = epoch, each at the time when its epoch ended."""
    from mlflow.entities import Metric

    points, now = [], write.milliseconds(started)
    for epoch, metrics in sorted(epochs.items()):
        now += int(1000 * metrics.get("time/epoch_s", 0.0))
        points += [Metric(name, write.storable(value), now, epoch) for name, value in metrics.items()]
    for first in range(0, len(points), BATCH):
        store.client.log_batch(run_id, metrics=points[first : first + BATCH])
