"""MLflow's client: imported quietly and quickly, once per process and address."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from sweep.tracking.collector import objects_that_stay
from sweep.tracking.uri import sqlite_path

if TYPE_CHECKING:
    from mlflow import MlflowClient

# MLflow reads these when it is imported or called. What the user set stays.
QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    # A training does not stand still for the 120 s x 7 tries that MLflow gives a silent server.
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3",
}
# For the first contact with a server: a wrong address should be a message, not a wait.
FIRST_CONTACT = {"MLFLOW_HTTP_REQUEST_TIMEOUT": "5", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1"}

_clients: dict[tuple[str, int], MlflowClient] = {}
_clients_lock = threading.Lock()


def client_for(uri: str) -> MlflowClient:
    """Return this process's client for an address; a forked child gets its own."""
    key = (uri, os.getpid())
    with _clients_lock:
        client = _clients.get(key)
        if client is None:
            client = _clients[key] = new_client(uri)
    return client


def new_client(uri: str) -> MlflowClient:
    """Import MLflow and build a client. No global address is set, so Ultralytics' own MLflow sees nothing."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    with objects_that_stay():
        from mlflow.tracking import MlflowClient

        logging.getLogger("alembic").setLevel(logging.WARNING)
        # Again: somebody, such as Ultralytics, may have imported MLflow before it was told.
        logging.getLogger("mlflow").setLevel(os.environ["MLFLOW_LOGGING_LEVEL"].upper())
        client = MlflowClient(tracking_uri=uri, registry_uri=uri)
    _remove_stray_folder(uri)
    return client


def close(client: MlflowClient) -> None:
    """Close the connections of a client whose file is about to be renamed."""
    store = client._tracking_client.store
    if hasattr(store, "engine"):
        store.engine.dispose()


@contextmanager
def environment(values: Mapping[str, str]) -> Iterator[None]:
    """Set variables inside the block, except those that the user set to something of their own."""
    before = {name: os.environ.get(name) for name in values}
    ours = {name: value for name, value in values.items() if before[name] in (None, QUIET.get(name))}
    os.environ.update(ours)
    try:
        yield
    finally:
        for name in ours:
            old = before[name]
            if old is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = old


def _remove_stray_folder(uri: str) -> None:
    """Remove the empty folder that MLflow makes when it takes a percent-encoded SQLite address for a path."""
    path = sqlite_path(uri)
    if path is not None and f"sqlite:///{path}" != uri:
        with suppress(OSError):
            os.removedirs(Path(uri.removeprefix("sqlite:///")).parent)
