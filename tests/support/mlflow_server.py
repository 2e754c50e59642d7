"""A real MLflow server, which can be killed, stopped and started again at the same address."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import IO

from sweep.tracking.store import open_store

LIMIT_S = 120


class MlflowServer:
    """`mlflow server` on a port of this machine; everything that it writes lies in a folder.

    Attributes:
        uri: its address.
    """

    def __init__(self, folder: Path, backend: str | None = None) -> None:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            self._port = int(listener.getsockname()[1])
        self.uri = f"http://127.0.0.1:{self._port}"
        self._folder, self._backend = folder, open_store(folder, "other", backend).uri
        self._process: subprocess.Popen[bytes] | None = None
        self._log: IO[str] = (folder / "server.log").open("a")

    def start(self) -> None:
        """Start it, and wait until it answers."""
        command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", self._backend, "--workers", "1"]
        command += ["--artifacts-destination", str(self._folder / "artifacts"), "--port", str(self._port)]
        self._process = subprocess.Popen(
            command,
            stdout=self._log,
            stderr=self._log,
            env=os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
            cwd=self._folder,
            start_new_session=True,
        )
        deadline = time.monotonic() + LIMIT_S
        while not self._accepts():
            assert time.monotonic() < deadline, "the server did not start"
            time.sleep(0.1)

    def kill(self) -> None:
        """Kill it as a power cut does."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(timeout=30)
            self._process = None
            while self._accepts():  # its workers hold the port a moment longer
                time.sleep(0.05)

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Inside the block it takes connections and answers none."""
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.killpg(self._process.pid, signal.SIGCONT)

    @contextmanager
    def failing(self) -> Iterator[None]:
        """Inside the block every request at its address is answered with an internal error."""
        self.kill()
        broken = _Broken(("127.0.0.1", self._port), _Failure)
        threading.Thread(target=broken.serve_forever, daemon=True).start()
        try:
            yield
        finally:
            broken.shutdown()
            broken.server_close()
            self.start()

    def _accepts(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self._port)) == 0


class _Broken(ThreadingHTTPServer):
    allow_reuse_address = True
    daemon_threads = True


class _Failure(BaseHTTPRequestHandler):
    def _fail(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_error(500)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _fail  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def mlflow_server(folder: Path) -> Iterator[str]:
    """Run `mlflow server` on a free port inside the block; everything that it writes lies in `folder`."""
    server = MlflowServer(folder)
    server.start()
    try:
        yield server.uri
    finally:
        server.kill()
