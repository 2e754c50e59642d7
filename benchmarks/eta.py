"""How near the expected time of a sweep comes to the time that it takes, after one earlier sweep of like cells.

    python benchmarks/eta.py [--sweeps 2]

Six cells of the quick recipe (levels 2, 3, 4; ReLU, LeakyReLU) on the built-in data, with seed 0 for the history, then
with another seed for each further sweep: what `plan` says before it beside what the sweep takes from the start of its
run to its end.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

GRID = ("level=2,3,4", "act=relu,leakyrelu")


def run(folder: Path, *options: str) -> None:
    """Run a sweep in a folder, to its end."""
    with (folder / "output.log").open("a") as output:
        command = [sys.executable, "-m", "sweep", *GRID, *options]
        subprocess.run(command, cwd=folder, stdout=output, stderr=output, check=True)


def last(folder: Path) -> Any:
    """The run of the last sweep of a folder."""
    from sweep.tracking.read import latest_sweep
    from sweep.tracking.store import open_store

    return latest_sweep(open_store(folder / "mlruns", "npu-sweep"))


def main() -> None:
    """Sweep, compare, print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sweeps", type=int, default=2)
    given = parser.parse_args()

    from sweep.tracking.expected import expected_of

    with tempfile.TemporaryDirectory(prefix="npu-sweep-eta-") as name:
        folder = Path(name)
        run(folder, "seed=0")
        print("| sweep | expected | likely range | took | expected / took |\n|---|---|---|---|---|", flush=True)
        for seed in range(1, given.sweeps + 1):
            run(folder, f"seed={seed}")
            sweep = last(folder)
            expected, took_s = expected_of(sweep.tags), (sweep.end_ms - sweep.start_ms) / 1000
            print(
                f"| seed={seed} | {expected.likely_s:.0f} s | {expected.low_s:.0f} to {expected.high_s:.0f} s "
                f"| {took_s:.0f} s | {expected.likely_s / took_s:.2f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
