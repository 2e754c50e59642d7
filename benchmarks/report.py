"""The report of a sweep of many cells: how long it takes, and how much memory.

    python benchmarks/report.py --cells 1000 --epochs 100

Fills a store with simulated cells (curves, summary, tags: no artifacts), then builds the sweep's report in a process of
its own, as `python -m sweep report` does, and says what that took.
"""

from __future__ import annotations

import argparse
import math
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from sweep.tracking import names, write
from sweep.tracking.store import Store, open_store

BATCH = 1000  # metrics that MLflow takes at once


def main() -> None:
    """Fill the store, build the report, print time and memory."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, default=1000)
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--home", type=Path, help="a folder that is kept; one that is filled already is used again")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = options.home or Path(folder) / "mlruns"
        if not (home / "mlflow.db").exists():
            began = time.perf_counter()
            fill(open_store(home, "npu-sweep"), options.cells, options.epochs)
            print(f"filled in {time.perf_counter() - began:.0f} s")
        began = time.perf_counter()
        command = [sys.executable, "-m", "sweep", "report", "--home", str(home), "--experiment", "npu-sweep"]
        subprocess.run([*command, "--tracking-uri", ""], check=True, stdout=subprocess.DEVNULL)
        seconds = time.perf_counter() - began
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024**2
        page = next(home.glob("sweeps/*/report/report.html"))
        print(f"{options.cells} cells x {options.epochs} epochs: {seconds:.1f} s, {peak:.2f} GiB", end="")
        print(f", page {page.stat().st_size / 1e6:.1f} MB")


def fill(store: Store, cells: int, epochs: int) -> None:
    """Write a sweep of simulated cells: levels, activations and seeds, curves that level off, noise."""
    dice = random.Random(0)
    sweep_id = "20260101-000000-bench"
    run_id = write.start_sweep(store, sweep_id=sweep_id, name="bench", command="python -m sweep", tags={})
    listed = []
    for index in range(cells):
        level, act, seed = (0, 2, 3, 4)[index % 4], ("relu", "leakyrelu")[index // 4 % 2], index // 8
        name = f"yolo11n-l{level}-{act}-s{seed}"
        cell = write.start_cell(
            store,
            parent_run_id=run_id,
            sweep_id=sweep_id,
            cell_name=name,
            cell_key=f"{index:064x}",
            params={
                "base": "yolo11n", "level": level, "act": act, "seed": seed, "recipe": "quick", "data": "signs",
                "recipe.lr0": 0.002, "recipe.lrf": 0.05, "recipe.epochs": epochs, "recipe.imgsz": 96,
            },
            tags={names.DATA_DIGEST: "d" * 64},
        )  # fmt: skip
        log_cell(store, cell, epochs, 0.85 + 0.02 * dice.random() + 0.01 * level / 4, dice)
        write.finish(store, cell, "FINISHED")
        listed.append(
            {"cell": name, "key": f"{index:064x}", "run_id": cell, "state": "finished", "reused": False, "reason": None}
        )
    write.log_cells(store, run_id, sweep_id=sweep_id, cells=listed)
    write.finish(store, run_id, "FINISHED")


def log_cell(store: Store, run_id: str, epochs: int, best: float, dice: random.Random) -> None:
    """Write the curves and the summary of one cell."""
    from mlflow.entities import Metric

    now = int(time.time() * 1000)
    metrics = []
    last: dict[str, float] = {}
    for epoch in range(1, epochs + 1):
        rise = 1 - math.exp(-4 * epoch / epochs)
        last = {name: best * rise + dice.gauss(0, 0.003) for name in names.EPOCH_DETECTION}
        last |= dict.fromkeys(names.LOSSES, 4 * (1 - rise) + 0.5)
        last |= {"lr/pg0": 0.002 * (1 - epoch / epochs), "time/epoch_s": 2.0}
        metrics += [Metric(name, value, now, epoch) for name, value in last.items()]
    summary = dict.fromkeys(names.BEST, best) | {names.BEST_EPOCH: epochs, names.TRAIN_TIME: 2.0 * epochs}
    summary |= {f"final/{name}": last[f"metrics/{name}"] for name in names.DETECTION}
    summary |= {f"final/{name}": last[name] for name in names.LOSSES}
    summary |= {names.PARAMS: 2.0 + dice.random(), names.GFLOPS: 6.0, names.NODES: 200, "int8/mAP50": best - 0.003}
    summary |= {"int8/size_mb": 3.0, names.npu_metric("ethos_u55", "latency_ms"): 8 + dice.random()}
    metrics += [Metric(name, value, now, 0) for name, value in summary.items()]
    for start in range(0, len(metrics), BATCH):
        store.client.log_batch(run_id, metrics=metrics[start : start + BATCH])


if __name__ == "__main__":
    main()
