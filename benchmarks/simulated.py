"""A world of images whose quality is known: scenes are drawn, and detectors find some of their objects.

Images differ in difficulty, which moves everything in them together (missed objects, false alarms, loose boxes): the
detections of an image are dependent, as real ones are. Classes are of unequal frequency, and some are harder.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sweep.statistics.images import ImageStatistics

THRESHOLDS = np.round(np.arange(0.5, 1.0, 0.05), 2)
OBJECTS = 2.4  # an image, on average


@dataclass(frozen=True)
class Detector:
    """How good a detector is: 0.2 more skill is about 4 points of mAP50; false alarms an image, on average."""

    skill: float = 1.0
    false: float = 4.0


@dataclass(frozen=True, eq=False)
class Scenes:
    """Images with a difficulty each (standard normal), and their objects, of `classes` classes."""

    difficulty: NDArray[np.float64]
    image: NDArray[np.int64]
    category: NDArray[np.int64]
    frequent: NDArray[np.float64]


def scenes(rng: np.random.Generator, images: int, classes: int = 6) -> Scenes:
    """Draw images with their objects; of 6 classes the most frequent has 3 times the objects of the rarest."""
    frequent = 1 / np.arange(1, classes + 1) ** 0.6
    frequent /= frequent.sum()
    image = np.repeat(np.arange(images), rng.poisson(OBJECTS, images))
    return Scenes(rng.standard_normal(images), image, rng.choice(classes, image.size, p=frequent), frequent)


def detect(rng: np.random.Generator, seen: Scenes, detector: Detector = Detector()) -> ImageStatistics:
    """Let a detector loose on scenes, with its own luck."""
    classes = seen.frequent.size
    hard = 0.8 * seen.difficulty
    ease = detector.skill + 0.8 - hard[seen.image] - np.linspace(-0.3, 0.4, classes)[seen.category]
    found = rng.random(ease.size) < 1 / (1 + np.exp(-1.3 * ease))
    image, category, ease = seen.image[found], seen.category[found], ease[found]
    iou = 1 - rng.beta(2, 8 + 2 * np.clip(ease, -3, 3))
    score = 0.6 * ease + 3 * (iou - 0.8) + rng.standard_normal(ease.size)
    alarms = np.repeat(np.arange(hard.size), rng.poisson(detector.false * np.exp(hard - 0.32)))
    wrong = rng.choice(classes, alarms.size, p=seen.frequent)
    wrong_score = -1.6 + 0.5 * hard[alarms] + rng.standard_normal(alarms.size)
    everywhere = np.concatenate((image, alarms))
    order = np.argsort(everywhere, kind="stable")
    correct = np.concatenate((iou[:, None] >= THRESHOLDS, np.zeros((alarms.size, THRESHOLDS.size), dtype=bool)))
    return ImageStatistics(
        images=tuple(f"{number:06d}.jpg" for number in range(hard.size)),
        classes={number: f"class {number}" for number in range(classes)},
        thresholds=THRESHOLDS,
        image=everywhere[order].astype(np.int32),
        confidence=(1 / (1 + np.exp(-np.concatenate((score, wrong_score))[order]))).astype(np.float32),
        category=np.concatenate((category, wrong))[order].astype(np.int32),
        correct=correct[order],
        object_image=seen.image.astype(np.int32),
        object_category=seen.category.astype(np.int32),
    )
