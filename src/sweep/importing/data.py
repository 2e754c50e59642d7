"""The data set that an imported training was trained on, if it is still there."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweep.errors import SweepError

if TYPE_CHECKING:
    from sweep.data.dataset import Dataset
    from sweep.importing.checkpoint import Checkpoint


@dataclass(frozen=True)
class TrainedOn:
    """The data of a training.

    Attributes:
        choice: the content of the `data` group, as a cell's `config.yaml` holds it.
        name: what tables call it.
        dataset: the checked data set, or None where it is gone.
        reason: why it counts as gone, as a sentence; None where it is there.
    """

    choice: Mapping[str, Any]
    name: str
    dataset: Dataset | None
    reason: str | None = None


def find_data(
    named: Mapping[str, Any] | None,
    arguments: Mapping[str, Any],
    best: Checkpoint | None,
    home: Path,
    say: Callable[[str], None],
) -> TrainedOn:
    """Find and check the data of a training: the one that the user names, or the one that args.yaml does.

    Args:
        named: The content of the `data` group; None where the user names none.
        arguments: Those of the training.
        best: Its best checkpoint, for the number of classes; None where it could not be opened.
        home: The folder that holds all state.
        say: Told how far a long check is.

    Raises:
        SweepError: The data that the user names cannot be used. What args.yaml names may be gone: old runs are.
    """
    from sweep.identity import load_data

    if named is not None:
        dataset = load_data(named, home, say)
        _require_classes(dataset, best)
        return TrainedOn(named, dataset.name, dataset)
    text = arguments.get("data")
    if not isinstance(text, str) or not text:
        return TrainedOn({"name": "unknown", "path": None}, "unknown", None, "args.yaml names no data.yaml.")
    choice = {"name": None, "path": str(Path(text).expanduser().absolute()), "allow_download": False}
    if not Path(text).expanduser().is_file():
        return TrainedOn({**choice, "path": text}, _name(text), None, f"There is no {text} any more.")
    try:
        dataset = load_data(choice, home, say)
        _require_classes(dataset, best)
    except SweepError as error:
        more = f" And {len(error.problems) - 1} problems more." if len(error.problems) > 1 else ""
        return TrainedOn(choice, _name(text), None, error.problems[0] + more)
    return TrainedOn(choice, dataset.name, dataset)


def _require_classes(dataset: Dataset, best: Checkpoint | None) -> None:
    if best is not None and dataset.nc != best.nc:
        raise SweepError(
            f"{dataset.yaml} has {dataset.nc} classes, but the checkpoint detects {best.nc}: it was trained on others."
        )


def _name(path: str) -> str:
    """What `data.check` would call the set of a data.yaml that is gone, on whatever system it was."""
    *folders, file = re.split(r"[\\/]", path)
    stem = file.rpartition(".")[0] or file
    return folders[-1] if stem in ("data", "dataset") and folders and folders[-1] else stem
