"""What can be said of a checkpoint file at once, without torch: whether it can be the start of a detector."""

from __future__ import annotations

import zipfile
from pathlib import Path

PICKLE = b"\x80"  # the first byte of a checkpoint in PyTorch's old format
DETECTION = "DetectionModel"
OTHER_MODELS = {  # of ultralytics.nn.tasks
    "SegmentationModel": "a segmentation model",
    "ClassificationModel": "a classification model",
    "PoseModel": "a pose model",
    "OBBModel": "a model for rotated boxes",
    "WorldModel": "an open-vocabulary model",
}


def weights_problem(path: Path) -> str | None:
    """Why a file cannot be the initial weights of a detector, as a sentence; None where nothing speaks against it.

    PyTorch's format is a zip archive with a pickle `data.pkl` in it, which names the classes that it holds.
    """
    with path.open("rb") as stream:
        if stream.read(1) == PICKLE:
            return None
    if not zipfile.is_zipfile(path):
        return f"The initial weights {path} are no PyTorch checkpoint, or an incomplete one. Copy the file again."
    try:
        with zipfile.ZipFile(path) as archive:
            content = next(archive.read(name) for name in archive.namelist() if name.endswith("data.pkl"))
    except (StopIteration, zipfile.BadZipFile, OSError):
        return f"The initial weights {path} are a zip archive, but no PyTorch checkpoint."
    if DETECTION.encode() in content:
        return None
    held = next((kind for name, kind in OTHER_MODELS.items() if name.encode() in content), "no Ultralytics detector")
    return f"The initial weights {path} hold {held}. Give those of a detector, such as yolo11n.pt."
