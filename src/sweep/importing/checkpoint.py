"""What the checkpoints of a run folder tell besides their weights."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ultralytics.nn.tasks import DetectionModel


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """An opened checkpoint.

    Attributes:
        path: the file.
        model: its model, float32, on the CPU.
        ultralytics: the version that wrote it, or None.
        saved: when it was written; None where it does not say.
        arguments: of the training, by name.
        metrics: of its epoch, by their names in results.csv; empty where its version noted none.
        complete: whether the training came to its end, which is when Ultralytics strips the optimizer.
    """

    path: Path
    model: DetectionModel
    ultralytics: str | None
    saved: datetime | None
    arguments: Mapping[str, Any]
    metrics: Mapping[str, float]
    complete: bool

    @property
    def nc(self) -> int:
        """Number of classes."""
        return int(self.model.model[-1].nc)

    @property
    def names(self) -> dict[int, str]:
        """The names of the classes by class id."""
        return {int(number): str(name) for number, name in dict(self.model.names).items()}

    @property
    def yaml(self) -> dict[str, Any]:
        """The model YAML that it was built from."""
        return dict(self.model.yaml)


def open_checkpoint(path: Path) -> Checkpoint:
    """Open a checkpoint; a file that is none is refused by `architecture.checkpoint`, as everywhere.

    Call `sweep.training.environment.prepare_ultralytics` first. One that names more than stock Ultralytics is
    refused, unless that was told to trust it.

    Raises:
        SweepError: It cannot be read, or holds something else than a detection model.
    """
    from sweep.architecture.checkpoint import read_checkpoint

    model = read_checkpoint(path)
    from ultralytics.nn.tasks import load_checkpoint

    _, content = load_checkpoint(str(path))
    version, arguments = content.get("version"), content.get("train_args")
    return Checkpoint(
        path=path,
        model=model,
        ultralytics=str(version) if version else None,
        saved=_time(content.get("date")),
        arguments=arguments if isinstance(arguments, Mapping) else {},
        metrics=_numbers(content.get("train_metrics")),
        complete=content.get("epoch", -1) == -1,
    )


def _time(text: object) -> datetime | None:
    try:
        return datetime.fromisoformat(str(text)).astimezone()
    except (ValueError, OverflowError, OSError):
        return None


def _numbers(content: object) -> dict[str, float]:
    if not isinstance(content, Mapping):
        return {}
    pairs = {str(name): value for name, value in content.items() if isinstance(value, int | float)}
    return {name: float(value) for name, value in pairs.items() if not math.isinf(value)}
