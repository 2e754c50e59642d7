"""mAP of many samples of the same images at once: how often a sample holds an image is the image's weight.

Precision over recall only has to be known where a true positive is found: between two of them precision falls. So of
all detections only sums are kept, of those that stand between one true positive and the next.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sweep.statistics.ap import recall_points

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from sweep.statistics.images import ImageStatistics

CHUNK_BYTES: Final = 500_000
"""What one array of a chunk of samples may take: about a dozen live at once, and should stay in the processor's cache
(measured on 1,000 images: 2.5 s so, 7.4 s with 4 MB)."""


@dataclass(frozen=True, eq=False)
class _Class:
    """What a class's AP is made from, with p detections that are correct at some threshold, by falling confidence.

    Attributes:
        objects: of an image the objects, (1, images), sparse.
        gaps: of an image the detections from behind the previous correct detection to this one, (p, images), sparse.
        image: of a correct detection the image, (p,).
        rows: for each threshold the correct detections among the p.
    """

    objects: Any
    gaps: Any
    image: NDArray[np.int64]
    rows: Sequence[NDArray[np.int64]]


class WeightedMap:
    """Computes mAP for weights of the images of an evaluation.

    For a sample of images it is what Ultralytics computes for the evaluation of a data set that holds an image as often
    as the sample does: classes without objects there are left out, equal confidences follow the images' names.
    """

    def __init__(self, stats: ImageStatistics) -> None:
        import numpy as np

        order = name_order(stats.images)
        place = np.empty(order.size, dtype=np.int64)
        place[order] = np.arange(order.size)
        self._images = order.size
        self._thresholds = stats.thresholds.size
        image, object_image = place[stats.image], place[stats.object_image]
        detections = np.lexsort((image, -stats.confidence))
        image, category, correct = image[detections], stats.category[detections], stats.correct[detections]
        self._classes = [
            self._class(object_image[stats.object_category == one], image[category == one], correct[category == one])
            for one in np.unique(stats.object_category)
        ]

    def __call__(self, weights: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return mAP50 and mAP50-95 of b samples, (b, 2).

        Args:
            weights: How often a sample holds an image, (images, b), images in the order of their names.
        """
        import numpy as np

        largest = max((max(len(one.image), int(one.objects.sum())) for one in self._classes), default=0)
        chunk = max(32, CHUNK_BYTES // (8 * max(1, largest)))
        parts = [self._chunk(weights[:, at : at + chunk]) for at in range(0, weights.shape[1], chunk)]
        return np.concatenate(parts) if parts else np.zeros((0, 2))

    def _class(self, objects: NDArray[np.int64], image: NDArray[np.int64], correct: NDArray[np.bool_]) -> _Class:
        import numpy as np
        from scipy.sparse import csr_array

        ever: NDArray[np.bool_] = np.any(correct, axis=1)
        found = np.flatnonzero(ever)
        gap: NDArray[np.int64] = np.cumsum(ever) - ever  # index of the next correct detection, or of this one
        kept = np.flatnonzero(gap < found.size)
        ones = np.ones(kept.size, dtype=np.int64)
        return _Class(
            csr_array((np.ones(objects.size, dtype=np.int64), (np.zeros_like(objects), objects)), (1, self._images)),
            csr_array((ones, (gap[kept], image[kept])), (found.size, self._images)),
            image[found],
            [np.flatnonzero(correct[found, at]) for at in range(self._thresholds)],
        )

    def _chunk(self, weights: NDArray[np.int64]) -> NDArray[np.float64]:
        import numpy as np

        total = np.zeros((2, weights.shape[1]))
        classes = np.zeros(weights.shape[1])
        for one in self._classes:
            objects = (one.objects @ weights)[0]
            weight = weights[one.image]
            seen = np.cumsum(one.gaps @ weights, axis=0)  # detections down to a correct one, with it
            table = _Table(objects)
            at_50 = np.zeros(weights.shape[1])
            at_all = np.zeros(weights.shape[1])
            for at, rows in enumerate(one.rows):
                ap = table.area(weight[rows], seen[rows])
                at_all += ap
                if at == 0:
                    at_50 = ap
            total += np.where(objects > 0, (at_50, at_all / self._thresholds), 0)
            classes += objects > 0
        return (total / np.maximum(classes, 1)).T


class _Table:
    """Area under interpolated precision for samples with b numbers of objects.

    The recall of t true positives among n objects is t / n. Of the 101 points of recall, `below` at t counts those
    below it, and `rest` those from it to (t + 1) / n, each less its share of that way. Both are tabulated for each n,
    since the line between two recalls jumps at its ends: a point falls on the side on which floating point puts it.
    """

    def __init__(self, objects: NDArray[np.int64]) -> None:
        import numpy as np

        counts, which = np.unique(objects, return_inverse=True)
        width = int(counts[-1]) + 2
        points = recall_points()[:-1]  # at recall 1 precision is always 0
        n = np.maximum(counts, 1)[:, None]
        t = np.floor(points * n)
        t += (t + 1) / n <= points
        t -= t / n > points
        share = np.clip(points * n - t, 0, 1)
        worth = np.full(points.size, 1 / points.size)  # of the trapezoidal rule: half at the end
        worth[0] /= 2
        flat = (np.arange(counts.size)[:, None] * width + t.astype(np.int64)).ravel()
        size = counts.size * width
        inside = np.bincount(flat, np.broadcast_to(worth, t.shape).ravel(), size).reshape(-1, width)
        below = np.zeros_like(inside)
        np.cumsum(inside[:, :-1], axis=1, out=below[:, 1:])
        self._below = below.ravel()
        self._rest = np.bincount(flat, (worth * (1 - share)).ravel(), size)
        self._start = which * width

    def area(self, weight: NDArray[np.int64], seen: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the average precision, (b,).

        Args:
            weight: Of each true positive, (m, b), by falling confidence.
            seen: Weight of all detections down to it, (m, b).
        """
        import numpy as np

        if not len(weight):
            return np.zeros(weight.shape[1])
        true = np.cumsum(weight, axis=0)
        before = true - weight
        precision = true / np.maximum(seen, 1)
        envelope = np.maximum.accumulate(precision[::-1], axis=0)[::-1]
        seen_before = seen - weight
        # Just before a true positive precision is lowest, at the same recall as just after the one before it.
        lowest = np.where(seen_before > 0, before / np.maximum(seen_before, 1), 1.0)
        step = np.maximum(lowest - envelope, 0)
        from_, to = self._start + before, self._start + true
        part = envelope * (self._below[to] - self._below[from_])
        part += np.where(weight > 0, step * self._rest[from_], 0)
        return np.asarray(part.sum(0))


def name_order(images: Sequence[str]) -> NDArray[np.int64]:
    """Return the indices of the images in the order of their names."""
    import numpy as np

    return np.array(sorted(range(len(images)), key=images.__getitem__), dtype=np.int64)
