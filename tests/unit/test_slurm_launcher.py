"""What SLURM's own words mean."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from hydra_plugins.npu_sweep import slurm_launcher
from hydra_plugins.npu_sweep.slurm_launcher import (
    SlurmLauncher,
    job_states,
    minutes_of,
    smallest_limit_min,
    withdraw,
)
from sweep.paths import packaged
from sweep.stopping import STOPPED

submitit = pytest.importorskip("submitit")


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


def test_every_setting_is_one_that_submitit_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """submitit refuses a name that it does not know when the first sweep is launched: too late."""
    (tmp_path / "srun").write_text("#!/bin/sh\n")
    (tmp_path / "srun").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    settings = yaml.safe_load((packaged("conf") / "hydra" / "launcher" / "slurm.yaml").read_text())
    del settings["_target_"]
    given = dict.fromkeys(settings, 1) | {"setup": ["module load cuda"], "options": {"reservation": "night"}}
    given |= dict.fromkeys(("partition", "account", "qos", "constraint", "exclude"), "x")
    launcher = SlurmLauncher(**given)
    submitit.SlurmExecutor(folder=tmp_path / "jobs").update_parameters(**launcher.parameters)
    assert launcher.parameters["mem"] == "1024MB"
    assert SlurmLauncher(mem_gb=1.5).parameters == {"mem": "1536MB"}


def test_the_limit_of_several_partitions_is_the_smallest() -> None:
    lines = ["main*|1-00:00:00", "short|30:00", "long|infinite"]
    assert smallest_limit_min(lines, None) == 1440
    assert smallest_limit_min(lines, "short") == 30
    assert smallest_limit_min(lines, "long,short,main") == 30
    assert smallest_limit_min(lines, "other") == smallest_limit_min(lines, "long") == 7 * 24 * 60


def cluster(states: dict[str, str]) -> Any:
    """squeue and scancel of a cluster with these jobs, of which `12_2` begins before it could be cancelled."""

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        if command[0] == "scancel":
            assert command[1] == "--state=PENDING"
            states["12_2"] = "RUNNING"
            states.update({job_id: "CANCELLED" for job_id in command[2:] if states[job_id] == "PENDING"})
        told = "".join(f"{job_id}|{state}\n" for job_id, state in states.items())
        return subprocess.CompletedProcess(command, 0, told, "")

    return run


def test_jobs_that_wait_are_withdrawn_and_those_that_run_are_left() -> None:
    states = {"12_0": "RUNNING", "12_1": "PENDING", "12_2": "PENDING", "12_3": "PENDING"}
    assert withdraw(list(states), cluster(states)) == ["12_1", "12_3"]
    assert withdraw(["12_0", "12_2"], cluster(states)) == []


def test_a_sweep_that_stops_does_not_wait_for_jobs_in_the_queue(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slurm_launcher, "LOOK_S", 0.01)
    monkeypatch.setattr(slurm_launcher, "withdraw", lambda waiting: [job_id for job_id in waiting if job_id == "12_1"])
    (tmp_path / "0").touch()
    jobs: list[Any] = [
        SimpleNamespace(job_id=f"12_{number}", paths=SimpleNamespace(result_pickle=tmp_path / str(number)),
                        result=lambda: "done")
        for number in (0, 1)
    ]  # fmt: skip
    (tmp_path / "stop").touch()
    results: dict[str, Any] = {}
    slurm_launcher._wait(jobs, results, tmp_path / "stop")
    assert results["12_0"] == "done"
    assert str(results["12_1"]) == STOPPED


def test_a_controller_that_hangs_does_not_take_the_place_of_an_interruption() -> None:
    def run(*_: object, **__: object) -> Any:
        raise subprocess.TimeoutExpired("scancel", 60)

    slurm_launcher._cancel("12_0", run=run)
