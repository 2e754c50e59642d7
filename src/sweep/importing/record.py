"""Write an imported cell to MLflow, as a cell of ours writes itself."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sweep.errors import in_one_line
from sweep.importing.accuracy import Accuracy
from sweep.importing.arguments_yaml import device_of
from sweep.importing.cell import ImportedCell
from sweep.tracking import dated, names, write
from sweep.tracking.store import Store

OF_THIS_MACHINE = (names.HOST, f"{names.VERSION_PREFIX}sweep", f"{names.VERSION_PREFIX}mlflow")


@dataclass(frozen=True)
class Sized:
    """Parameters, operations and nodes by metric name, and the opset of the export that they were counted in."""

    metrics: Mapping[str, float]
    opset: int


def record_cell(
    store: Store,
    cell: ImportedCell,
    accuracy: Accuracy,
    sized: Sized,
    *,
    parent_run_id: str,
    sweep_id: str,
    name: str,
    folder: Path,
) -> str:
    """Log a cell with its curves, figures and files, and return its run id. It begins and ends when it was trained.

    Args:
        store: The opened store.
        cell: The cell. The caller holds its lock.
        accuracy: The figures of its best checkpoint.
        sized: How large it is.
        parent_run_id: The sweep's run.
        sweep_id: The sweep.
        name: What the sweep calls the cell.
        folder: Where files are written before they are logged.
    """
    from sweep.tracking import models

    run = cell.folder
    run_id = write.start_cell(
        store,
        parent_run_id=parent_run_id,
        sweep_id=sweep_id,
        cell_name=name,
        cell_key=cell.key,
        params={**cell.axes, **{f"recipe.{key}": value for key, value in cell.recipe.items() if key != "name"}},
        tags=_tags(cell, accuracy, sized),
        started=run.started,
    )
    try:
        if (dataset := cell.data.dataset) is not None:
            source, digest = str(dataset.yaml), dataset.digest
            write.log_dataset_input(store, run_id, name=dataset.name, digest=digest, source=source, context="training")
        dated.log_curves(store, run_id, run.results.epochs, run.started)
        write.log_summary(store, run_id, {**accuracy.metrics, **_summary(cell), **sized.metrics})
        write.log_files(store, run_id, {**run.files, **_written(cell, folder), **accuracy.files})
        imgsz = int(run.arguments["imgsz"])
        models.log_model(store, run_id, run.best.path, imgsz=imgsz, names=run.best.names)
        write.finish(store, run_id, names.FINISHED, ended=run.ended)
    except BaseException as error:
        with contextlib.suppress(Exception):  # a full disk, a server that is away: the run has to end
            status: write.Status = "FAILED" if isinstance(error, Exception) else "KILLED"
            write.finish(store, run_id, status, reason=in_one_line(error))
        raise
    return run_id


def _summary(cell: ImportedCell) -> dict[str, float]:
    """What `sweep.record.summary` gives for a training of ours, as far as results.csv has it."""
    results = cell.folder.results
    metrics = {names.BEST_EPOCH: float(results.best_epoch(cell.folder.best.metrics))}
    last = results.last
    metrics |= {name.replace("metrics/", "final/"): last[name] for name in names.EPOCH_DETECTION if name in last}
    metrics |= {f"final/{name}": last[name] for name in names.LOSSES if name in last}
    return metrics if results.seconds is None else metrics | {names.TRAIN_TIME: results.seconds}


def _tags(cell: ImportedCell, accuracy: Accuracy, sized: Sized) -> dict[str, str]:
    from sweep.architecture.summary import summarize, summary_text
    from sweep.tracking.provenance import provenance_tags

    run, level, likeness = cell.folder, cell.claim.cell.level, cell.likeness
    here = provenance_tags(device_of(run.arguments))
    tags = {name: here[name] for name in (*OF_THIS_MACHINE, names.DEVICE) if name in here}
    tags |= {
        names.IMPORTED: run.path.resolve().name,
        names.BEST_FROM: accuracy.source,
        names.LEVEL_TITLE: str((level.get("title") or {}).get("en", "")),
        names.ONNX_OPSET: str(sized.opset),
        names.ATTEMPT: "0",
    }
    if run.best.ultralytics is not None:
        tags[f"{names.VERSION_PREFIX}ultralytics"] = run.best.ultralytics
    if likeness.resolved is not None and not likeness.differences:  # only then it is what the level did
        tags[names.ARCHITECTURE] = summary_text(summarize(likeness.resolved))
    return tags


def _written(cell: ImportedCell, folder: Path) -> dict[str, Path]:
    """The model YAML of the checkpoint itself, and the config as a cell of ours has it."""
    import yaml
    from ultralytics.utils import YAML

    model, config = folder / "model.yaml", folder / "config.yaml"
    YAML.save(model, cell.folder.best.yaml)
    config.write_text(yaml.safe_dump(cell.config, sort_keys=False, allow_unicode=True), "utf-8")
    return {"model.yaml": model, "config.yaml": config}
