"""What a tuned sweep has left: its trials in Optuna, and their runs in MLflow."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

TUNED = ("recipe.imgsz=32", "recipe.fraction=0.2", "recipe.epochs=2", "npu=none", "tune=optuna")


def trials(home: Path, storage: str | None = None) -> dict[str, list[Any]]:
    """The trials of each study, as Optuna itself reads them."""
    import optuna

    from sweep.tuning.storage import open_storage

    opened = open_storage(storage, home)
    return {
        name: optuna.load_study(study_name=name, storage=opened).get_trials()
        for name in optuna.get_all_study_names(opened)
    }


def states(studied: list[Any]) -> Counter[str]:
    """How many trials there are of each state."""
    return Counter(trial.state.name for trial in studied)


def runs_under(store: Any, run_id: str) -> Counter[tuple[str, str]]:
    """How many runs there are under a run, by kind and status."""
    from sweep.tracking.read import search

    found = search(store, f"tags.`mlflow.parentRunId` = '{run_id}'")
    return Counter((run.tags["sweep.kind"], run.status) for run in found)


def runs_of_trials(store: Any, run_id: str) -> list[Any]:
    """The runs of the trials under a cell's run, those of lost ones too, oldest first."""
    from sweep.tracking.read import search

    return list(search(store, f"tags.`mlflow.parentRunId` = '{run_id}'"))[::-1]


def check_totals(store: Any, cells: Any, home: Path, total: int, storage: str | None = None) -> None:
    """Exactly `total` trials of each cell have ended, in Optuna and under the cell's run, and none is under way."""
    from sweep.tracking.read import runs_by_id

    studies = trials(home, storage)
    runs = runs_by_id(store, list(cells["run_id"]))
    for run_id in cells["run_id"]:
        found = states(studies[runs[run_id].tags["tune.study"]])
        assert found["COMPLETE"] + found["PRUNED"] == total
        assert found["RUNNING"] + found["WAITING"] == 0
        under = runs_under(store, run_id)
        assert under["trial", "finished"] == total
        assert not [kind for kind in under if kind[1] == "running"]
