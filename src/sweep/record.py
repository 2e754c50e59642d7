"""What a cell writes to MLflow besides its curves: its run with params and tags, its summary, its files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sweep.identity import axes_of, file_digest
from sweep.measuring import size_of
from sweep.work import Work

if TYPE_CHECKING:
    from sweep.architecture.transfer import Transferred
    from sweep.training.train import Trained


def start_run(work: Work) -> str:
    """Open the cell's MLflow run, with its parameters, provenance and data set; returns the run id."""
    from sweep.architecture.summary import summarize, summary_text
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
            **axes_of(cell, work.data),
            **{f"recipe.{name}": value for name, value in work.identity.recipe.items()},
        },
        tags=provenance_tags(device=work.device)
        | {
            names.LEVEL_TITLE: str(cell.level.get("title", {}).get("en", "")),
            names.ARCHITECTURE: summary_text(summarize(work.identity.model)),
            names.ATTEMPT: str(job["attempt"]),
        },
    )
    if cell.weights:
        write.set_tags(work.store, run_id, {names.WEIGHTS_DIGEST: file_digest(cell.weights)})
    source, digest = str(work.data.yaml), work.data.digest
    write.log_dataset_input(work.store, run_id, name=work.data.name, digest=digest, source=source, context="training")
    return run_id


def summary(trained: Trained) -> dict[str, float]:
    """The summary metrics of a training itself: its best epoch, the figures of the last one, the time it took."""
    from sweep.tracking import names

    metrics = {names.BEST_EPOCH: float(trained.best_epoch)}
    metrics |= {name.replace("metrics/", "final/"): trained.last_metrics[name] for name in names.EPOCH_DETECTION}
    metrics |= {f"final/{name}": trained.last_metrics[name] for name in names.LOSSES}
    if trained.transferred is not None:
        metrics[names.CARRIED] = trained.transferred.carried_pct
    return metrics | {names.TRAIN_TIME: trained.seconds}


def log_size(work: Work, run_id: str, trained: Trained, folder: Path) -> Path:
    """Count and log parameters, operations and the nodes of the ONNX export, whose path is returned."""
    from sweep.tracking import names, write

    work.progress.write("stage", stage="counting parameters, operations and nodes")
    counted, graph = size_of(trained.model, trained.best, work.identity.recipe["imgsz"], folder / "export")
    write.log_summary(work.store, run_id, counted)
    write.set_tags(work.store, run_id, {names.ONNX_OPSET: str(graph.opset)})
    return graph.path


def artifacts(work: Work, trained: Trained, folder: Path) -> dict[str, Path]:
    """The files of a cell that MLflow keeps, by artifact path."""
    import yaml

    config = folder / "config.yaml"
    chosen = {"base": work.cell.base, "level": work.cell.level, "act": work.cell.act, "data": work.cell.data}
    weights = work.cell.weights
    initial = {"weights": str(weights), "digest": file_digest(weights)} if weights else {"weights": None}
    content = chosen | {"model": initial, "recipe": work.cell.recipe, "seed": work.cell.seed, "key": work.identity.key}
    config.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), "utf-8")
    files = {
        "weights/best.pt": trained.best,
        "weights/last.pt": trained.last,
        "model.yaml": folder / "model.yaml",
        "results.csv": trained.results_csv,
        "config.yaml": config,
        "train.log": folder / "train.log",
    }
    if trained.transferred is not None:
        files["report/transfer.csv"] = _transfer_table(trained.transferred, folder / "transfer.csv")
    return files


def _transfer_table(transferred: Transferred, path: Path) -> Path:
    """What each layer received from the initial checkpoint, as CSV."""
    import pandas as pd

    pd.DataFrame(transferred.rows()).to_csv(path, index=False)
    return path
