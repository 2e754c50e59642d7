"""A Ray cluster of two nodes on this machine, one of which can be killed, or sees another file system."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import psutil

RAYLET = "raylet/raylet"


def why_not() -> str | None:
    """Why Ray cannot be started here; None where it can."""
    return None if find_spec("ray") is not None else "Ray is not installed: pip install 'npu-sweep[ray]'"


def why_nothing_is_hidden() -> str | None:
    """Why no process can be given other mounts here; None where it can."""
    if shutil.which("unshare") is None:
        return "there is no unshare"
    probe = ["unshare", "--mount", "sh", "-c", "mount -t tmpfs none /mnt"]
    done = subprocess.run(probe, capture_output=True, text=True, check=False)
    return f"no process can be given other mounts here: {done.stderr.strip()}" if done.returncode else None


class RayCluster:
    """Nodes of a cluster, each of which takes some cells at once.

    Attributes:
        address: for `ray.init`.
        nodes: the node daemons; the first one is the head, which has to stay.
    """

    def __init__(self, folder: Path) -> None:
        with socket.socket() as bound:
            bound.bind(("127.0.0.1", 0))
            port = int(bound.getsockname()[1])
        self.address = f"127.0.0.1:{port}"
        self.nodes: list[psutil.Process] = []
        self._folder = folder
        self._port = port

    def start_node(self, cpus: int, hidden: Path | None = None) -> psutil.Process:
        """Start a node; `hidden` is a folder that it does not see: it finds an empty one there."""
        if self.nodes:
            place = [f"--address={self.address}"]
        else:
            place = ["--head", f"--port={self._port}", "--include-dashboard=false", f"--temp-dir={self._folder}"]
        ray = [sys.executable, str(Path(sys.executable).with_name("ray")), "start", *place]
        ray += ["--node-ip-address=127.0.0.1", f"--num-cpus={cpus}", "--disable-usage-stats"]
        if hidden is not None:
            ray = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs none "$0" && exec "$@"', str(hidden), *ray]
        environment = os.environ | {"RAY_AUTH_MODE": "disabled", "COVERAGE_PROCESS_START": ""}
        before = _raylets()
        done = subprocess.run(ray, env=environment, capture_output=True, text=True, timeout=180, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        (pid,) = _raylets() - before
        self.nodes.append(psutil.Process(pid))
        return self.nodes[-1]

    def kill(self, node: psutil.Process) -> None:
        """Kill a node with all that runs on it, as a power cut does."""
        for process in [*node.children(recursive=True), node]:
            process.send_signal(signal.SIGKILL)

    def workers(self, node: psutil.Process) -> set[int]:
        """The processes of a node that run cells."""
        return {child.pid for child in node.children() if "execute_job" in " ".join(child.cmdline())}

    def stop(self) -> None:
        """End everything of this cluster."""
        for node in self.nodes:
            if node.is_running():
                self.kill(node)
        for process in psutil.process_iter(["cmdline"]):
            if str(self._folder) in " ".join(process.info["cmdline"] or []):
                process.kill()
        time.sleep(1)
        shutil.rmtree(self._folder, ignore_errors=True)


def _raylets() -> set[int]:
    found = psutil.process_iter(["pid", "cmdline"])
    return {process.info["pid"] for process in found if RAYLET in " ".join((process.info["cmdline"] or [""])[:1])}
