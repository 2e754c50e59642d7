"""What a cell writes to MLflow besides its curves: its run with params and tags, its summary, its files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweep.evaluation import evaluate_best
from sweep.identity import axes_of, file_digest
from sweep.measuring import size_of
from sweep.work import Work

if TYPE_CHECKING:
    from ultralytics.nn.tasks import DetectionModel

    from sweep.architecture.transfer import Transferred
    from sweep.tracking.spool.run import SpooledRun
    from sweep.training.train import Trained


def start_run(work: Work, tags: Mapping[str, str] | None = None) -> SpooledRun:
    """Begin the cell's run, with its parameters, provenance and data set."""
    from sweep.architecture.summary import summarize, summary_text
    from sweep.tracking import names
    from sweep.tracking.provenance import provenance_tags
    from sweep.tracking.spool.run import SpooledRun, new_id

    cell, job = work.cell, work.job
    own = {
        names.KIND: names.KIND_CELL,
        names.SWEEP_ID: job["sweep_id"],
        names.CELL: job["name"],
        names.CELL_KEY: job["key"],
        names.TRAIN_IMAGES: str(len(work.data.train)),
        names.LEVEL_TITLE: str(cell.level.get("title", {}).get("en", "")),
        names.ARCHITECTURE: summary_text(summarize(work.identity.model)),
        names.ATTEMPT: str(job["attempt"]),
    }
    if cell.weights:
        own[names.WEIGHTS_DIGEST] = file_digest(cell.weights)
    if work.settings.rerun:
        own[names.RERUN] = "true"
    run = SpooledRun.begin(
        work.store,
        work.folder / new_id(),
        name=job["name"],
        tags=provenance_tags(device=work.device) | own | dict(tags or {}),
        params=params_of(work, work.identity.recipe),
        parent=work.settings.home / "sweeps" / job["sweep_id"],
    )
    data = work.data
    run.log_input(name=data.name, digest=data.digest, source=str(data.yaml), context="training")
    return run


def params_of(work: Work, recipe: Mapping[str, Any]) -> dict[str, Any]:
    """The params of a run: the cell's place in the grid, and the recipe that is trained."""
    return {**axes_of(work.cell, work.data), **{f"recipe.{name}": value for name, value in recipe.items()}}


def summary(trained: Trained) -> dict[str, float]:
    """The summary metrics of a training itself: its best epoch, the figures of the last one, the time it took."""
    from sweep.tracking import names

    metrics = {names.BEST_EPOCH: float(trained.best_epoch)}
    metrics |= {name.replace("metrics/", "final/"): trained.last_metrics[name] for name in names.EPOCH_DETECTION}
    losses = {name: value for name, value in trained.last_metrics.items() if name.startswith(names.LOSS_PREFIXES)}
    metrics |= {f"final/{name}": value for name, value in losses.items()}
    if trained.transferred is not None:
        metrics[names.CARRIED] = trained.transferred.carried_pct
    return metrics | {names.TRAIN_TIME: trained.seconds}


def log_result(
    work: Work, run: SpooledRun, best: Path, metrics: Mapping[str, float], files: Mapping[str, Path]
) -> dict[str, float]:
    """Evaluate a cell's best checkpoint and log its summary, its files and its model; returns the summary.

    Args:
        work: The cell's work.
        run: Its run.
        best: Its best checkpoint.
        metrics: The summary of its training.
        files: Its files by artifact path.
    """
    recipe = work.identity.recipe
    work.progress.write("stage", stage="validating the best checkpoint")
    evaluated = evaluate_best(best, work.data, work.view, recipe, work.device, run.folder)
    found = {**metrics, **evaluated.metrics}
    run.log_summary_once(found)
    run.log_files({**files, **evaluated.files})
    run.log_model(best, imgsz=recipe["imgsz"], classes=work.data.names)
    return found


def log_size(work: Work, run: SpooledRun, model: DetectionModel, best: Path) -> Path:
    """Count and log parameters, operations and the nodes of the ONNX export, whose path is returned."""
    from sweep.tracking import names

    work.progress.write("stage", stage="counting parameters, operations and nodes")
    counted, graph = size_of(model, best, work.identity.recipe["imgsz"], run.folder / "export")
    run.log_summary_once(counted)
    run.set_tags({names.ONNX_OPSET: str(graph.opset)})
    return graph.path


def artifacts(work: Work, trained: Trained, folder: Path) -> dict[str, Path]:
    """The files of a cell that MLflow keeps, by artifact path."""
    import yaml

    config = folder / "config.yaml"
    chosen = {"base": work.cell.base, "level": work.cell.level, "act": work.cell.act, "data": work.cell.data}
    weights = work.cell.weights
    initial = {"weights": str(weights), "digest": file_digest(weights)} if weights else {"weights": None}
    content = chosen | {"model": initial, "recipe": work.cell.recipe, "seed": work.cell.seed, "key": work.identity.key}
    if work.cell.tune is not None:
        content["tune"] = work.cell.tune.identity()
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
