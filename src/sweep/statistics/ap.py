"""Average precision from per-image statistics, by the rules of Ultralytics 8.4 (`ultralytics.utils.metrics`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from sweep.statistics.images import ImageStatistics

RECALL_POINTS: Final = 101
"""Recalls at which precision is read, 0 to 1: COCO's (Lin et al. 2014), which Ultralytics reads and joins by lines."""


@dataclass(frozen=True, eq=False)
class AveragePrecision:
    """Average precision of the k classes that have objects; a class without any has none, and counts in no mean.

    Attributes:
        classes: class ids, ascending, (k,).
        per_class: by class and IoU threshold (0.5 to 0.95), (k, 10), in 0 to 1.
        map50: mean over the classes at IoU 0.5; 0 without objects.
        map5095: mean over classes and thresholds; 0 without objects.
    """

    classes: NDArray[np.int64]
    per_class: NDArray[np.float64]
    map50: float
    map5095: float


@dataclass(frozen=True, eq=False)
class PrecisionRecall:
    """Precision against recall at IoU 0.5, of the k classes that have objects.

    Attributes:
        classes: class ids, ascending, (k,).
        recall: 0, 0.01 … 1, (101,).
        precision: the best precision that a class has at a recall or above it, (k, 101); 0 beyond its last recall.
    """

    classes: NDArray[np.int64]
    recall: NDArray[np.float64]
    precision: NDArray[np.float64]


def average_precision(stats: ImageStatistics) -> AveragePrecision:
    """Return the average precision that Ultralytics states for this evaluation (`ap_per_class`)."""
    import numpy as np

    classes, curves = _interpolated(stats, stats.thresholds.size)
    per_class = np.asarray(np.trapezoid(curves, dx=1 / (RECALL_POINTS - 1), axis=2))
    if not classes.size:
        return AveragePrecision(classes, per_class, 0.0, 0.0)
    return AveragePrecision(classes, per_class, float(per_class[:, 0].mean()), float(per_class.mean()))


def precision_recall(stats: ImageStatistics) -> PrecisionRecall:
    """Return the curves whose areas are the average precisions at IoU 0.5."""
    classes, curves = _interpolated(stats, 1)
    return PrecisionRecall(classes, recall_points(), curves[:, 0])


def recall_points() -> NDArray[np.float64]:
    """Return the recalls at which precision is read, (101,)."""
    import numpy as np

    return np.linspace(0, 1, RECALL_POINTS)


def _interpolated(stats: ImageStatistics, thresholds: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the classes with objects, (k,), and their precision over recall at the first thresholds, (k, t, 101)."""
    import numpy as np

    order = _by_confidence(stats)
    category, correct = stats.category[order], stats.correct[order, :thresholds]
    classes, objects = np.unique(stats.object_category, return_counts=True)
    points = recall_points()
    curves = np.zeros((classes.size, thresholds, points.size))
    for row, (one, count) in enumerate(zip(classes, objects, strict=True)):
        hits = correct[category == one]
        if not len(hits):
            continue
        true = hits.cumsum(0)
        recall = true / count
        precision = true / np.arange(1, len(hits) + 1)[:, None]
        for at in range(thresholds):
            # The sentinels are Ultralytics': precision 1 at recall 0, and 0 from the last recall on, which costs a
            # detector without an error its point at recall 1 (AP 0.995).
            last = recall[-1, at]
            x = np.concatenate(([0.0], recall[:, at], [last, 1.0]))
            y = np.concatenate(([1.0], precision[:, at], [0.0, 0.0]))
            curves[row, at] = np.interp(points, x, np.maximum.accumulate(y[::-1])[::-1])
    return classes.astype(np.int64), curves


def _by_confidence(stats: ImageStatistics) -> NDArray[np.int64]:
    """Return the order of Ultralytics: by falling confidence, equal ones as NumPy's unstable sort leaves them.

    That depends on the type. Ultralytics joins the float32 of the images with a float64 array for each image without
    detections, and the whole is float64 then.
    """
    import numpy as np

    every_image_has_some = np.unique(stats.image).size == len(stats.images)
    return np.argsort(-(stats.confidence if every_image_has_some else stats.confidence.astype(np.float64)))
