"""Assess any Ultralytics detection model, ours or not: what `python -m sweep npu assess` does."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweep.errors import SweepError
from sweep.measuring import size_of

if TYPE_CHECKING:
    from sweep.data.dataset import Dataset
    from sweep.npu.measure import Measured
    from sweep.npu.targets import Target

BATCH = 16  # of the evaluation, as Ultralytics validates by default
DEFAULT_IMGSZ = 640
WITHOUT_DATA = 16  # random pictures that stand for calibration data


@dataclass(frozen=True)
class Assessment:
    """What is known of a model.

    Attributes:
        model: the file that was assessed.
        imgsz: side of the input in pixels.
        data: name of the data set, or None: then nothing was evaluated, and INT8 was calibrated on noise.
        metrics: by MLflow name, `best/mAP50` for the FP32 accuracy.
        facts: what the measured figures are, by target and for `int8`.
        folder: where the exported and compiled files are.
    """

    model: Path
    imgsz: int
    data: str | None
    metrics: Mapping[str, float]
    facts: Mapping[str, Mapping[str, Any]]
    folder: Path


def assess(
    path: Path,
    targets: Sequence[Target],
    folder: Path,
    home: Path,
    *,
    data: Dataset | None = None,
    imgsz: int | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Assessment:
    """Measure a checkpoint, or a model YAML with random weights.

    Args:
        path: A detection checkpoint (`.pt`) or model YAML of Ultralytics.
        targets: What to measure against.
        folder: Where everything is written; created.
        home: The folder that holds all state.
        data: A checked data set: its training pictures calibrate the INT8 file, its val pictures evaluate both.
        imgsz: Side of the input; None: that of the training, or 640 for a model YAML.
        say: Told what is measured now.

    Raises:
        SweepError: The file is not a detection model of Ultralytics, or the data has other classes.
    """
    from sweep.architecture.checkpoint import read_checkpoint

    folder.mkdir(parents=True, exist_ok=True)
    checkpoint = path if path.suffix == ".pt" else _saved(path, folder / "model.pt")
    model = read_checkpoint(checkpoint)
    nc = int(model.model[-1].nc)
    if data is not None and data.nc != nc:
        raise SweepError(
            f"{path} detects {nc} classes, but data {data.name} has {data.nc}. Give the data that it was trained on."
        )
    side = imgsz or _trained_at(model)
    say("counting parameters, FLOPs and nodes")
    metrics, graph = size_of(model, checkpoint, side, folder)
    measured = _measure(checkpoint, graph.path, side, targets, folder, home, data, say, metrics)
    assessment = Assessment(path, side, data.name if data else None, metrics | measured.metrics, measured.facts, folder)
    content = asdict(assessment) | {"model": str(path), "folder": str(folder)}
    (folder / "assessment.json").write_text(json.dumps(content, indent=2, ensure_ascii=False), "utf-8")
    return assessment


def _measure(
    checkpoint: Path,
    onnx: Path,
    imgsz: int,
    targets: Sequence[Target],
    folder: Path,
    home: Path,
    data: Dataset | None,
    say: Callable[[str], None],
    metrics: dict[str, float],
) -> Measured:
    """The INT8 file and the targets; with data, the accuracy of the FP32 checkpoint goes into `metrics`."""
    from sweep.data.ultralytics_yaml import write_view
    from sweep.npu.calibration import calibration_images, random_images
    from sweep.npu.measure import measure
    from sweep.training.train import evaluate

    evaluate_file = None
    if data is not None:
        view = write_view(data, home)

        def evaluate_file(file: Path) -> dict[str, float]:
            return evaluate(file, view=view, imgsz=imgsz, batch=BATCH, device="cpu", folder=folder).figures

        say("validating the checkpoint")
        metrics |= {f"best/{name}": value for name, value in evaluate_file(checkpoint).items()}
    return measure(
        checkpoint,
        onnx,
        images=lambda: calibration_images(data.train, imgsz) if data else random_images(imgsz, WITHOUT_DATA),
        imgsz=imgsz,
        targets=targets,
        folder=folder,
        evaluate=evaluate_file,
        say=say,
    )


def _trained_at(model: Any) -> int:
    """The image size that a checkpoint was trained at; Ultralytics keeps it in the model's arguments."""
    arguments = getattr(model, "args", None) or {}
    imgsz = arguments.get("imgsz") if isinstance(arguments, Mapping) else getattr(arguments, "imgsz", None)
    return int(imgsz) if isinstance(imgsz, int | float) else DEFAULT_IMGSZ


def _saved(yaml: Path, checkpoint: Path) -> Path:
    """A checkpoint of a model YAML, with random weights that are the same every time.

    Raises:
        SweepError: Ultralytics cannot build a model of it.
    """
    import torch
    from ultralytics import YOLO

    torch.manual_seed(0)
    try:
        YOLO(str(yaml), task="detect").save(str(checkpoint))
    except Exception as error:  # whatever a YAML of the user's makes Ultralytics raise
        raise SweepError(
            f"{yaml} is no model YAML of a detector that Ultralytics can build ({type(error).__name__}: {error})."
        ) from error
    return checkpoint
