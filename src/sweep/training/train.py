"""One training from a recipe to checkpoints, and the evaluation of the best of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sweep.architecture.transfer import Transferred
    from sweep.statistics.images import ImageStatistics

EpochHook = Callable[[int, dict[str, float]], None]
RESULTS = ("precision", "recall", "mAP50", "mAP50-95")


@dataclass(frozen=True)
class Trained:
    """What a training leaves: its checkpoints, the figures of its last epoch, and the epoch of the best one."""

    best: Path
    last: Path
    results_csv: Path
    best_epoch: int
    last_metrics: Mapping[str, float]
    seconds: float
    model: Any
    curves: Mapping[int, Mapping[str, float]] = field(default_factory=dict)
    """The metrics of each epoch, counted from 1."""
    transferred: Transferred | None = None
    """What the initial checkpoint gave; None for a training from scratch."""


@dataclass(frozen=True)
class Evaluation:
    """Precision, recall, mAP50 and mAP50-95 by name, unrounded, and what they are made from, image by image."""

    figures: dict[str, float]
    statistics: ImageStatistics


def train(
    model_yaml: Mapping[str, Any],
    recipe: Mapping[str, Any],
    *,
    view: Path,
    seed: int,
    device: str,
    folder: Path,
    weights: Path | None,
    on_epoch: EpochHook,
    state: Path | None = None,
    nan_patience: int = 3,
) -> Trained:
    """Train a model from scratch or from a checkpoint, or go on with a training that was cut short.

    Args:
        model_yaml: The resolved Ultralytics model YAML.
        recipe: Ultralytics training arguments by name.
        view: `data.yaml` of the data set's view in home.
        seed: Random seed.
        device: `cpu`, `mps`, or `cuda` (the worker sees its own GPU only).
        folder: Where checkpoints and `results.csv` go.
        weights: Checkpoint to start from, or None.
        on_epoch: Called after each epoch with its number, counted from 1, and its unrounded metrics; for those that an
            interrupted training had finished, too.
        state: Where the training keeps its state after each epoch; what is there already, it goes on from. None: it
            cannot be gone on with.
        nan_patience: After how many epochs in a row with losses that are no numbers it is stopped.

    Raises:
        Diverged: The losses were no numbers for that long.
        Exception: Whatever Ultralytics raises; nothing is caught here.
    """
    from ultralytics.utils import YAML

    from sweep.training.trainer import CellTrainer

    model_file = folder / "model.yaml"
    YAML.save(model_file, dict(model_yaml))
    overrides = {
        **recipe,
        "task": "detect",
        "mode": "train",
        "model": str(model_file),
        "data": str(view),
        "seed": seed,
        "device": "0" if device == "cuda" else device,
        "project": str(folder.parent),
        "name": folder.name,
        "exist_ok": True,
        "plots": False,
        "pretrained": False,
    }
    start = time.perf_counter()
    trainer = CellTrainer(
        overrides, model_yaml=model_yaml, weights=weights, on_epoch=on_epoch, state=state, nan_patience=nan_patience
    )
    course = trainer.course
    before = course.seconds
    for epoch, metrics in course.curves.items():
        on_epoch(epoch, metrics)
    trainer.train()
    return Trained(
        best=trainer.best,
        last=trainer.last,
        results_csv=trainer.csv,
        best_epoch=course.best_epoch,
        last_metrics=course.curves[course.epochs],
        seconds=before + time.perf_counter() - start,
        model=trainer.ema.ema,
        curves=course.curves,
        transferred=trainer.transferred,
    )


def evaluate(
    model_file: Path,
    *,
    view: Path,
    imgsz: int,
    batch: int,
    device: str,
    folder: Path,
    workers: int = 0,
    split: str = "val",
    originals: Mapping[str, str] | None = None,
) -> Evaluation:
    """The unrounded result of `YOLO(model_file).val(data=…, imgsz=…, batch=…)`, and what it found in each image.

    Args:
        model_file: A checkpoint, or an exported ONNX file.
        view: `data.yaml` of the data set's view in home.
        imgsz: Side of the input in pixels.
        batch: Pictures at once; an exported file has its own.
        device: `cpu`, `mps` or `cuda`.
        folder: Where Ultralytics may write.
        workers: Processes that load pictures; they change no result.
        split: `val`, or `test` where the view has that split.
        originals: What the files of the view are copies of, by file: statistics name the originals.
    """
    from ultralytics import YOLO

    from sweep.training.validator import RecordingValidator, image_statistics

    model = YOLO(str(model_file), task="detect")
    validators: list[RecordingValidator] = []
    model.add_callback("on_val_end", validators.append)
    metrics = model.val(
        validator=RecordingValidator,
        data=str(view),
        split=split,
        imgsz=imgsz,
        batch=batch,
        workers=workers,
        device="0" if device == "cuda" else device,
        plots=False,
        project=str(folder),
        name=split,
        exist_ok=True,
    )
    results = metrics.results_dict
    figures = {name: float(results[f"metrics/{name}(B)"]) for name in RESULTS}
    return Evaluation(figures, image_statistics(validators[0], originals or {}))
