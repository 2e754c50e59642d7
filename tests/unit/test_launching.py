"""Where jobs run, and what a plan makes of it."""

from __future__ import annotations

from typing import Any

import pytest
from omegaconf import OmegaConf

from sweep.devices import Devices
from sweep.launching import Launching, launching_of

SLURM = "hydra_plugins.npu_sweep.slurm_launcher.SlurmLauncher"
RAY = "hydra_plugins.npu_sweep.ray_launcher.RayLauncher"


def of(choice: str, target: str, **options: Any) -> Launching:
    launcher = {"_target_": target, **options}
    return launching_of(
        OmegaConf.create({"hydra": {"launcher": launcher, "runtime": {"choices": {"hydra/launcher": choice}}}})
    )


@pytest.mark.parametrize(
    ("launching", "expected"),
    [
        (of("local", "hydra_plugins.npu_sweep.local_launcher.LocalLauncher"), Launching("local")),
        (of("slurm", SLURM, parallel=4), Launching("slurm", False, elsewhere=True, parallel=4)),
        (of("mine", SLURM, gpus_per_node=1), Launching("mine", False, elsewhere=True, gpus=True)),
        (of("mine", SLURM, gres="gpu:1"), Launching("mine", False, elsewhere=True, gpus=True)),
        (of("mine", SLURM, options={"gres": "gpu:1"}), Launching("mine", False, elsewhere=True, gpus=True)),
        (of("mine", SLURM, options={"gpus-per-task": 1}), Launching("mine", False, elsewhere=True, gpus=True)),
        (of("mine", SLURM, options={"gpus": "a100:1"}), Launching("mine", False, elsewhere=True, gpus=True)),
        (of("mine", SLURM, options={"gres": "license:1"}), Launching("mine", False, elsewhere=True)),
        (of("ray", RAY, init={"address": "auto"}), Launching("ray", False, elsewhere=True)),
        (of("ray", RAY, init={"address": "auto"}, parallel=3), Launching("ray", False, elsewhere=True, parallel=3)),
        (of("ray", RAY, init={"address": None}), Launching("ray", False)),
        (of("ray", RAY, init={"address": "h:1"}, remote={"num_gpus": 0.5}),
         Launching("ray", False, elsewhere=True, gpus=True)),
        (of("submitit_slurm", "hydra_plugins.hydra_submitit_launcher.submitit_launcher.SlurmLauncher",
            array_parallelism=8), Launching("submitit_slurm", False, elsewhere=True, parallel=8)),
        (of("ray", "hydra_plugins.hydra_ray_launcher.ray_launcher.RayLauncher", ray={"init": {"address": "auto"}}),
         Launching("ray", False, elsewhere=True)),
    ],
)  # fmt: skip
def test_what_a_launcher_is(launching: Launching, expected: Launching) -> None:
    assert launching == expected


@pytest.mark.parametrize(
    ("setting", "gpus", "expected"),
    [
        ("auto", False, "cpu"), ("auto", True, "cuda"), ("cpu", True, "cpu"), ("cuda", False, "cuda"),
        ("0,1", False, "cuda"),
    ],
)  # fmt: skip
def test_devices_elsewhere_are_those_that_jobs_ask_for(setting: str, gpus: bool, expected: str) -> None:
    """A login node has no GPU, and need not have one."""
    assert Launching("slurm", elsewhere=True, gpus=gpus).devices(setting) == Devices(expected)


@pytest.mark.parametrize(
    ("uri", "elsewhere", "refused"),
    [
        (None, True, True), ("sqlite:////x.db", True, True), ("http://h:5000", True, False),
        ("postgresql://h/x", True, False), (None, False, False),
    ],
)  # fmt: skip
def test_other_machines_need_a_server(uri: str | None, elsewhere: bool, refused: bool) -> None:
    problems = Launching("slurm", elsewhere=elsewhere).problems(uri)
    assert bool(problems) == refused
    assert all("hydra/launcher=slurm" in problem and "tracking.uri=http" in problem for problem in problems)


def test_what_a_launcher_does_not_do_is_said() -> None:
    assert Launching("slurm", ours=False).warnings(30, "fail_fast") == [
        "timeout_min=30 has no effect with hydra/launcher=slurm.",
        "on_error=fail_fast has no effect with hydra/launcher=slurm.",
    ]
    assert not Launching("slurm", ours=False).warnings(None, "continue")
    assert not Launching().warnings(30, "fail_fast")
