"""The code of a logged model: MLflow copies this file beside the checkpoint and runs it where this package is not.

Nothing of this package is imported here, and nothing from here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from mlflow.pyfunc import PythonModel, PythonModelContext

COLUMNS = {
    "image": "int64",
    **dict.fromkeys(("x1", "y1", "x2", "y2", "confidence"), "float64"),
    "class": "int64",
    "name": "object",
}


class Detector(PythonModel):  # type: ignore[misc]
    """Boxes of an Ultralytics detector."""

    def load_context(self, context: PythonModelContext) -> None:
        """Open the checkpoint. Ultralytics behaves as it is set up on this machine.

        Args:
            context: The `checkpoint`; in `model_config` the `imgsz` of the training and the `names` of the classes.
        """
        from ultralytics import YOLO

        self.model = YOLO(context.artifacts["checkpoint"], task="detect")
        self.imgsz: int = context.model_config["imgsz"]
        self.names: dict[int, str] = context.model_config["names"]

    def predict(
        self, context: PythonModelContext, model_input: np.ndarray, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        """Return the boxes of a picture, or of several, one row a box.

        Each picture is predicted alone, so that its boxes don't depend on the others.

        Args:
            context: Not looked at; MLflow gives it.
            model_input: An RGB picture (H, W, 3) uint8 of any size; several as (N, H, W, 3), or as a list or an object
                array of pictures or of paths; or one path.
            params: Ultralytics' `conf`, `iou`, `max_det`, `imgsz`.

        Returns:
            Columns `image` (number of the picture, from 0), `x1 y1 x2 y2` (pixels of the picture), `confidence` (0 to
            1), `class` (number) and `name`; of a picture the surest box first.

        Raises:
            ValueError: Something else than pictures was given.
        """
        options = {"imgsz": self.imgsz, **(params or {})}
        rows = []
        for number, picture in enumerate(_pictures(model_input)):
            (result,) = self.model.predict(picture, verbose=False, **options)
            boxes = result.boxes.cpu().numpy()
            for corners, confidence, kind in zip(boxes.xyxy, boxes.conf, boxes.cls, strict=True):
                rows.append((number, *corners, confidence, int(kind), self.names.get(int(kind), str(int(kind)))))
        return pd.DataFrame(rows, columns=list(COLUMNS)).astype(COLUMNS)


def _pictures(given: np.ndarray | Sequence[Any] | str | Path) -> Iterator[np.ndarray | str]:
    """What Ultralytics takes: paths, and arrays in its channel order, BGR."""
    if isinstance(given, np.ndarray) and given.dtype != object and given.ndim == 3:
        given = [given]
    for picture in [given] if isinstance(given, str | Path) else given:
        if isinstance(picture, str | Path):
            yield str(picture)
            continue
        pixels = np.asarray(picture)
        if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype != np.uint8:
            raise ValueError(
                f"a picture is an RGB array (height, width, 3) of uint8, not {pixels.shape} of {pixels.dtype}; "
                "with Pillow: numpy.asarray(image.convert('RGB'))"
            )
        yield np.ascontiguousarray(pixels[..., ::-1])


mlflow.models.set_model(Detector())
