"""Ultralytics' validator, which also keeps what it found in each image. Its own results stay what they are."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ultralytics.models.yolo.detect import DetectionValidator

if TYPE_CHECKING:
    from sweep.statistics.images import ImageStatistics


class RecordingValidator(DetectionValidator):
    """Validates as `DetectionValidator` does, in the same pass and to the same bits.

    Its confusion matrix is counted without plots, by Ultralytics' own rules: detections above a confidence of 0.25
    are matched with the object that they overlap most, of any class, from an IoU of 0.45 (the defaults of
    `ConfusionMatrix.process_batch`).

    Attributes:
        files: the files that were evaluated, in order.
        found: of each file what Ultralytics computes its figures from: `tp`, `conf`, `pred_cls`, `target_cls`.
    """

    def init_metrics(self, model: Any) -> None:
        """Begin a pass."""
        super().init_metrics(model)
        self.files: list[str] = []
        self.found: dict[str, list[Any]] = {}

    def _process_batch(self, preds: dict[str, Any], batch: dict[str, Any]) -> dict[str, Any]:
        """Match the detections of one image; Ultralytics calls it once for each and has it overridden, too."""
        self.files.append(batch["im_file"])
        self.confusion_matrix.process_batch(preds, batch)
        matched: dict[str, Any] = super()._process_batch(preds, batch)
        return matched

    def get_stats(self) -> dict[str, Any]:
        """Compute the figures, and keep what they are made from, which Ultralytics throws away then."""
        self.found = {name: list(images) for name, images in self.metrics.stats.items()}
        stats: dict[str, Any] = super().get_stats()
        return stats


def image_statistics(validator: RecordingValidator, originals: Mapping[str, str]) -> ImageStatistics:
    """Return what a validator has recorded.

    Args:
        validator: One that has evaluated a model.
        originals: What the evaluated files are copies of, by file; a file that it lacks is itself the original.
    """
    import numpy as np

    from sweep.statistics.images import ImageStatistics

    found = {name: np.concatenate(images) for name, images in validator.found.items()}
    images = np.arange(len(validator.files), dtype=np.int32)
    return ImageStatistics(
        images=image_names([originals.get(file, file) for file in validator.files]),
        classes={int(key): str(name) for key, name in validator.names.items()},
        thresholds=np.round(validator.iouv.cpu().numpy().astype(np.float64), 2),
        image=np.repeat(images, [len(detections) for detections in validator.found["conf"]]),
        confidence=found["conf"].astype(np.float32),
        category=found["pred_cls"].astype(np.int32),
        correct=found["tp"].astype(bool),
        object_image=np.repeat(images, [len(objects) for objects in validator.found["target_cls"]]),
        object_category=found["target_cls"].astype(np.int32),
        confusion=validator.confusion_matrix.matrix.astype(np.int64),
    )


def image_names(files: Sequence[str]) -> tuple[str, ...]:
    """Return a name for each file: its path from the folder that all lie in, with `/`. Raises ValueError for none.

    A file that a list names several times has the number of the time behind its name, so that all names differ.
    """
    folder = os.path.commonpath([os.path.dirname(file) for file in files])  # noqa: PTH120  os.path has commonpath
    seen: Counter[str] = Counter()
    names = []
    for file in files:
        name = Path(file).relative_to(folder).as_posix()
        seen[name] += 1
        names.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return tuple(names)
