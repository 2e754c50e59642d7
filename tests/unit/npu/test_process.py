"""A compiler that fails, hangs or loses its caller leaves a sentence, and no process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from sweep.npu.process import run_compiler
from sweep.npu.targets import CompilerFailed, CompilerHung

PYTHON = sys.executable


def test_it_returns_and_keeps_what_the_compiler_said(tmp_path: Path) -> None:
    script = "import os, sys; print('to stdout', os.getcwd()); print(os.environ['X'], file=sys.stderr)"
    log = tmp_path / "work" / "compiler.log"
    environment = {"X": "to stderr", "PYTHONUNBUFFERED": "1"}
    output = run_compiler("Compiler", [PYTHON, "-c", script], log=log, timeout_s=30, environment=environment)
    assert output.splitlines() == [f"to stdout {tmp_path / 'work'}", "to stderr"]
    assert log.read_text() == output


def test_a_failure_says_what_the_compiler_said_last(tmp_path: Path) -> None:
    script = "import sys; print('reading'); print('Einsum is not supported', file=sys.stderr); sys.exit(3)"
    with pytest.raises(CompilerFailed, match=r"Vela ended with code 3: Einsum is not supported"):
        run_compiler("Vela", [PYTHON, "-c", script], log=tmp_path / "log", timeout_s=30)


def test_a_crash_is_a_failure(tmp_path: Path) -> None:
    script = "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)"
    with pytest.raises(CompilerFailed, match=r"Vela ended with code -11: it said nothing"):
        run_compiler("Vela", [PYTHON, "-c", script], log=tmp_path / "log", timeout_s=30)


def test_a_program_that_is_not_there_is_a_failure(tmp_path: Path) -> None:
    with pytest.raises(CompilerFailed, match=r"no-such-compiler cannot be started: No such file"):
        run_compiler("Compiler", ["no-such-compiler"], log=tmp_path / "log", timeout_s=30)


def test_a_compiler_that_hangs_is_killed_with_all_that_it_started(tmp_path: Path) -> None:
    script = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "open('pids', 'w').write(f'{child.pid}')\n"
        "time.sleep(600)"
    )
    with pytest.raises(CompilerHung, match=r"Vela was stopped after 2 s"):
        run_compiler("Vela", [PYTHON, "-c", script], log=tmp_path / "log", timeout_s=2)
    assert _gone(int((tmp_path / "pids").read_text()))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can tie a process to its parent")
def test_a_compiler_dies_with_a_worker_that_is_killed(tmp_path: Path) -> None:
    script = "import os, time; open('pid', 'w').write(str(os.getpid())); time.sleep(600)"
    caller = (
        "from pathlib import Path; import sys; from sweep.npu.process import run_compiler\n"
        f"run_compiler('Vela', [sys.executable, '-c', {script!r}], log=Path({str(tmp_path)!r}) / 'log', timeout_s=600)"
    )
    worker = subprocess.Popen([PYTHON, "-c", caller])
    pid = _written(tmp_path / "pid")
    os.kill(worker.pid, signal.SIGKILL)
    worker.wait()
    assert _gone(pid)


def _written(path: Path) -> int:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if path.exists() and path.read_text():
            return int(path.read_text())
        time.sleep(0.02)
    raise AssertionError("the compiler did not start")


def _gone(pid: int) -> bool:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.05)
    return False
