"""Time of a grid by npu-sweep against a shell loop of `yolo detect train` with the same models and arguments.

    python benchmarks/grid.py [--epochs 3] [--pairs 1] [--no-default]

Both sides train the six cells `level=2,3,4 act=relu,leakyrelu` on the built-in data, one side after the other on this
machine, each from a fresh folder with its own copy of the pictures (drawn beforehand) and without label caches. The
loop is what one would type without this project: one process a cell, the model YAMLs that the levels resolve to, the
same recipe, seed and cache, no plots, and an Ultralytics configuration with every integration off. It tracks nothing,
exports nothing and makes no tables; the sweep does all of that, and does not measure models (npu=none).

The floor is the training time of the loop's cells (the last `time` of each results.csv: epochs only) shared perfectly
by the cores: less is not possible with the same trainings. Memory is that of the whole process tree, sampled twice
a second: RSS, in which pages that processes share count once for each of them, and USS, in which they do not count.
"""

from __future__ import annotations

import argparse
import csv
import os
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import yaml

GRID = ("level=2,3,4", "act=relu,leakyrelu")
SAMPLE_S = 0.5
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
OFFLINE = {"YOLO_OFFLINE": "true", "YOLO_AUTOINSTALL": "false"}


@dataclass(frozen=True)
class Run:
    """One measured run of a command: seconds, and GiB at its peak; `others` is core time that it did not use itself."""

    seconds: float
    cpu: float
    others: float
    rss: float
    uss: float

    def __str__(self) -> str:
        cores = f"cores busy {self.cpu / self.seconds:.2f}, others {self.others / self.seconds:.2f}"
        memory = f"peak memory RSS {self.rss:.2f} GiB, USS {self.uss:.2f} GiB"
        return f"{self.seconds:6.1f} s ({cores}), {memory}"


class Sampler(threading.Thread):
    """The most memory that this process's descendants held together, in GiB, and the core time that they took.

    Core time of a process counts up to its last sample: one of a worker's parent is not enough, because that need not
    wait for its workers.
    """

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.rss = self.uss = 0.0
        self._cpu: dict[tuple[int, float], float] = {}
        self._stopped = threading.Event()

    @property
    def cpu(self) -> float:
        """Core seconds of all processes seen."""
        return sum(self._cpu.values())

    def run(self) -> None:
        while not self._stopped.wait(SAMPLE_S):
            rss = uss = 0
            for process in psutil.Process().children(recursive=True):
                try:
                    memory, times = process.memory_full_info(), process.cpu_times()
                    self._cpu[process.pid, process.create_time()] = times.user + times.system
                except psutil.Error:  # it ended meanwhile
                    continue
                rss, uss = rss + memory.rss, uss + memory.uss
            self.rss, self.uss = max(self.rss, rss / 2**30), max(self.uss, uss / 2**30)

    def stop(self) -> None:
        self._stopped.set()
        self.join()


def measured(command: Sequence[str], folder: Path, environment: dict[str, str]) -> Run:
    """Run a command in a folder to its end, with its output in a file there. A failure ends the benchmark."""
    folder.mkdir(parents=True, exist_ok=True)
    sampler = Sampler()
    sampler.start()
    busy, start = _busy(), time.perf_counter()
    with (folder / "output.log").open("w") as log:
        done = subprocess.run(
            command, cwd=folder, env=_clean() | environment, stdout=log, stderr=subprocess.STDOUT, check=False
        )
    seconds, busy = time.perf_counter() - start, _busy() - busy
    sampler.stop()
    if done.returncode:
        sys.exit(f"{shlex.join(command)} ended with {done.returncode}:\n{(folder / 'output.log').read_text()[-3000:]}")
    return Run(seconds, sampler.cpu, max(0.0, busy - sampler.cpu), sampler.rss, sampler.uss)


def _clean() -> dict[str, str]:
    """This process's environment without settings of the programs that are compared."""
    return {key: value for key, value in os.environ.items() if not key.startswith(("YOLO_", "MLFLOW_", "OMP_"))}


def _busy() -> float:
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - getattr(times, "iowait", 0.0) - getattr(times, "guest", 0.0))


def draw_pictures(folder: Path) -> Path:
    """The built-in data set, drawn once for all runs."""
    from sweep.data.signs import ensure_signs

    return ensure_signs(folder).parent


def sweep(folder: Path, pictures: Path, recipe: Sequence[str]) -> Run:
    """Our side: one command in a fresh home."""
    shutil.copytree(pictures, folder / "mlruns" / "datasets" / "signs")
    return measured([sys.executable, "-m", "sweep", *GRID, *recipe, "npu=none"], folder, {})


def loop(folder: Path, pictures: Path, recipe: Sequence[str]) -> Run:
    """The other side: a shell script with one `yolo detect train` for each cell."""
    data = shutil.copytree(pictures, folder / "signs") / "data.yaml"
    script = folder / "loop.sh"
    script.write_text("set -e\n" + "".join(f"{shlex.join(line)}\n" for line in loop_lines(folder, data, recipe)))
    return measured(["sh", str(script)], folder, OFFLINE | {"YOLO_CONFIG_DIR": str(quiet_configuration(folder))})


def loop_lines(folder: Path, data: Path, recipe: Sequence[str]) -> list[list[str]]:
    """The command of each cell. Writes their model YAMLs."""
    from sweep.arguments import prepare
    from sweep.compose import CONFIG_NAME, hydra_app
    from sweep.identity import identify
    from sweep.plan import make_plan

    home = [f"home={folder / 'plan'}", "device=cpu"]
    shutil.copytree(data.parent, folder / "plan" / "datasets" / "signs")
    hydra = hydra_app()
    overrides = prepare([*GRID, *recipe, *home])
    config = hydra.compose_config(config_name=CONFIG_NAME, overrides=overrides, run_mode=_multirun())
    plan = make_plan(hydra.config_loader, dict(config.hydra.sweeper.params), overrides)
    lines = []
    for planned in plan.cells:
        identity = identify(planned.config, planned.data, "cpu")
        model = folder / "models" / f"{planned.cell.name}.yaml"
        model.parent.mkdir(exist_ok=True)
        model.write_text(yaml.safe_dump(dict(identity.model.yaml), sort_keys=False))
        arguments = dict(identity.recipe) | {
            "model": model,
            "data": data,
            "seed": planned.config.seed,
            "device": "cpu",
            "plots": False,
            "pretrained": False,
            "project": folder / "runs",
            "name": planned.cell.name,
            "exist_ok": True,
        }
        yolo = str(Path(sys.executable).with_name("yolo"))
        lines.append([yolo, "detect", "train", *(f"{key}={value}" for key, value in arguments.items())])
    return lines


def _multirun() -> Any:
    from hydra.types import RunMode

    return RunMode.MULTIRUN


def quiet_configuration(folder: Path) -> Path:
    """An Ultralytics configuration folder with every integration off, and a font, which it would look for online."""
    import matplotlib

    from sweep.training.environment import set_environment

    before = dict(os.environ)
    set_environment(folder)  # only its settings file is wanted here
    os.environ.clear()
    os.environ.update(before)
    font = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
    shutil.copy(font, folder / "ultralytics" / "Ultralytics" / "Arial.ttf")
    return folder / "ultralytics"


def training_seconds(runs: Path) -> float:
    """The time that the loop spent in epochs, all cells together."""
    total = 0.0
    for file in sorted(runs.glob("*/results.csv")):
        with file.open(newline="") as stream:
            rows = [{key.strip(): value for key, value in row.items()} for row in csv.DictReader(stream)]
        total += float(rows[-1]["time"])
    return total


def compare(title: str, recipe: Sequence[str], pairs: int, folder: Path, pictures: Path) -> float:
    """Run both sides in turn and print what they took. Returns the ratio of their times (median of the pairs)."""
    print(f"## {title}: {' '.join([*GRID, *recipe])}", flush=True)
    ratios, floors = [], []
    for pair in range(pairs):
        theirs_folder, ours_folder = folder / f"loop{pair}", folder / f"sweep{pair}"
        theirs = loop(theirs_folder, pictures, recipe)
        print(f"shell loop  {theirs}", flush=True)
        ours = sweep(ours_folder, pictures, recipe)
        print(f"npu-sweep   {ours}", flush=True)
        training = training_seconds(theirs_folder / "runs")
        ratios.append(ours.seconds / theirs.seconds)
        floors.append(training / CORES / theirs.seconds)
        print(
            f"ratio {ratios[-1]:.3f}; floor {floors[-1]:.3f} ({training:.1f} s of epochs on {CORES} cores)", flush=True
        )
    ratio = statistics.median(ratios)
    print(f"**{title}: ratio {ratio:.3f}, floor {statistics.median(floors):.3f}** ({pairs} pairs, median)\n")
    return ratio


def main() -> None:
    """Print both sides' wall times, their ratio, the floor, and peak memory."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=3, help="epochs of the short comparison; 0 leaves it out")
    parser.add_argument("--pairs", type=int, default=1, help="how often both sides run")
    parser.add_argument("--default", action=argparse.BooleanOptionalAction, default=True, help="the default recipe too")
    options = parser.parse_args()
    print(f"{CORES} cores, load before: {', '.join(f'{load:.2f}' for load in os.getloadavg())}\n", flush=True)
    with tempfile.TemporaryDirectory(prefix="npu-sweep-bench-") as scratch:
        folder = Path(scratch)
        pictures = draw_pictures(folder / "pictures")
        if options.epochs:
            compare(
                f"{options.epochs} epochs", [f"recipe.epochs={options.epochs}"], options.pairs, folder / "a", pictures
            )
        if options.default:
            compare("default recipe", [], options.pairs, folder / "b", pictures)


if __name__ == "__main__":
    main()
