"""MLflow's UI on a store, on this machine only."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil

from sweep.tracking.store import open_store

GRACE_S = 5.0


def serve(home: Path, experiment: str, uri: str | None, port: int, on_ready: Callable[[str], None]) -> int:
    """Run `mlflow server` on 127.0.0.1 until Ctrl-C or SIGTERM; returns its exit code, 0 when it was stopped.

    `on_ready` gets the address of the experiment's page, which is made if it is not there.
    """
    store = open_store(home, experiment, uri)
    on_ready(f"http://127.0.0.1:{port}/#/experiments/{store.experiment_id}/runs")
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", store.uri, "--workers", "1"]
    command += ["--uvicorn-opts", "--log-level=warning"]
    command += ["--artifacts-destination", (home / "artifacts").as_uri(), "--host", "127.0.0.1", "--port", str(port)]
    # The server's job queue serves MLflow's GenAI features only, with seven processes.
    environment = os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    signals = (signal.SIGINT, signal.SIGTERM)  # also where a shell has started this in the background, ignoring Ctrl-C
    before = [(number, signal.signal(number, signal.default_int_handler)) for number in signals]
    server = subprocess.Popen(command, env=environment, start_new_session=True)
    try:
        return server.wait()
    except KeyboardInterrupt:
        return 0
    finally:
        _end(server)
        for number, handler in before:
            signal.signal(number, handler)


def _end(server: subprocess.Popen[bytes]) -> None:
    """End the server and the processes that it started, which would outlive it."""
    try:
        root = psutil.Process(server.pid)
    except psutil.NoSuchProcess:
        return
    family = [*root.children(recursive=True), root]
    for process in family:
        process.terminate()
    _, alive = psutil.wait_procs(family, timeout=GRACE_S)
    for process in alive:
        process.kill()
    server.wait()
