"""Run a compiler as a process of its own, under a time limit."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from sweep.npu.targets.base import CompilerFailed, CompilerHung

GUARD = Path(__file__).with_name("guard.py")
SAID = 400


def run_compiler(
    name: str, command: Sequence[str], *, log: Path, timeout_s: float, environment: Mapping[str, str] | None = None
) -> str:
    """Run a command to its end and return what it printed, stdout and stderr as one.

    It runs in the log's folder and in a process group of its own, without stdin. Whatever way this ends, no process
    of the group is left; on Linux the command dies with its caller, too.

    Args:
        name: Who it is, for messages (`Vela`).
        command: The program and its arguments.
        log: Where its output goes.
        timeout_s: Seconds after which it is killed.
        environment: Variables to set besides the caller's own.

    Raises:
        CompilerFailed: It could not be started or ended with another code than 0.
        CompilerHung: It was killed at the time limit.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [sys.executable, "-S", str(GUARD), str(os.getpid()), *command],
            cwd=log.parent,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            code = process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise CompilerHung(
                f"{name} was stopped after {timeout_s:g} s. Its output is in {log.name}. "
                "A higher limit is timeout_s of the target."
            ) from None
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    output = log.read_text("utf-8", errors="replace")
    if code != 0:
        raise CompilerFailed(f"{name} ended with code {code}: {_last_words(output)}")
    return output


def _last_words(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    if not lines:
        return "it said nothing."
    text = lines[-1]
    return text if len(text) <= SAID else f"{text[: SAID - 1]}…"
