"""Measure a sweep that was trained before: what `python -m sweep npu measure` does."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweep.console import duration
from sweep.errors import Problems, SweepError
from sweep.measuring import measure_run, measuring_with, wanted_names
from sweep.tracking import names

if TYPE_CHECKING:
    from rich.console import Console
    from rich.status import Status

    from sweep.data.dataset import Dataset
    from sweep.npu.targets import Target
    from sweep.tracking.read import RunInfo
    from sweep.tracking.store import Store

Say = Callable[[str], None]


@dataclass(frozen=True)
class Stored:
    """A finished cell that lacks a measurement: its run, and the data that it was trained on."""

    run: RunInfo
    data: Dataset


def measure_sweep(
    store: Store,
    sweep: str,
    targets: Sequence[Target],
    console: Console,
    *,
    data: Path | None,
    again: bool,
    trust: bool = False,
) -> int:
    """Measure the finished cells of a sweep and build its report anew.

    Returns:
        The exit code: 0 all measured, 1 something could not be measured.

    Raises:
        SweepError: There is no such sweep, or the data of a cell is not where it was. Nothing was measured then.
    """
    from sweep.rebuild import rebuild_report
    from sweep.tracking.read import sweep_run
    from sweep.training.environment import prepare_ultralytics

    parent = sweep_run(store, sweep)
    prepare_ultralytics(store.home, trust=trust)
    cells = _to_measure(store, parent.run_id, targets, data, again)
    console.print(f"Measuring {len(cells)} cells" if cells else "Every finished cell has been measured.")
    failed = 0
    for number, cell in enumerate(cells, start=1):
        began = time.monotonic()
        with console.status(f"{cell.run.cell}") as status:
            problems = _measure(store, cell, targets, again, _to(status, f"{cell.run.cell}"))
        failed += bool(problems)
        console.print(
            f"[{number}/{len(cells)}] {cell.run.cell}: measured in {duration(time.monotonic() - began)}", markup=False
        )
        for name, reason in problems.items():
            console.print(f"  {name} not measured: {reason}", style="red", markup=False, soft_wrap=True)
    rebuild_report(store, parent, console)
    return 1 if failed else 0


def _to(status: Status, cell: str) -> Say:
    return lambda text: status.update(f"{cell}: {text}")


def _to_measure(
    store: Store, sweep_run_id: str, targets: Sequence[Target], data: Path | None, again: bool
) -> list[Stored]:
    """The cells that lack something, each with its data set; a set that several share is checked once."""
    from sweep.identity import load_data
    from sweep.tracking.measured import lacking
    from sweep.tracking.read import runs_by_id, sweep_cells

    frame = sweep_cells(store, sweep_run_id)
    finished = [row["run_id"] for row in frame.to_dict("records") if row["status"] == "finished"]
    if not finished:
        raise SweepError("This sweep has no finished cell: there is nothing to measure.")
    runs = runs_by_id(store, finished)
    wanted = wanted_names(targets)
    load = cache(lambda name, path: load_data({"name": name, "path": path}, store.home))
    found, problems = [], Problems()
    for run_id in finished:
        run = runs[run_id]
        if again or lacking(run.tags, wanted):
            with problems:
                found.append(Stored(run, _data(store, run, data, load)))
    problems.raise_if_any()
    return found


def _data(store: Store, run: RunInfo, data: Path | None, load: Callable[[Any, Any], Dataset]) -> Dataset:
    """The data that a cell was trained on: at `data`, where that is it, otherwise where it was then.

    Raises:
        SweepError: It lies at neither place, or is not what it was.
    """
    trained_on = run.tags.get(names.DATA_DIGEST)
    if data is not None:
        dataset = load(run.params.get("data"), str(data.expanduser().absolute()))
        if trained_on in (None, dataset.digest):
            return dataset
    choice = _data_choice(store, run)
    try:
        dataset = load(choice.get("name"), choice.get("path"))
    except SweepError as error:
        raise SweepError(*(f"{run.cell}: {problem} Name its place: --data" for problem in error.problems)) from None
    if trained_on not in (None, dataset.digest):
        raise SweepError(
            f"{run.cell} was trained on other data than {dataset.yaml} holds now: its INT8 file must be calibrated on "
            "the pictures that it was trained on. Name them: --data"
        )
    return dataset


def _data_choice(store: Store, run: RunInfo) -> Mapping[str, Any]:
    """The `data` group of a stored cell, from its `config.yaml`."""
    import yaml

    from sweep.bounded_yaml import read_yaml
    from sweep.tracking.artifacts import open_artifact

    with open_artifact(store, run.run_id, run.artifact_uri, "config.yaml") as path:
        try:
            content = None if path is None else read_yaml(path)
        except (OSError, UnicodeDecodeError, yaml.YAMLError):
            content = None
    if not isinstance(content, Mapping) or not isinstance(content.get("data"), Mapping):
        raise SweepError(f"{run.cell}: its run {run.run_id} does not say on which data it was trained. Name it: --data")
    return dict(content["data"])


def _measure(store: Store, cell: Stored, targets: Sequence[Target], again: bool, say: Say) -> dict[str, str]:
    """Measure what one cell lacks by now; what could not be measured, with the reasons."""
    from sweep.locks import cell_lock
    from sweep.tracking.measured import lacking
    from sweep.tracking.read import runs_by_id

    run, home, wanted = cell.run, store.home, wanted_names(targets)
    prefix = names.RECIPE_PREFIX
    recipe = {name.removeprefix(prefix): value for name, value in run.params.items() if name.startswith(prefix)}
    with cell_lock(home, str(run.key), on_wait=lambda: say("another process holds this cell")):
        now = runs_by_id(store, [run.run_id])[run.run_id]  # who held the lock may have measured it
        missing = tuple(wanted) if again else lacking(now.tags, wanted)
        if not missing:
            return {}
        return measure_run(store, run, missing, lambda: measuring_with(cell.data, home, recipe, targets, missing, say))
