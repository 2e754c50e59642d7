"""What an evaluation leaves of each image: enough to compute average precision again, on any sample of the images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FORMAT: Final = 1


@dataclass(frozen=True, eq=False)
class ImageStatistics:
    """Detections and objects of an evaluation, with n detections, m objects, i images and c classes.

    Attributes:
        images: names of the images, relative to the folder that all of them lie in, in the order of the evaluation.
        classes: class names by class id.
        thresholds: the IoU thresholds, (10,): 0.5 to 0.95.
        image: of each detection the index of its image, (n,), int32. Detections are in the order of the evaluation.
        confidence: of each detection, (n,), float32.
        category: of each detection the class id, (n,), int32.
        correct: whether a detection matches an object at a threshold, (n, 10), bool.
        object_image: of each object the index of its image, (m,), int32.
        object_category: of each object the class id, (m,), int32.
        confusion: predicted class (rows) against true class (columns), the last of both being background,
            (c + 1, c + 1), int64; None where it was not counted.
        confusion_confidence: the confidence from which detections count in `confusion`.
        replicates: mAP50 and mAP50-95 of bootstrap samples of the images, (b, 2), float32; None where there are none.
            All evaluations of the same images have drawn the same samples: their replicates are pairs.
    """

    images: tuple[str, ...]
    classes: Mapping[int, str]
    thresholds: NDArray[np.float64]
    image: NDArray[np.int32]
    confidence: NDArray[np.float32]
    category: NDArray[np.int32]
    correct: NDArray[np.bool_]
    object_image: NDArray[np.int32]
    object_category: NDArray[np.int32]
    confusion: NDArray[np.int64] | None = None
    confusion_confidence: float = 0.25
    replicates: NDArray[np.float32] | None = None


def same_images(one: ImageStatistics, other: ImageStatistics) -> bool:
    """Return whether two evaluations are of the same images: the same names with the same objects, in any order."""
    return _objects(one) == _objects(other)


def _objects(stats: ImageStatistics) -> dict[str, list[int]]:
    """The classes of the objects of each image."""
    found: dict[str, list[int]] = {name: [] for name in stats.images}
    for image, category in zip(stats.object_image.tolist(), stats.object_category.tolist(), strict=True):
        found[stats.images[image]].append(category)
    return {name: sorted(categories) for name, categories in found.items()}


def save_statistics(statistics: ImageStatistics, path: Path) -> None:
    """Write the statistics as a compressed .npz file; the same statistics give the same bytes."""
    import json

    import numpy as np

    arrays: dict[str, Any] = {
        name: getattr(statistics, name)
        for name in ("thresholds", "image", "confidence", "category", "object_image", "object_category")
    }
    arrays["correct"] = np.packbits(statistics.correct, axis=1)
    for name in ("confusion", "replicates"):
        if getattr(statistics, name) is not None:
            arrays[name] = getattr(statistics, name)
    about = {
        "format": FORMAT,
        "images": statistics.images,
        "classes": {str(key): value for key, value in statistics.classes.items()},
        "confusion_confidence": statistics.confusion_confidence,
    }
    arrays["about"] = np.frombuffer(json.dumps(about, ensure_ascii=False).encode(), dtype=np.uint8)
    np.savez_compressed(path, **arrays)


def load_statistics(path: Path) -> ImageStatistics:
    """Read statistics that `save_statistics` has written.

    Raises:
        ValueError: The file is none, is damaged, or was written by a later version.
    """
    import json
    import zipfile

    import numpy as np

    try:
        with np.load(path, allow_pickle=False) as held:
            arrays = {name: held[name] for name in held.files}
        about = json.loads(arrays["about"].tobytes())
        if about["format"] > FORMAT:
            raise ValueError(f"{path.name} was written by a later version of this program.")
        count = len(arrays["thresholds"])
        return ImageStatistics(
            images=tuple(about["images"]),
            classes={int(key): str(value) for key, value in about["classes"].items()},
            thresholds=arrays["thresholds"],
            image=arrays["image"],
            confidence=arrays["confidence"],
            category=arrays["category"],
            correct=np.unpackbits(arrays["correct"], axis=1, count=count).astype(bool),
            object_image=arrays["object_image"],
            object_category=arrays["object_category"],
            confusion=arrays.get("confusion"),
            confusion_confidence=float(about["confusion_confidence"]),
            replicates=arrays.get("replicates"),
        )
    except (KeyError, TypeError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path.name} holds no statistics of an evaluation ({error}).") from error
