"""MLflow's UI on a store, on this machine only."""

from __future__ import annotations

import os
import platform
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import psutil

from sweep.errors import SweepError

if TYPE_CHECKING:
    from sweep.tracking.store import Store

HOST = "127.0.0.1"
OWN = (HOST, "localhost")
GRACE_S = 5.0


def check_host(host: str, port: int) -> None:
    """Refuse any address but this machine's own.

    Raises:
        SweepError: Others could reach the UI, which asks for no password and lets everybody change and delete runs.
    """
    if host not in OWN:
        raise SweepError(
            f"--host {host} would let everybody in the network read, change and delete what is in the store: this UI "
            f"asks for no password. From another machine, use a tunnel: ssh -L {port}:{HOST}:{port} {platform.node()}. "
            "For a team, run a server with accounts (pip install 'mlflow[auth]', then mlflow server --app-name "
            "basic-auth), and name it with tracking.uri=."
        )


def serve(store: Store, port: int, on_ready: Callable[[str], None]) -> int:
    """Run `mlflow server` on 127.0.0.1 until Ctrl-C or SIGTERM; returns its exit code, 0 when it was stopped.

    `on_ready` gets the address of the experiment's page.

    Raises:
        SweepError: The port cannot be had.
    """
    _check_port(port)
    on_ready(f"http://{HOST}:{port}/#/experiments/{store.experiment_id}/runs")
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", store.uri, "--workers", "1"]
    command += ["--uvicorn-opts", "--log-level=warning"]
    command += ["--artifacts-destination", (store.home / "artifacts").as_uri(), "--host", HOST, "--port", str(port)]
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


def _check_port(port: int) -> None:
    """Raise SweepError, which names a free port, where no server can listen on this one."""
    problem = _port_problem(port)
    if problem is not None:
        free = next((other for other in range(max(port, 1024) + 1, 65536) if _port_problem(other) is None), None)
        way_out = f"--port {free}" if free else "another --port"
        raise SweepError(
            f"Port {port} on {HOST} cannot be had ({problem}). Use {way_out}: python -m sweep ui {way_out}"
        )


def _port_problem(port: int) -> str | None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server itself: connections of before pass
        try:
            probe.bind((HOST, port))
        except OSError as error:
            return error.strerror
    return None


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
