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


def tuned(recipe: float, best: float, *, trials: int = 4, pruned: int = 1, **others: float) -> dict[str, float]:
    """Return what a study leaves in a cell's run: these mAP50-95 of the recipe and of the best trial."""
    found = dict.fromkeys(names.TUNE_METRICS, 0.0)
    for metrics, value in ((names.TUNE_RECIPE, recipe), (names.TUNE_TUNED, best)):
        found |= {metrics["mAP50-95"]: value, metrics["mAP50"]: value + 0.2}
    found |= {"tune/value": best, "tune/trials": float(trials), "tune/pruned": float(pruned), "tune/train_s": 60.0}
    return found | {"tune/best_trial": 1.0, "tune/epochs": trials * 10.0 - pruned * 7.0} | others


def tuned_tags(best: Mapping[str, object] | None = None, **others: str) -> dict[str, str]:
    """Return the tags of a tuned cell: its study, and the best parameters."""
    told = {
        names.TUNE_STUDY: "study",
        names.TUNE_SAMPLER: "tpe",
        names.TUNE_PRUNER: "hyperband",
        names.TUNE_OBJECTIVE: "metrics/mAP50-95",
        names.TUNE_EPOCHS_TAG: "10",
        names.TUNE_STOPPED: "total",
        names.TUNE_REFIT: "false",
    }
    parameters = best if best is not None else {"lr0": 0.00345678, "box": 9.5}
    return told | {f"{names.TUNE_BEST_TAG_PREFIX}{name}": str(value) for name, value in parameters.items()} | others


def study_json(recipe: float, best: float, /, **others: Any) -> dict[str, Any]:
    """Return the content of `tune/study.json` : four trials ended, one of them pruned."""
    told = [
        (0, 0, "complete", recipe, 10, None),
        (1, 1, "complete", best, 10, None),
        (2, 2, "pruned", recipe / 2, 3, None),
        (3, 3, "lost", None, 2, None),
        (4, 3, "complete", (recipe + best) / 2, 10, None),
        (5, 4, "failed", None, 1, "ValueError: boom"),
    ]
    trials = [
        {"number": number, "slot": slot, "state": state, "value": value, "epochs": epochs, "seconds": 1.5,
         "params": {"lr0": 0.002, "box": 7.5}, "run_id": f"r{number}", "reason": reason}
        for number, slot, state, value, epochs, reason in told
    ]  # fmt: skip
    content = {
        "study": "study",
        "sampler": {"name": "tpe", "arguments": {}},
        "pruner": {"name": "hyperband", "arguments": {}},
        "objective": "metrics/mAP50-95",
        "direction": "maximize",
        "seed": 0,
        "epochs": 10,
        "recipe_epochs": 10,
        "stopped": "total",
        "refit": False,
        "space": {"lr0": "tag(log, interval(0.0003, 0.02))", "box": "interval(2.0, 15.0)"},
        "recipe": {"lr0": 0.002, "box": 7.5},
        "best": {"lr0": 0.00345678, "box": 9.5},
        "best_trial": 1,
        "importance": {"lr0": 0.75, "box": 0.25},
        "trials": trials,
    }
    return content | others
