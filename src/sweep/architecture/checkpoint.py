"""Read the detection model of an Ultralytics checkpoint, with a sentence for the user where the file is none."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from sweep.errors import SweepError
from sweep.files import is_file, is_folder
from sweep.weights import OTHER_MODELS, check_checkpoint

if TYPE_CHECKING:
    from torch.nn import Module
    from ultralytics.nn.tasks import DetectionModel


SAFE_LOAD = "ULTRALYTICS_SAFE_LOAD"
"""The variable that has Ultralytics open checkpoints by an allow-list of classes, and build models without `eval`."""


def are_trusted() -> bool:
    """Whether this process opens checkpoints whatever code they name: `prepare_ultralytics` was told so."""
    return os.environ.get(SAFE_LOAD) == "false"


def read_checkpoint(path: Path | str) -> DetectionModel:
    """The model of a checkpoint as Ultralytics loads it: its `ema` or `model`, float32, in evaluation mode, on the CPU.

    Call `sweep.training.environment.prepare_ultralytics` or `set_environment` first. Nothing is downloaded. A
    checkpoint is a pickle: one that names more than stock Ultralytics is refused, unless this process trusts them all.

    Raises:
        SweepError: there is no such file, it could run code, it cannot be read, or it holds something else than a
            detection model.
    """
    path = Path(path)
    if is_folder(path):
        raise SweepError(f"The checkpoint {path} is a folder. Give the path of a .pt file in it.")
    if not is_file(path):
        raise SweepError(f"The checkpoint {path} does not exist. Give the path of a .pt file.")
    if path.suffix != ".pt":
        raise SweepError(f"The checkpoint {path} does not end in .pt. Give an Ultralytics checkpoint.")
    check_checkpoint(path, trust=are_trusted())
    from ultralytics.nn.tasks import load_checkpoint

    try:
        model, _ = load_checkpoint(str(path))
    except Exception as error:  # whatever unpickling a file of the user's can raise
        raise SweepError(
            f"{path} cannot be read as an Ultralytics checkpoint ({type(error).__name__}): the file is incomplete,"
            " damaged or no checkpoint. Copy it again, or give a .pt file that Ultralytics wrote."
        ) from error
    return detection_model(model, str(path))


def detection_model(model: Module, name: str) -> DetectionModel:
    """The model itself, if it is an Ultralytics detection model that has not been fused.

    Args:
        model: any module.
        name: what to call it in the error.

    Raises:
        SweepError: it is something else.
    """
    from ultralytics.nn.modules.head import Detect, v10Detect
    from ultralytics.nn.tasks import DetectionModel

    last = model.model[-1] if isinstance(model, DetectionModel) else None
    if not isinstance(model, DetectionModel) or type(last) not in (Detect, v10Detect):
        found = type(model).__name__ if last is None or isinstance(last, Detect) else type(last).__name__
        kind = OTHER_MODELS.get(type(model).__name__, "another model")
        raise SweepError(
            f"{name} holds no detection model (Detect), but {kind} ({found})."
            " Give the checkpoint of an Ultralytics detection model, such as yolo11n.pt."
        )
    if model.is_fused():
        raise SweepError(
            f"{name} holds a fused model, whose batch normalisation is gone. Give the checkpoint as training left it."
        )
    return model
