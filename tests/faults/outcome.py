"""What a sweep has left, and what has to hold of it whatever happened on the way."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from e2e.conftest import TINY, Desk, close_desk

# The sweep that most faults happen to: two cells, side by side.
TWO = ("level=3,4", "act=relu", *TINY, "recipe.epochs=4", "recipe.mosaic=0.5", "npu=none")
Figures = dict[str, list[tuple[int, float]]]
# What trials took, those too that were lost; and the number of the best one, as lost ones have numbers, too.
COSTS = {"tune/lost", "tune/epochs", "tune/train_s", "tune/best_trial"}
FAULTS_LEAVE = {"traceback.txt"}  # in the run of a cell that failed before it went on


@dataclass(frozen=True)
class Left:
    """What does not depend on when, where and how often a sweep was started.

    Attributes:
        figures: of each cell every step of all metrics but times and costs, unrounded.
        artifacts: of each cell the paths of its files in MLflow.
        tables: the names of the sweep's tables, in home and in MLflow.
    """

    figures: dict[str, Figures]
    artifacts: dict[str, set[str]]
    tables: set[str]


@dataclass(frozen=True)
class Undisturbed:
    """A sweep that nothing happened to: what it left, and how long it took."""

    left: Left
    seconds: float


def undisturbed_by(desk: Desk, command: Sequence[str]) -> Undisturbed:
    """Run a command in a fresh home to its end."""
    began = time.monotonic()
    code, output = desk.run(*command)
    seconds = time.monotonic() - began
    close_desk(desk)
    assert code == 0, output
    check_sound(desk)
    return Undisturbed(left_by(desk), seconds)


def left_by(desk: Desk, output: str | None = None) -> Left:
    """What a sweep, all of whose cells are finished, has left: the latest of a home, or the one that printed this."""
    from sweep.tracking.read import latest_sweep, search, sweep_cells

    if output is None:
        latest = latest_sweep(desk.store())
    else:
        sweep_id = output.rpartition("Report: ")[2].partition("/report/report.html")[0].rpartition("/")[2]
        [latest] = search(desk.store(), f"tags.`sweep.kind` = 'sweep' AND tags.`sweep.id` = '{sweep_id}'")
    assert latest is not None
    cells = sweep_cells(desk.store(), latest.run_id)
    assert list(cells["status"]) == ["finished"] * len(cells), cells[["cell", "status", "reason"]].to_string()
    runs = dict(zip(cells["cell"], cells["run_id"], strict=True))
    folder = desk.home / "sweeps" / str(latest.sweep_id) / "report" / "tables"
    tables = {path.name for path in folder.iterdir()}
    logged = {Path(path).name for path in artifacts(desk, latest.run_id) if path.startswith("report/tables/")}
    assert tables == logged, "the tables in home are those in MLflow"
    return Left(
        figures={cell: figures(desk, run_id) for cell, run_id in runs.items()},
        artifacts={
            cell: {path for path in artifacts(desk, run_id) if not path.startswith("report/")} - FAULTS_LEAVE
            for cell, run_id in runs.items()
        },
        tables=tables,
    )


def figures(desk: Desk, run_id: str) -> Figures:
    """Every step of all metrics of a run but times and costs, by step: MLflow goes by the clock."""
    client = desk.store().client
    return {
        name: sorted((point.step, point.value) for point in client.get_metric_history(run_id, name))
        for name in client.get_run(run_id).data.metrics
        if not name.startswith("time/") and "/latency_" not in name and name not in COSTS
    }


def artifacts(desk: Desk, run_id: str, folder: str | None = None) -> Iterator[str]:
    """The paths of all files of a run in MLflow."""
    for entry in desk.store().client.list_artifacts(run_id, folder):
        if entry.is_dir:
            yield from artifacts(desk, run_id, entry.path)
        else:
            yield entry.path


def check_sound(desk: Desk) -> None:
    """What holds after every sweep that came to its end: nothing runs, nothing is there twice or half."""
    from sweep.tracking.read import search

    client = desk.store().client
    runs = list(search(desk.store(), ""))
    assert [run.run_id for run in runs if run.status == "running"] == []
    finished = Counter(run.key for run in runs if run.status == "finished" and run.tags["sweep.kind"] == "cell")
    assert set(finished.values()) <= {1}, "a cell is trained once"
    for run in runs:
        for name in run.metrics:
            steps = [point.step for point in client.get_metric_history(run.run_id, name)]
            assert len(steps) == len(set(steps)), f"{name} of {run.run_id}: {steps}"
            if name == "time/epoch_s":
                assert sorted(steps) == list(range(1, len(steps) + 1)), "no epoch is missing"
        for folder in desk.home.glob(f"cells/*/{run.id}"):
            if run.status == "finished":
                assert [*folder.rglob(".*.part"), *folder.glob("state.pt")] == []


def check_as_undisturbed(desk: Desk, expected: Undisturbed, output: str | None = None) -> None:
    """The latest sweep of a home, or the one that has printed this, has left what one leaves that nothing happened to,
    to the bit.
    """
    check_sound(desk)
    left = left_by(desk, output)
    assert left.tables == expected.left.tables
    assert left.artifacts == expected.left.artifacts
    assert set(left.figures) == set(expected.left.figures)
    for cell, found in left.figures.items():
        wanted = expected.left.figures[cell]
        names = {name for name in set(found) | set(wanted) if found.get(name) != wanted.get(name)}
        assert not names, f"{cell}: {[(name, found.get(name), wanted.get(name)) for name in sorted(names)]}"


def check_exit(desk: Desk, code: int, output: str) -> Any:
    """A sweep that came to its end by itself has said in its exit code whether all is finished; returns its cells."""
    cells = desk.last_cells()
    all_finished = set(cells["status"]) == {"finished"}
    assert code == (0 if all_finished else 1), f"exit code {code}\n{cells[['cell', 'status', 'reason']]}\n{output}"
    assert "Traceback" not in output, output
    return cells
