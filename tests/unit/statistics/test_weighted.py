"""mAP of weighted images is what Ultralytics computes where images stand as often in the data set."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from ultralytics.utils.metrics import ap_per_class

from sweep.statistics.ap import average_precision
from sweep.statistics.images import ImageStatistics
from sweep.statistics.weighted import WeightedMap


def exactly(stats: ImageStatistics, weights: Any) -> tuple[float, float]:
    """Ultralytics' mAP of the images, each as often as its weight says."""
    rows = np.repeat(np.arange(len(stats.image)), weights[stats.image])
    objects = np.repeat(stats.object_category, weights[stats.object_image])
    ap = ap_per_class(stats.correct[rows], stats.confidence[rows], stats.category[rows], objects)[5]
    return (ap[:, 0].mean(), ap.mean()) if len(ap) else (0.0, 0.0)


@pytest.mark.parametrize("seed", range(20))
def test_samples_are_those_that_ultralytics_would_see(world: ModuleType, seed: int) -> None:
    rng = np.random.default_rng(seed)
    images, classes = int(rng.integers(1, 80)), int(rng.integers(1, 9))
    detector = world.Detector(rng.uniform(-1, 3), rng.choice([0.2, 4, 30]))
    stats = world.detect(rng, world.scenes(rng, images, classes), detector)
    drawn = rng.multinomial(images, np.full(images, 1 / images), size=8)
    weights = np.concatenate((drawn, rng.integers(0, 2, (8, images)), np.zeros((1, images), dtype=np.int64)))
    expected = [exactly(stats, one) for one in weights]
    np.testing.assert_allclose(WeightedMap(stats)(weights.T), expected, rtol=0, atol=1e-9)


def test_all_images_once_is_the_evaluation(world: ModuleType) -> None:
    rng = np.random.default_rng(0)
    stats = world.detect(rng, world.scenes(rng, 300))
    whole = WeightedMap(stats)(np.ones((300, 1), dtype=np.int64))[0]
    found = average_precision(stats)
    np.testing.assert_allclose(whole, (found.map50, found.map5095), rtol=0, atol=1e-9)


def test_equal_confidences_follow_the_names_of_the_images(world: ModuleType) -> None:
    rng = np.random.default_rng(1)
    stats = world.detect(rng, world.scenes(rng, 30))
    rough = replace(stats, confidence=np.round(stats.confidence, 1))
    order = np.lexsort((rough.image, -rough.confidence))
    told = np.empty(order.size, dtype=np.float32)
    told[order] = np.linspace(1, 0, order.size, dtype=np.float32)
    whole = np.ones((30, 1), dtype=np.int64)
    np.testing.assert_allclose(WeightedMap(rough)(whole), WeightedMap(replace(stats, confidence=told))(whole))


def test_how_samples_are_cut_into_chunks_changes_nothing(world: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(2)
    compute = WeightedMap(world.detect(rng, world.scenes(rng, 50)))
    weights = rng.multinomial(50, np.full(50, 1 / 50), size=100).T
    at_once = compute(weights)
    monkeypatch.setattr("sweep.statistics.weighted.CHUNK_BYTES", 1)
    np.testing.assert_array_equal(compute(weights), at_once)
