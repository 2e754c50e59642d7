"""A winner is one only where the images tell it apart."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from sweep.statistics.ap import average_precision
from sweep.statistics.bootstrap import with_replicates
from sweep.statistics.images import same_images
from sweep.statistics.paired import Metric, compare, holm

METRICS: tuple[Metric, ...] = ("mAP50", "mAP50-95")


@pytest.mark.parametrize("metric", METRICS)
def test_identical_predictions_are_a_tie(world: ModuleType, metric: Metric) -> None:
    rng = np.random.default_rng(0)
    stats = world.detect(rng, world.scenes(rng, 50))
    backwards = replace(
        stats,
        images=stats.images[::-1],
        image=(49 - stats.image)[::-1],
        confidence=stats.confidence[::-1],
        category=stats.category[::-1],
        correct=stats.correct[::-1],
        object_image=49 - stats.object_image,
    )
    for other in (stats, with_replicates(stats), backwards):
        (one,) = compare(stats, [other], metric)
        assert one.difference == pytest.approx(0, abs=1e-12)
        assert (one.lo, one.hi, one.p, one.p_holm, one.tied) == (0, 0, 1, 1, True)


def test_the_same_images_have_the_same_objects(world: ModuleType) -> None:
    """Names alone do not tell: other data sets have a 000001.jpg, too, and labels are corrected."""
    rng = np.random.default_rng(0)
    stats = world.detect(rng, world.scenes(rng, 50))
    turned = replace(stats, images=stats.images[::-1], object_image=49 - stats.object_image)
    corrected = replace(stats, object_category=stats.object_category + 1)
    fewer = replace(stats, object_image=stats.object_image[1:], object_category=stats.object_category[1:])
    named = replace(stats, images=("another.jpg", *stats.images[1:]))
    assert same_images(stats, turned)
    assert not any(same_images(stats, other) for other in (corrected, fewer, named))


def test_equal_cells_are_mostly_ties_and_a_better_one_is_not(world: ModuleType) -> None:
    rng = np.random.default_rng(1)
    told_apart = 0
    for _ in range(60):
        seen = world.scenes(rng, 64)
        one, two = (with_replicates(world.detect(rng, seen), 400) for _ in range(2))
        told_apart += not compare(one, [two], "mAP50")[0].tied
        best = with_replicates(world.detect(rng, seen, world.Detector(skill=5.0, false=0.5)), 400)
        (clear,) = compare(best, [one], "mAP50")
        assert not clear.tied
        assert 0 < clear.lo < clear.difference < clear.hi
    assert told_apart <= 8  # 3 are expected; more than 8 of 60 at 5 %: once in 250


def test_a_comparison_has_its_sign(world: ModuleType) -> None:
    rng = np.random.default_rng(2)
    seen = world.scenes(rng, 40)
    one, two = world.detect(rng, seen), world.detect(rng, seen, world.Detector(skill=2))
    (forth,), (back,) = compare(one, [two], "mAP50-95"), compare(two, [one], "mAP50-95")
    assert forth.difference == average_precision(one).map5095 - average_precision(two).map5095
    assert (back.difference, back.p) == (-forth.difference, forth.p)
    assert (back.lo, back.hi) == pytest.approx((-forth.hi, -forth.lo))


def test_p_counts_the_pairs_beyond_zero(world: ModuleType) -> None:
    rng = np.random.default_rng(3)
    stats = world.detect(rng, world.scenes(rng, 40))
    zeros = np.zeros((99, 2), dtype=np.float32)
    above = zeros.copy()
    above[:, 0] = np.where(np.arange(99) < 97, 0.1, -0.1)
    above[:, 1] = 0.1
    leader, other = replace(stats, replicates=above), replace(stats, replicates=zeros)
    assert compare(leader, [other], "mAP50")[0].p == pytest.approx(2 * (1 + 2) / 100)
    assert compare(leader, [other], "mAP50-95")[0].p == pytest.approx(2 / 100)
    others = [other, replace(stats, replicates=above), other]
    assert [one.p_holm for one in compare(leader, others, "mAP50-95")] == pytest.approx([0.06, 1, 0.06])


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.9, 0.02]) == pytest.approx([1, 1, 0.06])
    assert holm([0.2]) == [0.2]
    assert holm([]) == []


def test_few_images_tell_nothing_apart(evaluation: Any) -> None:
    for images in range(1, 6):
        objects = [(number, 0) for number in range(images)]
        good = evaluation(images, [(number, 0.9, 0, 0.99) for number in range(images)], objects)
        bad = evaluation(images, [], objects)
        (one,) = compare(good, [bad], "mAP50")
        assert one.difference == pytest.approx(0.995)
        assert one.tied
        assert one.p >= 2.0 ** (1 - images)


def test_other_images_cannot_be_compared(world: ModuleType) -> None:
    rng = np.random.default_rng(4)
    one, two = (world.detect(rng, world.scenes(rng, images)) for images in (5, 6))
    with pytest.raises(ValueError, match="same images"):
        compare(one, [one, two], "mAP50")


def test_nothing_to_compare_with(world: ModuleType) -> None:
    rng = np.random.default_rng(5)
    assert compare(world.detect(rng, world.scenes(rng, 5)), [], "mAP50") == []
