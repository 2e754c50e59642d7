"""Sweeps in a real store, made of figures instead of trainings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sweep.tracking import names, write
from sweep.tracking.store import Store

AXES = {"base": "yolo11n", "seed": 0, "recipe": "quick", "data": "signs"}


def store_sweep(store: Store, *, sweep_id: str = "s", tags: Mapping[str, str] | None = None) -> str:
    """Start a sweep; returns its run id."""
    return write.start_sweep(
        store, sweep_id=sweep_id, name=f"sweep {sweep_id}", command="python -m sweep", tags=tags or {}
    )


def store_cell(
    store: Store,
    sweep: str,
    name: str,
    *,
    sweep_id: str = "s",
    params: Mapping[str, Any] | None = None,
    summary: Mapping[str, float] | None = None,
    epochs: Sequence[Mapping[str, float]] = (),
    tags: Mapping[str, str] | None = None,
    reason: str | None = None,
) -> dict[str, Any]:
    """Store a cell that ended, failed where a reason is given; returns its entry of cells.json."""
    run_id = write.start_cell(
        store,
        parent_run_id=sweep,
        sweep_id=sweep_id,
        cell_name=name,
        cell_key=name,
        params={**AXES, **(params or {})},
        tags=tags or {},
    )
    for epoch, metrics in enumerate(epochs, start=1):
        write.log_epoch(store, run_id, epoch, metrics)
    write.log_summary(store, run_id, summary or {})
    write.finish(store, run_id, "FAILED" if reason else "FINISHED", reason=reason)
    state = "failed" if reason else "finished"
    return {"cell": name, "key": name, "run_id": run_id, "state": state, "reused": False, "reason": reason}


def end_sweep(store: Store, sweep: str, cells: Sequence[Mapping[str, Any]], *, sweep_id: str = "s") -> None:
    """List the cells, and end the sweep."""
    write.log_cells(store, sweep, sweep_id=sweep_id, cells=cells)
    write.finish(store, sweep, "FINISHED")


def figures(best: float, **others: float) -> dict[str, float]:
    """Return a summary as a training leaves it, of a cell of this mAP50."""
    summary = dict.fromkeys(names.SUMMARY_METRICS, 0.5)
    for prefix in ("best", "final"):
        summary |= {f"{prefix}/{name}": best for name in names.DETECTION}
    return summary | {names.BEST_EPOCH: 2.0, names.TRAIN_TIME: 20.0} | others


def curve(best: float, epochs: int = 3) -> list[dict[str, float]]:
    """Return metrics of some epochs that rise to this mAP50."""
    return [
        dict.fromkeys(names.EPOCH_DETECTION, best * epoch / epochs)
        | dict.fromkeys(names.LOSSES, 3.0 / epoch)
        | {"lr/pg0": 0.01, "time/epoch_s": 1.0}
        for epoch in range(1, epochs + 1)
    ]
