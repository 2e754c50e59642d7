"""MLflow's UI on a store, on this machine only."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from sweep.tracking.store import open_store


def serve(home: Path, experiment: str, uri: str | None, port: int, on_ready: Callable[[str], None]) -> int:
    """Run `mlflow server` on 127.0.0.1 until it is stopped; returns its exit code.

    `on_ready` gets the address of the experiment's page, which is made if it is not there.
    """
    store = open_store(home, experiment, uri)
    on_ready(f"http://127.0.0.1:{port}/#/experiments/{store.experiment_id}")
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", store.uri]
    command += [
        "--artifacts-destination",
        (home / "artifacts").as_uri(),
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
    ]
    with subprocess.Popen([*command, "--workers", "1"]) as server:
        try:
            return server.wait()
        except KeyboardInterrupt:
            server.terminate()
            return server.wait() and 0
