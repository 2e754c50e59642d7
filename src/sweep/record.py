"""What a cell writes to MLflow besides its curves: its run with params and tags, its summary, its files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweep.config import CellConfig, Settings
from sweep.identity import Identity
from sweep.progress import ProgressWriter

if TYPE_CHECKING:
    from sweep.data.dataset import Dataset
    from sweep.tracking.store import Store
    from sweep.training.train import Trained


@dataclass(frozen=True)
class Work:
    """All that a cell needs: the sweeper's word (`job`), what to train, and where it is tracked."""

    job: dict[str, Any]
    settings: Settings
    cell: CellConfig
    data: Dataset
    identity: Identity
    device: str
    store: Store
    progress: ProgressWriter


def start_run(work: Work) -> str:
    """Open the cell's MLflow run, with its parameters, provenance and data set; returns the run id."""
    from sweep.tracking import names, write
    from sweep.tracking.provenance import provenance_tags

    cell, job = work.cell, work.job
    run_id = write.start_cell(
        work.store,
        parent_run_id=job["parent_run_id"],
        sweep_id=job["sweep_id"],
        cell_name=job["name"],
        cell_key=job["key"],
        params={
            "base": cell.base["name"],
            "level": cell.level["name"],
            "act": cell.act["name"],
            "seed": cell.seed,
            "recipe": cell.recipe["name"],
            "data": work.data.name,
            **{f"recipe.{name}": value for name, value in work.identity.recipe.items()},
        },
        tags=provenance_tags(device=work.device)
        | {names.LEVEL_TITLE: str(cell.level.get("title", {}).get("en", "")), names.ATTEMPT: str(job["attempt"])},
    )
    source, digest = str(work.data.yaml), work.data.digest
    write.log_dataset_input(work.store, run_id, name=work.data.name, digest=digest, source=source, context="training")
    return run_id


def summary(trained: Trained, best: Mapping[str, float]) -> dict[str, float]:
    """The summary metrics of a training: the best checkpoint's evaluation and the figures of the last epoch."""
    from sweep.tracking import names

    metrics = {f"best/{name}": value for name, value in best.items()} | {names.BEST_EPOCH: float(trained.best_epoch)}
    metrics |= {name.replace("metrics/", "final/"): trained.last_metrics[name] for name in names.EPOCH_DETECTION}
    metrics |= {f"final/{name}": trained.last_metrics[name] for name in names.LOSSES}
    return metrics | {names.TRAIN_TIME: trained.seconds}


def artifacts(work: Work, trained: Trained, folder: Path) -> dict[str, Path]:
    """The files of a cell that MLflow keeps, by artifact path."""
    import yaml

    config = folder / "config.yaml"
    chosen = {"base": work.cell.base, "level": work.cell.level, "act": work.cell.act, "data": work.cell.data}
    content = chosen | {"recipe": work.cell.recipe, "seed": work.cell.seed, "key": work.identity.key}
    config.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), "utf-8")
    return {
        "weights/best.pt": trained.best,
        "weights/last.pt": trained.last,
        "model.yaml": folder / "model.yaml",
        "results.csv": trained.results_csv,
        "config.yaml": config,
        "train.log": folder / "train.log",
    }
