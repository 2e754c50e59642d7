"""The pictures that a quantizer calibrates on: training pictures, prepared as Ultralytics prepares them to validate."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sweep.errors import SweepError

if TYPE_CHECKING:
    import numpy as np

COUNT = 64  # 8 to 256 pictures gave the same mAP on the built-in data, within its noise of 0.005
MEMORY = 256_000_000  # bytes that the pictures may take: 52 of 640 px, 13 of 1280 px
CHANNELS = 3
BYTES = 4  # float32


def calibration_images(pictures: Sequence[Path], imgsz: int, *, count: int = COUNT) -> np.ndarray:
    """Pictures spread evenly over the sorted list, as Ultralytics validates a fixed-shape export on them.

    That is: the long side scaled to `imgsz`, the rest padded with grey (114) on both sides, RGB. A picture that cannot
    be read is left out. There are fewer than `count` where they would take more than 256 MB (above 577 px for 64).

    Args:
        pictures: Files of the training split, in any order.
        imgsz: Side of the input in pixels.
        count: How many to take.

    Returns:
        float32 (N, 3, imgsz, imgsz), from 0 to 1, N at least 1.

    Raises:
        SweepError: None of the pictures can be read.
    """
    import numpy as np
    from ultralytics.utils.patches import imread

    ordered = sorted(pictures)
    wanted = min(count, len(ordered), max(1, MEMORY // (CHANNELS * BYTES * imgsz * imgsz)))
    images = np.empty((wanted, CHANNELS, imgsz, imgsz), np.float32)
    taken = 0
    for index in range(wanted):
        picture = imread(str(ordered[index * len(ordered) // wanted]))
        if picture is not None:
            images[taken] = _validation_input(picture, imgsz)
            taken += 1
    if not taken:
        raise SweepError(
            f"None of the {wanted} training pictures tried for the INT8 calibration can be read"
            + (f", {ordered[0]} among them." if ordered else ": the data set has none.")
            + " Give data whose train split holds pictures."
        )
    return images[:taken]


def random_images(imgsz: int, count: int = 16, seed: int = 0) -> np.ndarray:
    """Noise, for a model that comes without data. Good for placement, size and latency only: a quantizer that
    calibrates on noise loses accuracy on pictures.

    Returns:
        float32 (count, 3, imgsz, imgsz), uniform from 0 to 1.
    """
    import numpy as np

    return np.random.default_rng(seed).random((count, CHANNELS, imgsz, imgsz), dtype=np.float32)


def _validation_input(picture: np.ndarray, imgsz: int) -> np.ndarray:
    """A BGR picture (H, W, 3) as input of the network.

    Ultralytics resizes twice, and so does this: `BaseDataset.load_image` scales the long side and rounds the short one
    up, then `LetterBox` without scaling up pads. Its two roundings decide on which side an odd pixel of padding falls.
    """
    import cv2
    import numpy as np
    from ultralytics.data.augment import LetterBox

    height, width = picture.shape[:2]
    ratio = imgsz / max(height, width)
    if ratio != 1:
        size = (min(math.ceil(width * ratio), imgsz), min(math.ceil(height * ratio), imgsz))
        picture = cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR)
    square = LetterBox(new_shape=(imgsz, imgsz), scaleup=False)(image=picture)
    rgb = np.ascontiguousarray(square[..., ::-1].transpose(2, 0, 1))
    return rgb.astype(np.float32) / np.float32(255)
