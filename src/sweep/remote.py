"""A cell on a machine that does not see the sweep's home: its results reach the sweep through MLflow alone."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweep.ending import CellFailed
from sweep.locks import cell_folder

if TYPE_CHECKING:
    from omegaconf import DictConfig


def sees_sweep(home: Path, sweep_id: str) -> bool:
    """Whether a sweep's home is on a file system that this machine sees: the journal of its run is there."""
    from sweep.tracking.spool.journal import JOURNAL

    return (home / "sweeps" / sweep_id / JOURNAL).exists()


def deliver_own(config: DictConfig) -> None:
    """Deliver to MLflow what this machine's home holds: nobody else can.

    Args:
        config: The composed config of the cell.

    Raises:
        CellFailed: Something could not be delivered; it stays in home.
    """
    from omegaconf import OmegaConf

    from sweep.config import read_settings
    from sweep.tracking.spool.drain import drain
    from sweep.tracking.store import store_at

    plain: dict[str, Any] = OmegaConf.to_container(config, resolve=True)  # type: ignore[assignment]
    settings = read_settings(plain)
    left = drain(store_at(settings.home, settings.experiment, settings.tracking_uri), settings.tracking_wait_s)
    if left:
        raise CellFailed(
            f"It was trained on {platform.node()}, which could not deliver it to MLflow: {left.reason} "
            f"Nothing is lost: run python -m sweep sync --home {settings.home} there."
        )


def with_mlflow_id(home: Path, key: str, result: Mapping[str, Any]) -> dict[str, Any]:
    """A cell's result with the id that MLflow has given to its run: the sweep's home does not know the local one."""
    from sweep.tracking.spool.cursor import read_cursor

    found = result["run_id"] and read_cursor(cell_folder(home, key) / result["run_id"]).run_id
    return {**result, "run_id": found or result["run_id"]}
