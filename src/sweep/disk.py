"""How much of the disk a sweep will take, and whether there is that much."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from sweep.errors import SweepError

# Millions of parameters of Ultralytics' detectors by scale, as YOLO11 has them; levels change them by a few per cent.
PARAMS_M = {"n": 2.6, "s": 9.5, "m": 20.1, "l": 25.4, "x": 57.0}
# Bytes for a parameter, rounded up from what home held after and during sweeps of yolo11n.
KEPT_BYTES = 13  # checkpoints in half precision in the cell's folder and in MLflow, and as MLflow's model; exports
TRAINING_BYTES = 60  # the state and the checkpoints with their optimizers, each twice while it is replaced
KEPT_MB = 6  # figures, tables, logs and what MLflow's database holds of a cell
TRIALS_WITH_WEIGHTS = 0.3  # the share of a study's trials that were the best when they ended, and keep their weights


def cell_mb(scale: object) -> tuple[float, float]:
    """What a cell leaves, and what it takes besides while it trains, in MB (10⁶ bytes)."""
    params_m = PARAMS_M.get(str(scale), PARAMS_M["n"])
    return params_m * KEPT_BYTES + KEPT_MB, params_m * TRAINING_BYTES


def needed_mb(cells: Iterable[tuple[Mapping[str, Any], int]], side_by_side: int) -> float:
    """What cells that are still to be trained will take at most, in MB.

    Args:
        cells: The base of each, and how many trials it has if it is tuned, otherwise 0.
        side_by_side: How many train at once.
    """
    kept, training = 0.0, []
    for base, trials in cells:
        leaves, takes = cell_mb(base.get("scale"))
        kept += leaves * (1 + trials * TRIALS_WITH_WEIGHTS)
        training.append(takes)
    return kept + sum(sorted(training, reverse=True)[:side_by_side])


def check_writable(home: Path) -> None:
    """Refuse a home in which nothing can be written, before anything is.

    Args:
        home: The folder that holds all state, which may not exist yet.

    Raises:
        SweepError: It lies on a read-only file system, or belongs to somebody else.
    """
    place = _nearest(home)
    if os.access(place, os.W_OK | os.X_OK):
        return
    read_only = os.statvfs(place).f_flag & os.ST_RDONLY
    why = f"{place} is on a file system that is mounted read-only" if read_only else f"you may not write to {place}"
    raise SweepError(f"home={home}: {why}, and a sweep keeps all that it does in home. Choose another home=.")


def check_space(home: Path, needed: float, cells: int) -> None:
    """Refuse a sweep that would fill the disk.

    Args:
        home: The folder that holds all state, which may not exist yet.
        needed: In MB.
        cells: How many are to be trained.

    Raises:
        SweepError: There is not enough room.
    """
    free = shutil.disk_usage(_nearest(home)).free / 1e6
    if free < needed:
        what = "the cell" if cells == 1 else f"the {cells} cells"
        raise SweepError(
            f"home={home}: {free / 1e3:.2f} GB are free, and {what} to be trained will take about "
            f"{needed / 1e3:.2f} GB. Free some (python -m sweep clean --dry-run shows what is safe), or choose another "
            "home=."
        )


def _nearest(home: Path) -> Path:
    """Home, or the nearest folder above it that is there."""
    return next(folder for folder in (home, *home.parents) if folder.is_dir())
