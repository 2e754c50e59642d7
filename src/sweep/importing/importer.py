"""Import a run folder from its check to its cell in MLflow. Read it from top to bottom."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sweep.errors import Problems, SweepError
from sweep.importing.accuracy import Accuracy, accuracy_of
from sweep.importing.cell import ImportedCell, describe
from sweep.importing.claim import Claim, read_claim
from sweep.importing.data import TrainedOn, find_data
from sweep.importing.folder import RunFolder, read_folder
from sweep.importing.likeness import compare
from sweep.importing.parent import add, listed, name_in, new_parent, open_parent
from sweep.importing.record import Sized, record_cell

if TYPE_CHECKING:
    from sweep.defaults import Site
    from sweep.tracking.read import RunInfo
    from sweep.tracking.store import Store

Say = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class Imported:
    """What an import came to.

    Attributes:
        cell: what was imported.
        run: its run.
        sweep: the run of the sweep that it stands in.
        accuracy: its figures; None where it had been imported before.
        changed: whether anything was written.
    """

    cell: ImportedCell
    run: RunInfo
    sweep: RunInfo
    accuracy: Accuracy | None
    changed: bool


def examine(
    path: Path, overrides: Sequence[str], place: Site, sweep: str | None, say: Say, *, trust: bool = False
) -> tuple[ImportedCell, RunInfo | None]:
    """Check all that the user gave, and log nothing.

    Args:
        path: The run folder.
        overrides: What it is said to be: `level=4`, `act=relu`.
        place: Home and store.
        sweep: The sweep to add it to, or None for a new one.
        say: Told what takes long.
        trust: Open its checkpoints whatever code they name.

    Returns:
        The cell that the folder will be, and the run of the sweep to add it to.

    Raises:
        SweepError: With every problem of overrides, folder, data set and sweep.
    """
    from sweep.defaults import open_site
    from sweep.training.environment import prepare_ultralytics

    problems = Problems()
    claim: Claim | None = None
    folder: RunFolder | None = None
    parent: RunInfo | None = None
    data: TrainedOn | None = None
    with problems:
        claim = read_claim(overrides)
    with problems:
        folder = read_folder(path, lambda: prepare_ultralytics(place.home, trust=trust))
    if sweep is not None:
        with problems:
            parent = open_parent(open_site(place.home, place.tracking_uri or "", place.experiment), sweep)
    if claim is not None and claim.data is not None:
        with problems:
            data = find_data(claim.data, {}, folder.best if folder else None, place.home, say)
    problems.raise_if_any()
    assert claim is not None and folder is not None
    data = data or find_data(None, folder.arguments, folder.best, place.home, say)
    return describe(folder, claim, data, compare(folder.best, claim.cell)), parent


def import_cell(store: Store, cell: ImportedCell, parent: RunInfo | None, command: str, say: Say) -> Imported:
    """Evaluate a cell and log it; one that was imported before is found and stays as it is.

    Args:
        store: The opened store.
        cell: The cell.
        parent: The run of the sweep to add it to; None: a new one.
        command: What the user typed, for a new sweep.
        say: Told what is done.
    """
    from sweep.devices import device_type
    from sweep.locks import cell_folder, cell_lock
    from sweep.tracking.known import finished_of
    from sweep.tracking.read import find_runs_by_key, runs_by_id
    from sweep.tracking.runs import close_abandoned_imports
    from sweep.training.output import output_to

    settings = cell.claim.settings
    with cell_lock(store.home, cell.key, on_wait=lambda: say("another process imports this folder")):
        close_abandoned_imports(store, cell.key)
        known = finished_of(find_runs_by_key(store, [cell.key]).get(cell.key, []))
        if known is not None:
            return _again(store, cell, known, parent, command)
        folder = cell_folder(store.home, cell.key) / "import"
        with output_to(folder / "import.log"):
            accuracy = accuracy_of(cell, device_type(settings.device), folder, store.home, say)
            say("counting parameters, operations and nodes")
            sized = _size(cell, folder)
            say("logging")
            with _held(store, parent, command, settings.report.as_text()) as sweep:
                cells = listed(store, sweep)
                name, sweep_id = name_in(cells, cell), str(sweep.sweep_id)
                run_id = record_cell(
                    store,
                    cell,
                    accuracy,
                    sized,
                    parent_run_id=sweep.run_id,
                    sweep_id=sweep_id,
                    name=name,
                    folder=folder,
                )
                run = runs_by_id(store, [run_id])[run_id]
                add(store, sweep, cells, cell, run, reused=False)
        shutil.rmtree(folder)  # MLflow has it all now
    return Imported(cell, run, sweep, accuracy, changed=True)


def _again(store: Store, cell: ImportedCell, run: RunInfo, parent: RunInfo | None, command: str) -> Imported:
    """The cell that was imported before: in its own sweep nothing changes, another one lists it as reused."""
    from sweep.tracking.read import sweep_run

    own: RunInfo | None = None
    with contextlib.suppress(SweepError):  # its sweep may have been deleted since
        own = sweep_run(store, str(run.sweep_id))
    target = parent or own
    if target is not None and any(entry["run_id"] == run.run_id for entry in listed(store, target)):
        return Imported(cell, run, target, None, changed=False)
    with _held(store, target, command, cell.claim.settings.report.as_text()) as sweep:
        add(store, sweep, listed(store, sweep), cell, run, reused=True)
    return Imported(cell, run, sweep, None, changed=True)


@contextlib.contextmanager
def _held(store: Store, parent: RunInfo | None, command: str, report_settings: str) -> Iterator[RunInfo]:
    """The sweep to write to, held so that nobody else does: the given one, or a new one."""
    from sweep.locks import sweep_lock

    if parent is None:
        with new_parent(store, command, report_settings) as made:
            yield made
    else:
        with sweep_lock(store.home, str(parent.sweep_id)):
            yield parent


def _size(cell: ImportedCell, folder: Path) -> Sized:
    from sweep.measuring import size_of

    best = cell.folder.best
    metrics, graph = size_of(best.model, best.path, int(cell.folder.arguments["imgsz"]), folder / "export")
    return Sized(metrics, graph.opset)
