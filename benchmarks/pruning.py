"""What pruning saves, and what it costs: Hyperband against no pruning, with real training.

    python benchmarks/pruning.py [--seeds 0,1,2,3,4] [--trials 20] [--pruner hyperband] [--jobs 2] [--out pruning]
        [--set recipe.epochs=15 ...]

For each seed of the sampler one study without pruning and one with it, each by `python -m sweep level=4 act=relu
tune=optuna` in a home of its own, on the built-in data. Prints how many epochs each has trained and the best mAP50-95
that it has found, as MLflow holds them (`tune/study.json`), and over the seeds the mean differences with their 95 %
intervals (t, pairs of the same seed). The aim is 40 % fewer epochs and a best mAP50-95 within 0.01.

The facts of each study are kept in OUT/, so that an interrupted benchmark goes on and a finished one is only printed
again; a study that was interrupted goes on with its next trial. Other trials or settings need another OUT. With
`--jobs 2` two studies run side by side, a core each: that changes their times and nothing else.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PLAIN = "none"
# Single precision: where a CPU has no instructions for bfloat16, torch is many times slower with it.
SHORT = ("recipe.epochs=15", "recipe.imgsz=96", "recipe.amp=false")
FEWER_PCT, WITHIN = 40.0, 0.01


@dataclass(frozen=True)
class Arm:
    """One study: a pruner and a seed of the sampler."""

    pruner: str
    seed: int

    @property
    def name(self) -> str:
        """Its folder in OUT."""
        return f"{self.pruner}-{self.seed}"


@dataclass(frozen=True)
class Ended:
    """What a study came to."""

    epochs: int
    pruned: int
    best: float
    seconds: float


def command(arm: Arm, home: Path, trials: int, settings: Sequence[str]) -> list[str]:
    """The sweep of one arm."""
    return [
        *(sys.executable, "-m", "sweep", "level=4", "act=relu", "npu=none", "device=cpu", "workers=1"),
        *("tune=optuna", f"tune.trials={trials}", f"tune.pruner={arm.pruner}", f"tune.seed={arm.seed}"),
        *settings,
        f"home={home}",
    ]


def run(arm: Arm, options: argparse.Namespace) -> None:
    """Tune, unless the facts of the study are there already.

    Raises:
        RuntimeError: The sweep failed; its output is in the arm's folder.
    """
    folder = options.out / arm.name
    if (folder / "study.json").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    began = time.perf_counter()
    with (folder / "sweep.log").open("a", encoding="utf-8") as log:
        arguments = command(arm, folder / "home", options.trials, options.set)
        code = subprocess.run(arguments, cwd=folder, stdout=log, stderr=subprocess.STDOUT, check=False).returncode
    if code != 0:
        raise RuntimeError(f"{arm.name}: the sweep ended with {code}; see {folder / 'sweep.log'}")
    facts = read_facts(folder / "home")
    temporary = folder / "study.json.tmp"
    temporary.write_text(json.dumps(facts, indent=1), encoding="utf-8")
    temporary.replace(folder / "study.json")
    ended = summary(facts)
    print(
        f"{arm.name:12} {time.perf_counter() - began:5.0f} s  {ended.epochs:4} epochs  best {ended.best:.4f}",
        flush=True,
    )


def read_facts(home: Path) -> dict[str, Any]:
    """`tune/study.json` of the one cell in a home, as MLflow has it."""
    from sweep.tracking import names
    from sweep.tracking.read import read_json, search
    from sweep.tracking.store import find_store

    store = find_store(home, "npu-sweep")
    assert store is not None
    cell = next(
        run
        for run in search(store, f"tags.`{names.KIND}` = '{names.KIND_CELL}'")
        if run.status == "finished" and names.TUNE_STUDY in run.tags
    )
    facts: dict[str, Any] = read_json(store, cell, names.TUNE_STUDY_JSON)
    return facts


def summary(facts: Mapping[str, Any]) -> Ended:
    """Epochs and best value of a study."""
    trials = facts["trials"]
    return Ended(
        epochs=sum(trial["epochs"] for trial in trials),
        pruned=sum(trial["state"] == "pruned" for trial in trials),
        best=next(trial["value"] for trial in trials if trial["number"] == facts["best_trial"]),
        seconds=sum(trial["seconds"] or 0.0 for trial in trials),
    )


def interval(values: Sequence[float]) -> tuple[float, float, float]:
    """Mean and the ends of its 95 % t-interval; infinite ends with fewer than two values."""
    from scipy.stats import t

    mean = statistics.fmean(values)
    if len(values) < 2:
        return mean, -math.inf, math.inf
    half = float(t.ppf(0.975, len(values) - 1)) * statistics.stdev(values) / math.sqrt(len(values))
    return mean, mean - half, mean + half


def report(pruner: str, ended: Mapping[Arm, Ended]) -> None:
    """Print the studies, a row a seed, and what pruning comes to over the seeds."""
    seeds = sorted({arm.seed for arm in ended})
    print(f"| seed | epochs, none | epochs, {pruner} | fewer, % | pruned | best, none | best, {pruner} | difference |")
    print("|---|---|---|---|---|---|---|---|")
    fewer, differences, saved = [], [], []
    for seed in seeds:
        plain, short = ended[Arm(PLAIN, seed)], ended[Arm(pruner, seed)]
        fewer.append(100 * (1 - short.epochs / plain.epochs))
        differences.append(short.best - plain.best)
        saved.append(100 * (1 - short.seconds / plain.seconds))
        print(
            f"| {seed} | {plain.epochs} | {short.epochs} | {fewer[-1]:.1f} | {short.pruned} "
            f"| {plain.best:.4f} | {short.best:.4f} | {differences[-1]:+.4f} |"
        )
    shares = [interval(values) for values in (fewer, saved)]
    for name, (mean, low, high) in zip(("fewer epochs", "less training time"), shares, strict=True):
        print(f"{name}: {mean:.1f} % (95 % interval {low:.1f} to {high:.1f}, {len(seeds)} seeds)")
    mean, low, high = interval(differences)
    print(f"best mAP50-95, {pruner} − none: {mean:+.4f} (95 % interval {low:+.4f} to {high:+.4f})")
    met = shares[0][0] >= FEWER_PCT, mean >= -WITHIN
    print(f"at least {FEWER_PCT:.0f} % fewer: {_yes(met[0])}; best within {WITHIN}: {_yes(met[1])}")


def _yes(answer: bool) -> str:
    return "yes" if answer else "no"


def main() -> None:
    """Tune what is missing, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="0,1,2,3,4")
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--pruner", default="hyperband")
    parser.add_argument("--jobs", type=int, default=2, help="studies side by side")
    parser.add_argument("--out", type=Path, default=Path("pruning"))
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE", help="overrides of both arms")
    options = parser.parse_args()
    options.out = options.out.absolute()
    options.set = list({text.partition("=")[0]: text for text in (*SHORT, *options.set)}.values())
    arms = [Arm(pruner, int(seed)) for seed in options.seeds.split(",") for pruner in (PLAIN, options.pruner)]
    with ThreadPoolExecutor(options.jobs) as pool:
        list(pool.map(lambda arm: run(arm, options), arms))
    facts = {arm: json.loads((options.out / arm.name / "study.json").read_text("utf-8")) for arm in arms}
    report(options.pruner, {arm: summary(facts[arm]) for arm in arms})


if __name__ == "__main__":
    main()
