"""Do the intervals and ties of docs/statistics.md hold, and what do they cost? Its tables are this script's output.

    python benchmarks/bootstrap.py coverage [--images 64,200,500] [--skill 1.0] [--false 4] [--classes 6] [--usual]
    python benchmarks/bootstrap.py ties [--images 64] [--runs 500] [--cells 2] [--gap 0.4]
    python benchmarks/bootstrap.py time

`coverage` draws images and detections from a simulated world (benchmarks/simulated.py), makes 95 % intervals of each
draw, and counts how many hold the world's true mAP, which 600,000 images give: those of `sweep.statistics`, and with
`--usual` those of samples with replacement. `ties` compares cells of equal quality on the same images, and a cell that
is better by `--gap` of skill. `time` takes 10,000 samples of a quick cell, and of 1,000 images with 20 detections each,
in process seconds, and Ultralytics' own computation of a few of them.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from simulated import Detector, detect, scenes
from sweep.statistics.ap import average_precision
from sweep.statistics.bootstrap import RESAMPLES, interval, with_replicates
from sweep.statistics.images import ImageStatistics
from sweep.statistics.paired import compare
from sweep.statistics.weighted import WeightedMap

Ends = tuple[NDArray[np.float64], NDArray[np.float64]]
Z = norm.ppf(0.975)


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["coverage", "ties", "time"])
    parser.add_argument("--images", default="64,200,500", help="sizes of the validation set")
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--samples", type=int, default=1000, help="of the images, for each draw of coverage and ties")
    parser.add_argument("--classes", type=int, default=6)
    parser.add_argument("--skill", type=float, default=1.0)
    parser.add_argument("--false", type=float, default=4.0, help="false alarms an image")
    parser.add_argument("--usual", action="store_true", help="the usual intervals, too")
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--cells", type=int, default=2)
    parser.add_argument("--gap", type=float, default=0.4)
    options = parser.parse_args()
    if options.what == "time":
        times()
        return
    for images in map(int, options.images.split(",")):
        {"coverage": coverage, "ties": ties}[options.what](options, images)


def coverage(options: argparse.Namespace, images: int) -> None:
    """Print how often each method's intervals hold the true value."""
    detector = Detector(options.skill, options.false)
    rng = np.random.default_rng(options.seed)
    truth = np.mean([_map(detect(rng, scenes(rng, 200_000, options.classes), detector)) for _ in range(3)], axis=0)
    ends: dict[str, list[Ends]] = {}
    estimates = []
    for _ in range(options.runs):
        stats = detect(rng, scenes(rng, images, options.classes), detector)
        found = interval(with_replicates(stats, options.samples))
        ends.setdefault("sweep.statistics", []).append(tuple(np.array((found.map50, found.map5095)).T))
        estimates.append(_map(stats))
        if options.usual:
            for name, pair in usual(rng, stats, options.samples).items():
                ends.setdefault(name, []).append(pair)
    bias, spread = np.mean(estimates, axis=0) - truth, np.std(estimates, axis=0)
    print(f"\n{images} images, {options.classes} classes, {options.runs} draws. True mAP50 {truth[0]:.3f} ", end="")
    print(f"(a draw's: bias {bias[0]:+.4f}, std {spread[0]:.4f}), mAP50-95 {truth[1]:.3f} ", end="")
    print(f"({bias[1]:+.4f}, {spread[1]:.4f})\n")
    print("| method | mAP50: held, % | truth below / above, % | width | mAP50-95: held, % | below / above | width |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for name, pairs in ends.items():
        lo, hi = np.array(pairs).transpose(1, 0, 2)
        below, above = 100 * (truth < lo).mean(0), 100 * (truth > hi).mean(0)
        columns = [
            f"{100 - below[k] - above[k]:.1f} | {below[k]:.1f} / {above[k]:.1f} | {(hi - lo)[:, k].mean():.3f}"
            for k in (0, 1)
        ]
        print(f"| {name} | {' | '.join(columns)} |")


def usual(rng: np.random.Generator, stats: ImageStatistics, samples: int) -> dict[str, Ends]:
    """The usual intervals (Davison and Hinkley 1997, chapter 5) of samples with replacement."""
    images = len(stats.images)
    weighted = WeightedMap(stats)
    value = weighted(np.ones((images, 1), dtype=np.int64))[0]
    drawn = weighted(rng.multinomial(images, np.full(images, 1 / images), size=samples).T)
    without = weighted(1 - np.eye(images, dtype=np.int64))
    lo, hi = np.quantile(drawn, [0.025, 0.975], axis=0)
    spread = drawn.std(axis=0, ddof=1)
    low = (drawn < value).mean(0) + (drawn == value).mean(0) / 2
    middle = norm.ppf(np.clip(low, 1 / samples, 1 - 1 / samples))
    change = without.mean(0) - without
    bend = (change**3).sum(0) / np.maximum(6 * (change**2).sum(0) ** 1.5, 1e-12)

    def corrected(bend: NDArray[np.float64]) -> Ends:
        at = [norm.cdf(middle + (middle + side) / (1 - bend * (middle + side))) for side in (-Z, Z)]
        ends = [[np.quantile(drawn[:, k], level[k]) for k in (0, 1)] for level in at]
        return np.array(ends[0]), np.array(ends[1])

    return {
        "percentile": (lo, hi),
        "basic": (2 * value - hi, 2 * value - lo),
        "normal": (value - Z * spread, value + Z * spread),
        "bias-corrected": corrected(np.zeros(2)),
        "BCa": corrected(bend),
    }


def ties(options: argparse.Namespace, images: int) -> None:
    """Print how often cells of equal quality are told apart, and how often a better one is."""
    rng = np.random.default_rng(options.seed)
    equal, better = Detector(options.skill, options.false), Detector(options.skill + options.gap, options.false)
    some, alone, power, gains = [], [], [], []
    for _ in range(options.runs):
        seen = scenes(rng, images, options.classes)
        cells = [with_replicates(detect(rng, seen, equal), options.samples) for _ in range(options.cells)]
        top = with_replicates(detect(rng, seen, better), options.samples)
        leader = max(cells, key=lambda cell: _map(cell)[0])
        against = compare(leader, [cell for cell in cells if cell is not leader], "mAP50")
        some.append(not all(one.tied for one in against))
        alone.append(not any(one.tied for one in against))
        (one,) = compare(top, cells[:1], "mAP50")
        power.append(not one.tied and one.difference > 0)
        gains.append(one.difference)
    print(f"{images} images, {options.cells} equal cells, {options.runs} draws: the leader is told apart from ", end="")
    print(
        f"some other in {100 * np.mean(some):.1f} %, from all in {100 * np.mean(alone):.1f} %. A cell that is ", end=""
    )
    print(f"better by {np.mean(gains):.3f} mAP50 on average is told apart from one in {100 * np.mean(power):.0f} %.")


def times() -> None:
    """Print the process seconds of 10,000 samples, and Ultralytics' on a few of them, scaled up."""
    rng = np.random.default_rng(3)
    drawn = [detect(rng, scenes(rng, images), Detector(1.0, false)) for images, false in ((64, 275.0), (1000, 18.5))]
    before = _memory()
    ours = [_seconds(with_replicates, stats) for stats in drawn]
    peak = _memory()
    for stats, seconds in zip(drawn, ours, strict=True):
        images = len(stats.images)
        counts = rng.multinomial(images, np.full(images, 1 / images), size=RESAMPLES)
        usual_seconds = _seconds(WeightedMap(stats), counts.T)
        _ultralytics(stats, counts[:1])  # imports torch, the first time
        exact = _seconds(_ultralytics, stats, counts[:20]) / 20 * RESAMPLES
        print(f"{images} images, {len(stats.image) / images:.0f} detections an image: {seconds:.2f} s (with ", end="")
        print(f"replacement: {usual_seconds:.2f} s); Ultralytics' computation: {exact:.0f} s, ", end="")
        print(f"{exact / seconds:.0f} times as long")
    print(f"Peak memory of the process {peak:.0f} MB, {before:.0f} MB before")


def _ultralytics(stats: ImageStatistics, samples: NDArray[np.int64]) -> None:
    from ultralytics.utils.metrics import ap_per_class

    for weights in samples:
        rows = np.repeat(np.arange(len(stats.image)), weights[stats.image])
        objects = np.repeat(stats.object_category, weights[stats.object_image])
        ap_per_class(stats.correct[rows], stats.confidence[rows], stats.category[rows], objects)


def _seconds(call: Callable[..., object], *values: object) -> float:
    began = time.process_time()
    call(*values)
    return time.process_time() - began


def _memory() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _map(stats: ImageStatistics) -> tuple[float, float]:
    found = average_precision(stats)
    return found.map50, found.map5095


if __name__ == "__main__":
    main()
