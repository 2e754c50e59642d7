"""The run folder of a plain Ultralytics training, checked as a whole."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sweep.errors import Problems, SweepError
from sweep.importing.arguments_yaml import read_arguments, with_counts
from sweep.importing.checkpoint import Checkpoint, open_checkpoint
from sweep.importing.results_csv import Results, read_results

ARGUMENTS, RESULTS, BEST, LAST = "args.yaml", "results.csv", "weights/best.pt", "weights/last.pt"
MOST_NAMED = 5  # folders in one sentence


@dataclass(frozen=True, eq=False)
class RunFolder:
    """A run folder that can be imported.

    Attributes:
        path: the folder, absolute.
        arguments: what it was trained with; `imgsz` and `batch` are whole numbers.
        results: its curves.
        best: its best checkpoint.
        last: its last checkpoint, or None: some delete it.
    """

    path: Path
    arguments: Mapping[str, Any]
    results: Results
    best: Checkpoint
    last: Checkpoint | None

    @property
    def files(self) -> dict[str, Path]:
        """The files that are kept, by their paths in it, which are those of a cell's artifacts."""
        kept = (ARGUMENTS, RESULTS, BEST, *([] if self.last is None else [LAST]))
        return {name: self.path / name for name in kept}

    @property
    def ended(self) -> datetime:
        """When the training ended: its last checkpoint says it, or results.csv, whose time a copy may not keep."""
        saved = (self.last or self.best).saved
        return saved or datetime.fromtimestamp((self.path / RESULTS).stat().st_mtime, UTC)

    @property
    def started(self) -> datetime:
        """When the training began: by the times in results.csv, or else when args.yaml was written."""
        if self.results.seconds is not None:
            return self.ended - timedelta(seconds=self.results.seconds)
        return min(self.ended, datetime.fromtimestamp((self.path / ARGUMENTS).stat().st_mtime, UTC))

    @property
    def cut_short(self) -> bool:
        """Whether the training was stopped before its end: its last checkpoint could still be resumed."""
        return not (self.last or self.best).complete


def read_folder(path: Path, prepare: Callable[[], None]) -> RunFolder:
    """Read a run folder.

    Args:
        path: The folder.
        prepare: Makes Ultralytics ready to open checkpoints; called where there is one.

    Raises:
        SweepError: With every problem found: files that are missing, damaged, or of another task.
    """
    path = path.expanduser().absolute()
    _require(path)
    problems = Problems()
    arguments: Mapping[str, Any] = {}
    results = best = last = None
    with problems:
        arguments = read_arguments(path / ARGUMENTS)
    with problems:
        results = read_results(path / RESULTS)
    prepare()
    with problems:
        best = open_checkpoint(path / BEST)
    if (path / LAST).is_file():
        with problems:
            last = open_checkpoint(path / LAST)
    if best is not None and arguments:
        with problems:
            arguments = with_counts(arguments, best.arguments)
    problems.raise_if_any()
    assert results is not None and best is not None
    return RunFolder(path, arguments, results, best, last)


def _require(path: Path) -> None:
    """Raise SweepError where there is no folder, or one without the files of a training."""
    if not path.is_dir():
        what = "is a file" if path.is_file() else "does not exist"
        raise SweepError(f"{path} {what}. Give the folder that `yolo detect train` wrote, such as runs/detect/train.")
    missing = [name for name in (ARGUMENTS, RESULTS, BEST) if not (path / name).is_file()]
    if not missing:
        return
    inside = sorted(folder.parent.name for folder in path.glob(f"*/{ARGUMENTS}"))
    hint = f" Import the folders in it one by one: {', '.join(inside[:MOST_NAMED])}." if inside else ""
    raise SweepError(
        f"{path} has no {', no '.join(missing)}: it is not the run folder of a training with Ultralytics that has"
        f" finished an epoch.{hint}"
    )
