"""Whole sweeps as a user starts them: a real process, real training (tiny), a real store."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest

from support.postgres import postgres

__all__ = ["postgres"]

TINY = ("recipe.imgsz=32", "recipe.fraction=0.15", "recipe.batch=8")
GRID = ("level=2,3,4", "act=relu,leakyrelu", *TINY, "recipe.epochs=2")
LIMIT_S = 240


@dataclass
class Desk:
    """A user's folder with a home in it, from which sweeps are started.

    Attributes:
        folder: the user's folder.
        uri: the address of the tracking store, if it is not the one in home; sweeps have to be told.
        experiment: the experiment; sweeps learn it from the folder's configuration.
        measured: whether the coverage of its sweeps is measured, which takes a third more time.
        started: the sweeps' processes.
    """

    folder: Path
    measured: bool = False
    uri: str | None = None
    experiment: str = "npu-sweep"
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def home(self) -> Path:
        return self.folder / "mlruns"

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start `python -m sweep …` in a process group of its own."""
        unwanted = ("YOLO_",) if self.measured else ("YOLO_", "COVERAGE_")
        environment = {name: value for name, value in os.environ.items() if not name.startswith(unwanted)}
        process = subprocess.Popen(
            [sys.executable, "-m", "sweep", *arguments],
            cwd=self.folder,
            env=environment | {"HOME": str(self.folder / "user"), "COLUMNS": "200"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.started.append(process)
        return process

    def run(self, *arguments: str) -> tuple[int, str]:
        """Run `python -m sweep …` to its end; exit code and output."""
        process = self.start(*arguments)
        output, _ = process.communicate(timeout=LIMIT_S)
        return process.returncode, output

    def events(self) -> list[dict[str, Any]]:
        """All progress events of all sweeps, oldest first."""
        found = []
        for path in self.home.glob("sweeps/*/progress/*.jsonl"):
            found += [json.loads(line) for line in path.read_text().splitlines()]
        return sorted(found, key=lambda event: event["time"])

    def wait_for(self, what: Callable[[dict[str, Any]], bool], since: float = 0.0) -> dict[str, Any]:
        """The first progress event that fits, waited for."""
        deadline = time.monotonic() + LIMIT_S
        while time.monotonic() < deadline:
            for event in self.events():
                if event["time"] >= since and what(event):
                    return event
            assert any(process.poll() is None for process in self.started), "the sweep ended before the event"
            time.sleep(0.05)
        raise AssertionError("the event did not come")

    def wait_for_stop(self) -> None:
        """Wait until a sweep has asked its cells to stop."""
        deadline = time.monotonic() + LIMIT_S
        while not list(self.home.glob("sweeps/*/stop")):
            assert time.monotonic() < deadline
            assert any(process.poll() is None for process in self.started), "the sweep ended without asking"
            time.sleep(0.02)

    def store(self) -> Any:
        """The store of this home."""
        from sweep.tracking.store import open_store

        return open_store(self.home, self.experiment, self.uri)

    def cell_runs(self) -> list[Any]:
        """All cell runs, newest first."""
        from sweep.tracking.read import search

        return list(search(self.store(), "tags.`sweep.kind` = 'cell'"))

    def tables(self) -> list[Any]:
        """The cells of each sweep as a data frame, in no order: two sweeps may have begun in the same second."""
        from sweep.tracking.read import search, sweep_cells

        sweeps = search(self.store(), "tags.`sweep.kind` = 'sweep'")
        return [sweep_cells(self.store(), run.run_id) for run in sweeps]

    def last_cells(self) -> Any:
        """The cells of the latest sweep as a data frame."""
        from sweep.tracking.read import latest_sweep, sweep_cells

        latest = latest_sweep(self.store())
        assert latest is not None
        return sweep_cells(self.store(), latest.run_id)


def figures(desk: Desk, cell: str) -> dict[str, list[tuple[int, float]]]:
    """All metrics of the only run of a cell but times, every step of them, unrounded."""
    client = desk.store().client
    [run] = [run for run in desk.cell_runs() if run.cell == cell]
    return {
        name: [(point.step, point.value) for point in client.get_metric_history(run.run_id, name)]
        for name in run.metrics
        if not name.startswith("time/") and "/latency_" not in name
    }


@pytest.fixture(scope="session")
def signs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built-in data set, drawn once."""
    from sweep.data.signs import ensure_signs

    return ensure_signs(tmp_path_factory.mktemp("signs")).parent


@pytest.fixture
def desk(tmp_path: Path, signs: Path) -> Iterator[Desk]:
    """A fresh folder whose home holds the built-in data set; whatever still runs at the end is killed."""
    made = make_desk(tmp_path, signs)
    yield made
    close_desk(made)


@pytest.fixture(scope="session")
def done(tmp_path_factory: pytest.TempPathFactory, signs: Path) -> Iterator[tuple[Desk, int, str]]:
    """A finished six-cell sweep: where, its exit code, what it printed."""
    desk = make_desk(tmp_path_factory.mktemp("grid"), signs, measured=True)
    code, output = desk.run(*GRID)
    yield desk, code, output
    close_desk(desk)


def make_desk(
    folder: Path,
    signs: Path,
    *,
    measured: bool = False,
    uri: str | None = None,
    experiment: str = "npu-sweep",
) -> Desk:
    shutil.copytree(signs, folder / "mlruns" / "datasets" / "signs")
    (folder / "user").mkdir()
    if experiment != "npu-sweep":
        (folder / "conf" / "local").mkdir(parents=True)
        (folder / "conf" / "local" / "default.yaml").write_text(f"# @package _global_\nexperiment: {experiment}\n")
    return Desk(folder, measured, uri, experiment)


def close_desk(desk: Desk) -> None:
    for process in desk.started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def tree(process: subprocess.Popen[Any]) -> list[psutil.Process]:
    """A process and all below it."""
    root = psutil.Process(process.pid)
    return [root, *root.children(recursive=True)]


def gone_within(processes: list[psutil.Process], seconds: float) -> list[psutil.Process]:
    """Those of the processes that are still there after a time."""
    _, alive = psutil.wait_procs(processes, timeout=seconds)
    return [process for process in alive if process.status() != psutil.STATUS_ZOMBIE]
