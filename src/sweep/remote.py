"""A cell on a machine that does not see the sweep's home: its results reach the sweep through MLflow alone."""

from __future__ import annotations

import json
import logging
import os
import platform
import select
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweep.ending import CellFailed
from sweep.errors import in_one_line
from sweep.locks import cell_folder
from sweep.stopping import ask_to_stop, stop_file

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from sweep.tracking.store import Store
    from sweep.tune_settings import TuneSettings

log = logging.getLogger(__name__)
ASK_S = 10.0  # between two questions whether the sweep is to stop


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
        CellFailed: Such a cell cannot be run here, or something could not be delivered; it stays in home.
    """
    from omegaconf import OmegaConf

    from sweep.config import read_settings
    from sweep.tracking.store import store_at
    from sweep.tune_settings import read_tune_settings

    plain: dict[str, Any] = OmegaConf.to_container(config, resolve=True)  # type: ignore[assignment]
    settings, job = read_settings(plain), plain["job"]
    if problem := why_not_here(settings.tracking_uri, read_tune_settings(plain.get("tune"))):
        raise CellFailed(f"{platform.node()} does not see the sweep's home, {settings.home}: {problem}")
    store = store_at(settings.home, settings.experiment, settings.tracking_uri)
    _forget_deleted(store, job["key"])
    place = (str(settings.home), settings.experiment, settings.tracking_uri, job["sweep_id"])
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
        _deliver_rest(store, job["key"], settings.tracking_wait_s)


def why_not_here(tracking_uri: str | None, tune: TuneSettings | None) -> str | None:
    """Why a cell cannot be run where the sweep's home is not seen; None where it can."""
    from sweep.tracking.uri import is_server

    if not is_server(tracking_uri or ""):
        return (
            "its results can reach the sweep through an MLflow server only. Name one (tracking.uri=http://HOST:5000), "
            "or put home on a file system that all nodes see."
        )
    if tune is not None and (tune.workers > 1 or not _is_database(tune.storage)):
        return (
            "a cell is tuned there by one worker, with its trials in a database (tune.workers=1 "
            "tune.storage=postgresql+psycopg://…). Set these, or put home on a file system that all nodes see."
        )
    return None


def _is_database(storage: str | None) -> bool:
    return storage is not None and "://" in storage and not storage.startswith("sqlite")


def _forget_deleted(store: Store, key: str) -> None:
    """Let this home forget the cell's runs that somebody has deleted in MLflow, if that answers."""
    from sweep.tracking.client import FIRST_CONTACT, environment
    from sweep.tracking.known import forget_deleted

    try:
        with environment(FIRST_CONTACT):
            forget_deleted(store, [key])
    except Exception as error:
        log.warning("MLflow is away, so this home counts runs that were deleted there: %s", in_one_line(error))


def deliver_until_closed() -> None:
    """Deliver the runs of a home to a store until the standard input ends; its first line names both, as JSON.

    It also hears there that the sweep is to stop, and tells the cell.
    """
    from sweep.tracking.spool.courier import Courier
    from sweep.tracking.store import store_at

    home, experiment, uri, sweep_id = json.loads(sys.stdin.readline())
    store = store_at(Path(home), experiment, uri)
    with Courier(store):
        while not select.select([sys.stdin], [], [], ASK_S)[0]:
            with suppress(Exception):  # the server is away: it is asked again
                pass_on_stop(store, sweep_id)


def pass_on_stop(store: Store, sweep_id: str) -> None:
    """Ask the sweep's cells on this machine to stop, if the sweep says in MLflow that it does."""
    if not stop_file(store.home, sweep_id).exists() and (reason := _stopping(store, sweep_id)) is not None:
        ask_to_stop(store.home, sweep_id, reason)


def _stopping(store: Store, sweep_id: str) -> str | None:
    from sweep.tracking import names
    from sweep.tracking.read import sweep_run

    return sweep_run(store, sweep_id).tags.get(names.STOPPING)


def _deliver_rest(store: Store, key: str, wait_s: float) -> None:
    """Deliver what is left of this cell; what other cells have left here is none of its business."""
    from sweep.tracking.spool.destination import sync_command
    from sweep.tracking.spool.drain import drain

    left = drain(store, wait_s, only=lambda folder: folder.parent == cell_folder(store.home, key))
    if left:
        raise CellFailed(
            f"It was trained on {platform.node()}, which could not deliver it to MLflow: {left.reason} "
            f"Nothing is lost. Run this there: {sync_command(store)}"
        )


def with_mlflow_id(home: Path, key: str, result: Mapping[str, Any]) -> dict[str, Any]:
    """A cell's result with the id that MLflow has given to its run: the sweep's home does not know the local one."""
    from sweep.tracking.spool.cursor import read_cursor

    found = result["run_id"] and read_cursor(cell_folder(home, key) / result["run_id"]).run_id
    return {**result, "run_id": found or result["run_id"]}
