"""What SLURM's own words mean."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest

from hydra_plugins.npu_sweep.slurm_launcher import job_states, minutes_of


@pytest.mark.parametrize(
    ("limit", "minutes"),
    [
        ("30:00", 30), ("2:00:00", 120), ("1-00:00:00", 1440), ("2-12:30:00", 3630), ("0:30", 1),
        ("infinite", None), ("n/a", None),
    ],
)  # fmt: skip
def test_time_limits(limit: str, minutes: int | None) -> None:
    assert minutes_of(limit) == minutes


def squeue(returncode: int, stdout: str = "", stderr: str = "") -> Any:
    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        assert command[0] == "squeue"
        assert "--jobs=12,7" in command
        return subprocess.CompletedProcess(command, returncode, stdout, stderr)

    return run


def test_states_of_jobs() -> None:
    told = "12_0|RUNNING\n12_1|CANCELLED\n7|COMPLETED\n"
    expected = {"12_0": "RUNNING", "12_1": "CANCELLED", "7": "COMPLETED"}
    assert job_states(["12_0", "12_1", "7"], squeue(0, told)) == expected


def test_a_controller_that_is_away_says_nothing_about_jobs() -> None:
    away = squeue(1, stderr="slurm_load_jobs error: Unable to contact slurm controller (connect failure)")
    assert job_states(["12_0", "7"], away) is None
    assert job_states(["12_0", "7"], squeue(1, stderr="slurm_load_jobs error: Invalid job id specified")) == {}


def test_squeue_that_hangs_says_nothing() -> None:
    def run(*_: object, **__: object) -> Any:
        raise subprocess.TimeoutExpired("squeue", 60)

    assert job_states(["1"], run) is None
