"""A cell on a machine that does not see the sweep's home: its results reach the sweep through MLflow alone."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
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


@contextmanager
def delivering(config: DictConfig) -> Iterator[None]:
    """Deliver to MLflow what this machine's home holds, while the block makes it and at its end: nobody else can.

    Meanwhile a process of its own does it: a thread beside a training would draw from its random numbers.

    Args:
        config: The composed config of the cell.

    Raises:
        CellFailed: Something could not be delivered; it stays in home.
    """
    from omegaconf import OmegaConf

    from sweep.config import read_settings

    plain: dict[str, Any] = OmegaConf.to_container(config, resolve=True)  # type: ignore[assignment]
    settings = read_settings(plain)
    place = (str(settings.home), settings.experiment, settings.tracking_uri)
    courier = subprocess.Popen(
        [sys.executable, "-c", "from sweep.remote import deliver_until_closed; deliver_until_closed()"],
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": ""},
    )  # fmt: skip
    assert courier.stdin is not None
    try:
        with suppress(BrokenPipeError):  # if it could not start, all is delivered at the end
            courier.stdin.write(json.dumps(place) + "\n")  # an address holds secrets: nobody sees them here
            courier.stdin.flush()
        yield
    finally:
        courier.terminate()  # it ends with this process in any case: then its standard input does
        courier.wait()
        _deliver_rest(*place, settings.tracking_wait_s)


def deliver_until_closed() -> None:
    """Deliver the runs of a home to a store until the standard input ends; its first line names both, as JSON."""
    from sweep.tracking.spool.courier import Courier
    from sweep.tracking.store import store_at

    home, experiment, uri = json.loads(sys.stdin.readline())
    with Courier(store_at(Path(home), experiment, uri)):
        sys.stdin.read()


def _deliver_rest(home: str, experiment: str, uri: str | None, wait_s: float) -> None:
    from sweep.tracking.spool.drain import drain
    from sweep.tracking.store import store_at

    left = drain(store_at(Path(home), experiment, uri), wait_s)
    if left:
        raise CellFailed(
            f"It was trained on {platform.node()}, which could not deliver it to MLflow: {left.reason} "
            f"Nothing is lost: run python -m sweep sync --home {home} there."
        )


def with_mlflow_id(home: Path, key: str, result: Mapping[str, Any]) -> dict[str, Any]:
    """A cell's result with the id that MLflow has given to its run: the sweep's home does not know the local one."""
    from sweep.tracking.spool.cursor import read_cursor

    found = result["run_id"] and read_cursor(cell_folder(home, key) / result["run_id"]).run_id
    return {**result, "run_id": found or result["run_id"]}
