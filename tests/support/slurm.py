"""A real SLURM of one node: controller, node daemon and munge, all below one folder."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

NEEDED = ("munged", "slurmctld", "slurmd", "sbatch", "squeue")
START_S = 90

CONF = """\
ClusterName=one
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmdPort={node_port}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=5
CredType=cred/munge
SlurmUser=root
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldLogFile={folder}/controller.log
SlurmdLogFile={folder}/node.log
SlurmctldPidFile={folder}/controller.pid
SlurmdPidFile={folder}/node.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
MpiDefault=none
JobRequeue=1
ReturnToService=2
KillWait=5
SlurmdParameters=config_overrides
NodeName={host} NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
PartitionName=short Nodes=ALL MaxTime=30 State=UP
"""


def why_not() -> str | None:
    """Why SLURM cannot be started here; None where it can."""
    missing = [name for name in NEEDED if shutil.which(name) is None]
    if missing:
        return f"SLURM is not installed (apt-get install slurm-wlm munge): {', '.join(missing)} missing"
    return None if os.geteuid() == 0 else "SLURM's daemons need root"


@contextmanager
def slurm(folder: Path) -> Iterator[Path]:
    """Run SLURM while the block runs; gives its configuration file, for SLURM_CONF."""
    folder.mkdir(parents=True)
    (folder / "state").mkdir()
    (folder / "spool").mkdir()
    key = folder / "munge.key"
    key.write_bytes(os.urandom(128))
    key.chmod(0o600)
    conf = folder / "slurm.conf"
    ports = {"controller_port": _free_port(), "node_port": _free_port()}
    conf.write_text(CONF.format(host=socket.gethostname(), folder=folder, **ports))
    environment = os.environ | {"SLURM_CONF": str(conf)}
    munge = [
        "munged", "--foreground", "--force", f"--socket={folder}/munge.socket", f"--key-file={key}",
        f"--pid-file={folder}/munge.pid", f"--log-file={folder}/munge.log", f"--seed-file={folder}/munge.seed",
    ]  # fmt: skip
    with ExitStack() as running:
        for command in (munge, ["slurmctld", "-D"], ["slurmd", "-D"]):
            running.enter_context(_daemon(command, environment, folder / f"{command[0]}.out"))
        deadline = time.monotonic() + START_S
        while "idle" not in (states := _node_states(environment)):
            assert time.monotonic() < deadline, f"SLURM did not start: {states}"
            time.sleep(0.2)
        yield conf


@contextmanager
def _daemon(command: list[str], environment: dict[str, str], output: Path) -> Iterator[None]:
    with output.open("w") as written:
        process = subprocess.Popen(command, env=environment, stdout=written, stderr=subprocess.STDOUT)
        try:
            yield
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _node_states(environment: dict[str, str]) -> str:
    done = subprocess.run(
        ["sinfo", "--noheader", "--format=%t"], env=environment, capture_output=True, text=True, timeout=30, check=False
    )
    return done.stdout + done.stderr


def _free_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return int(bound.getsockname()[1])
