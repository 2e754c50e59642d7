"""How certain mAP is: its 95 % interval over the images that might have been the validation images.

Samples are halves: each holds a random half of the images once, and its complement is the next sample. Such a half
varies about the images as the images vary about all images, also where they are few (Shao and Wu 1989, "A General
Theory for Jackknife Variance Estimation", with d = n / 2). It holds no image twice, as samples of the usual bootstrap
do: mAP's precision envelope is not smooth, and copies of an image tell nothing of how it rises where objects are few.
What that costs the usual bootstrap in coverage is measured in docs/statistics.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from sweep.statistics.weighted import WeightedMap

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from sweep.statistics.images import ImageStatistics

SEED: Final = 20_240_607
RESAMPLES: Final = 10_000
LEVEL: Final = 0.95

BIAS: Final = 2.0
"""Bias of mAP, by what mAP rises where half the images are left. The envelope flatters a sample the more, the fewer
its images. At a bias that falls with n^-r this is 1 / (2^r - 1): 2.4 for r = 1/2 (precision is level over recall), 1.7
for r = 2/3 (it falls; the rates of monotone regression: Groeneboom and Jongbloed 2014, "Nonparametric Estimation under
Shape Constraints"). In simulations of 32 to 256 images r is 0.5 to 0.66."""

WIDER: Final = 1.05
"""By what the spread is widened: mAP less its bias varies more than mAP. Simulated: 2 to 15 % more than the samples."""

_BLOCK: Final = 250  # splits drawn at once


@dataclass(frozen=True)
class Intervals:
    """The 95 % intervals of an evaluation, (lower end, upper end) each, in 0 to 1."""

    map50: tuple[float, float]
    map5095: tuple[float, float]


def with_replicates(stats: ImageStatistics, resamples: int = RESAMPLES) -> ImageStatistics:
    """Return the statistics with mAP50 and mAP50-95 of that many samples of their images.

    Images are drawn in the order of their names, from a fixed seed and a stream that no version of NumPy changes (the
    raw one of PCG64, NEP 19): evaluations of the same images have the same samples, and their replicates are pairs.
    """
    import numpy as np

    compute = WeightedMap(stats)
    parts = [compute(weights) for weights in halves(len(stats.images), resamples)]
    return replace(stats, replicates=np.concatenate(parts)[:resamples].astype(np.float32))


def interval(stats: ImageStatistics) -> Intervals:
    """Return the 95 % intervals of mAP50 and mAP50-95 for images that were drawn as these were.

    They are intervals of what mAP tends to with more and more images. On the logit scale, on which they cannot leave 0
    to 1 and the spread depends least on the value: centre ± t · spread, of which the centre is mAP less its bias, the
    spread is the replicates' standard deviation (delta method), widened, and t is Student's, with the number of images
    that hold a class (mean over classes) less one as degrees of freedom. An interval always holds mAP itself, and goes
    down to where mAP would be with the share of mistakes that so few images may have failed to show (Clopper and
    Pearson 1934, for none of n): a model without a mistake has no spread, and is not known to make none.

    Args:
        stats: Of an evaluation; replicates are drawn where it has none.
    """
    import numpy as np
    from scipy.special import stdtrit  # Student's quantile; scipy.stats takes half a second more to import

    replicates = stats.replicates if stats.replicates is not None else with_replicates(stats).replicates
    if replicates is None or not len(stats.object_image):
        return Intervals((0.0, 0.0), (0.0, 0.0))
    estimate = WeightedMap(stats)(np.ones((len(stats.images), 1), dtype=np.int64))[0]
    held = np.unique(np.stack((stats.object_category, stats.object_image)), axis=1).shape[1]
    degrees = max(1.0, held / np.unique(stats.object_category).size - 1)
    width = WIDER * float(stdtrit(degrees, (1 + LEVEL) / 2))
    spread = replicates.std(axis=0, ddof=1, dtype=np.float64)
    bias = BIAS * (replicates.mean(axis=0, dtype=np.float64) - estimate)
    unseen = 1 - ((1 - LEVEL) / 2) ** (1 / held)
    map50, map5095 = (
        _ends(float(estimate[metric]), float(bias[metric]), float(spread[metric]), width, unseen) for metric in (0, 1)
    )
    return Intervals(map50, map5095)


def halves(images: int, resamples: int) -> Iterator[NDArray[np.int64]]:
    """Yield samples in blocks: how often each holds an image (0 or 1), (images, b). Pairs of columns add up to one."""
    import numpy as np

    stream = np.random.PCG64(SEED)
    splits = (resamples + 1) // 2
    for at in range(0, splits, _BLOCK):
        count = min(_BLOCK, splits - at)
        keys = stream.random_raw(count * images).reshape(count, images)
        chosen = np.argpartition(keys, images // 2, axis=1)[:, : images // 2]
        weights = np.zeros((count, 2, images), dtype=np.int64)
        np.put_along_axis(weights[:, 0], chosen, 1, axis=1)
        weights[:, 1] = 1 - weights[:, 0]
        yield np.ascontiguousarray(weights.reshape(2 * count, images).T)


def _ends(estimate: float, bias: float, spread: float, width: float, unseen: float) -> tuple[float, float]:
    import math

    if estimate == 0 and spread == 0:
        return 0.0, unseen
    lowest = estimate * (1 - unseen)

    # A bias that is larger than what is left to 0 or 1 is an artefact: go at most half of that way.
    centre = min(max(estimate - bias, estimate / 2), (1 + estimate) / 2)
    if spread == 0:
        return lowest, estimate
    if centre == 0:
        return 0.0, min(1.0, width * spread)
    middle = math.log(centre / (1 - centre))
    half = width * spread / (centre * (1 - centre))
    low, high = (1 / (1 + math.exp(-max(-700.0, min(700.0, middle + side)))) for side in (-half, half))
    return min(round(low, 9), lowest), max(high, estimate)
