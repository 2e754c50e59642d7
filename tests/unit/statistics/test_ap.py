"""AP from kept statistics is Ultralytics' AP."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from ultralytics.utils.metrics import ap_per_class

from sweep.statistics.ap import average_precision, precision_recall
from sweep.statistics.images import ImageStatistics


def of_ultralytics(stats: ImageStatistics) -> Any:
    """What its validator hands to `ap_per_class`: an image without detections adds an empty array of float64."""
    per_image = [stats.confidence[stats.image == number] for number in range(len(stats.images))]
    confidence = np.concatenate([one if one.size else np.zeros(0) for one in per_image])
    return ap_per_class(stats.correct, confidence, stats.category, stats.object_category)


def assert_same(stats: ImageStatistics) -> None:
    ours, theirs = average_precision(stats), of_ultralytics(stats)
    ap = theirs[5]
    np.testing.assert_array_equal(ours.classes, theirs[6])
    np.testing.assert_allclose(ours.per_class, ap, rtol=0, atol=1e-9)
    assert ours.map50 == pytest.approx(ap[:, 0].mean() if len(ap) else 0.0, abs=1e-9)
    assert ours.map5095 == pytest.approx(ap.mean() if len(ap) else 0.0, abs=1e-9)


@pytest.mark.parametrize("seed", range(30))
@pytest.mark.parametrize("ties", [False, True])
def test_is_that_of_ultralytics(world: ModuleType, seed: int, ties: bool) -> None:
    rng = np.random.default_rng(seed)
    images, classes = int(rng.integers(1, 60)), int(rng.integers(1, 9))
    detector = world.Detector(rng.uniform(-1, 3), rng.choice([0.2, 2, 30]))
    stats = world.detect(rng, world.scenes(rng, images, classes), detector)
    if ties:
        stats = replace(stats, confidence=np.round(stats.confidence, 1))
    assert_same(stats)


def test_a_class_without_objects_counts_in_no_mean(evaluation: Any) -> None:
    stats = evaluation(2, [(0, 0.9, 0, 0.99), (1, 0.8, 1, 0.0)], [(0, 0)])
    assert_same(stats)
    assert average_precision(stats).classes.tolist() == [0]
    assert average_precision(stats).map50 == pytest.approx(0.995)


@pytest.mark.parametrize(
    ("detections", "objects"),
    [
        ([], [(0, 0), (1, 1)]),
        ([(0, 0.5, 1, 0.0)], []),
        ([], []),
        ([(0, 0.5, 0, 0.0)], [(0, 0), (1, 1)]),
        ([(0, 0.5, 0, 0.7), (1, 0.5, 0, 0.0)], [(0, 0), (1, 1)]),
    ],
)
def test_degenerate_evaluations(evaluation: Any, detections: Any, objects: Any) -> None:
    assert_same(evaluation(2, detections, objects))


@pytest.mark.parametrize("seed", range(3))
def test_the_area_under_a_curve_is_the_ap_at_50(world: ModuleType, seed: int) -> None:
    rng = np.random.default_rng(seed)
    stats = world.detect(rng, world.scenes(rng, 40))
    curves = precision_recall(stats)
    assert curves.recall.shape == (101,)
    assert curves.precision.shape == (len(curves.classes), 101)
    assert (np.diff(curves.precision, axis=1) <= 1e-12).all()
    areas = np.trapezoid(curves.precision, curves.recall, axis=1)
    np.testing.assert_allclose(areas, average_precision(stats).per_class[:, 0], atol=1e-12)
