"""Remove from home what nothing needs any more: of finished cells what MLflow has too, and what can be made again."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from sweep.files import PARTS
from sweep.locks import cell_held, sweep_held
from sweep.tracking.read import RunInfo, runs_by_id
from sweep.tracking.spool.cursor import is_delivered, read_cursor
from sweep.tracking.store import Store

STATE = "state.pt"
CHECKPOINTS = ("weights/best.pt", "weights/last.pt")
OLD_S = 3600.0  # a file that is being written is younger
CACHES = ("npu", "matplotlib", "datasets/cache", "datasets/views")  # are made again when they are needed
STAGING = ".staging-*"


@dataclass(frozen=True)
class Removable:
    """A file or folder that may go.

    Attributes:
        path: where it is.
        kind: what it is, in a few words.
        size: in bytes.
    """

    path: Path
    kind: str
    size: int


def removable(store: Store, *, caches: bool) -> list[Removable]:
    """What may be removed from a home; cells and sweeps that a process holds are left alone.

    Args:
        store: The home's store, which says which runs are finished.
        caches: Whether what can be made again counts, too; only where no sweep is under way.
    """
    found = [*_of_cells(store), *_left_behind(store.home)]
    if caches and not _sweep_under_way(store.home):
        found += [_entry(store.home / name, "cache") for name in CACHES if (store.home / name).exists()]
    return found


def remove(entries: list[Removable], on_error: Callable[[Removable, OSError], None]) -> int:
    """Remove them, and return how many bytes that freed; what cannot be removed is told and left."""
    freed = 0
    for entry in entries:
        try:
            if entry.path.is_dir() and not entry.path.is_symlink():
                shutil.rmtree(entry.path)
            else:
                entry.path.unlink(missing_ok=True)
        except OSError as error:
            on_error(entry, error)
        else:
            freed += entry.size
    return freed


def _of_cells(store: Store) -> Iterator[Removable]:
    """Of finished runs the state, which nobody needs, the checkpoints, which MLflow has, and half written files."""
    folders = {run_id: folder for folder in store.home.glob("cells/*/*") if (run_id := _delivered_as(folder))}
    runs = runs_by_id(store, list(folders))
    for run_id, folder in sorted(folders.items()):
        run = runs.get(run_id)
        if run is None or run.status != "finished" or cell_held(store.home, folder.parent.name):
            continue
        if (folder / STATE).exists():
            yield _entry(folder / STATE, "state of a finished cell")
        if (folder / "weights").is_dir() and _in_mlflow(store, run):
            yield _entry(folder / "weights", "checkpoints that MLflow has")
        for part in folder.rglob(PARTS):
            yield _entry(part, "half written file")


def _in_mlflow(store: Store, run: RunInfo) -> bool:
    """Whether MLflow really has the run's checkpoints."""
    from sweep.tracking.artifacts import artifact_folder

    folder = artifact_folder(store, run.run_id, run.artifact_uri)
    if folder is not None:
        return all((folder / name).is_file() for name in CHECKPOINTS)
    return set(CHECKPOINTS) <= {file.path for file in store.client.list_artifacts(run.run_id, "weights")}


def _delivered_as(folder: Path) -> str | None:
    """MLflow's id of the run of a folder that holds something of a training, if MLflow has all of the run."""
    if not ((folder / STATE).exists() or (folder / "weights").is_dir()) or not is_delivered(folder):
        return None
    return read_cursor(folder).run_id or folder.name


def _left_behind(home: Path) -> Iterator[Removable]:
    """What processes that were killed had staged for MLflow."""
    for folder in sorted(home.glob(STAGING)):
        if time.time() - folder.stat().st_mtime > OLD_S:
            yield _entry(folder, "left by a killed process")


def _sweep_under_way(home: Path) -> bool:
    return any(sweep_held(home, folder.name) for folder in home.glob("sweeps/*") if folder.is_dir())


def _entry(path: Path, kind: str) -> Removable:
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return Removable(path, kind, sum(file.lstat().st_size for file in files))
