"""A trained checkpoint and a picture for the tests of logged models."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from support.pictures import make_pictures

SURE = 1e-5  # after one epoch nothing is sure: every box counts


@dataclass(frozen=True)
class Detector:
    """A checkpoint trained for one epoch at 32 px, its class names, and a picture with boxes of its own making."""

    checkpoint: Path
    picture: Path
    names: dict[int, str]
    imgsz: int = 32
    conf: float = SURE

    @property
    def image(self) -> np.ndarray:
        """The picture as RGB (40, 56, 3) uint8."""
        return np.asarray(Image.open(self.picture).convert("RGB"))

    def boxes(self) -> np.ndarray:
        """What plain Ultralytics finds in the picture: rows of x1, y1, x2, y2, confidence, class."""
        from ultralytics import YOLO

        (result,) = YOLO(str(self.checkpoint)).predict(Image.open(self.picture), conf=self.conf, verbose=False)
        return result.boxes.data[:, :6].numpy()


@pytest.fixture(scope="session")
def detector(tmp_path_factory: pytest.TempPathFactory) -> Detector:
    from ultralytics import YOLO

    folder = tmp_path_factory.mktemp("detector")
    model = YOLO("yolo11n.yaml", task="detect", verbose=False)
    model.train(
        data=str(make_pictures(folder / "data")),
        epochs=1,
        imgsz=32,
        batch=2,
        workers=0,
        device="cpu",
        plots=False,
        verbose=False,
        project=str(folder),
        name="run",
    )
    pixels = np.random.default_rng(0).integers(0, 256, (40, 56, 3), dtype=np.uint8)
    picture = folder / "사진.png"
    Image.fromarray(pixels).save(picture)
    return Detector(folder / "run" / "weights" / "best.pt", picture, {0: "신호등", 1: "stop"})
