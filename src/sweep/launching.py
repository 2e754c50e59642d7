"""Where the jobs of a sweep run, as far as its plan depends on it: on this machine, or on others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sweep.devices import Devices, choose

if TYPE_CHECKING:
    from omegaconf import DictConfig

LOCAL = "hydra_plugins.npu_sweep.local_launcher.LocalLauncher"
SLURM = (
    "hydra_plugins.npu_sweep.slurm_launcher.SlurmLauncher",
    "hydra_plugins.hydra_submitit_launcher.submitit_launcher.SlurmLauncher",
)
RAY = (
    "hydra_plugins.npu_sweep.ray_launcher.RayLauncher",
    "hydra_plugins.hydra_ray_launcher.ray_launcher.RayLauncher",
    "hydra_plugins.hydra_ray_launcher.ray_aws_launcher.RayAWSLauncher",
)

OPTIONS = ("options", "additional_parameters")  # where launchers have what else sbatch is asked for
GPUS = {"gpus", "gpus_per_node", "gpus_per_task", "gpus_per_socket", "gres", "tres_per_node", "tres_per_task"}


@dataclass(frozen=True)
class Launching:
    """How jobs are launched.

    Attributes:
        choice: the launcher, as the user chose it.
        ours: whether it is the local one of npu-sweep, which alone stops single cells.
        elsewhere: whether jobs run on other machines.
        gpus: whether they ask for GPUs there.
        parallel: how many run at once at most; None: all, as far as the cluster has room.
    """

    choice: str = "local"
    ours: bool = True
    elsewhere: bool = False
    gpus: bool = False
    parallel: int | None = None

    def devices(self, setting: str) -> Devices:
        """What cells are trained on for `device=auto|cpu|cuda|mps|0,1`; on other machines, what jobs ask for there.

        Raises:
            SweepError: A device of this machine is asked for that is not there.
        """
        if not self.elsewhere:
            return choose(setting)
        if setting == "auto":
            return Devices("cuda" if self.gpus else "cpu")
        return Devices(setting if setting in {"cpu", "mps"} else "cuda")

    def problems(self, tracking_uri: str | None) -> list[str]:
        """What keeps other machines from doing the work: MLflow's SQLite file can be written by one machine only."""
        if not self.elsewhere or not (tracking_uri is None or tracking_uri.startswith("sqlite")):
            return []
        return [
            f"hydra/launcher={self.choice} trains on other machines, and tracking is a SQLite file, which only one "
            "machine can write. Start an MLflow server that all of them reach (docs/cluster.md), and name it: "
            "tracking.uri=http://HOST:5000."
        ]

    def warnings(self, timeout_min: float | None, on_error: str) -> list[str]:
        """What was asked for that this launcher does not do."""
        asked = [] if timeout_min is None else [f"timeout_min={timeout_min:g}"]
        asked += ["on_error=fail_fast"] if on_error == "fail_fast" else []
        return [] if self.ours else [f"{option} has no effect with hydra/launcher={self.choice}." for option in asked]


def launching_of(config: DictConfig) -> Launching:
    """How the jobs of a composed master config are launched."""
    launcher: Any = config.hydra.launcher
    choice = str(config.hydra.runtime.choices.get("hydra/launcher", "local"))
    target = str(launcher.get("_target_", ""))
    if target in SLURM:
        gpus = any(_asks_for_gpus(launcher.get(name) or {}) for name in OPTIONS) or _asks_for_gpus(launcher)
        parallel = launcher.get("parallel") or launcher.get("array_parallelism")
        return Launching(choice, ours=False, elsewhere=True, gpus=gpus, parallel=parallel)
    if target in RAY:
        ray = launcher.get("ray") or launcher
        address = (ray.get("init") or {}).get("address")
        gpus = bool((ray.get("remote") or {}).get("num_gpus"))
        elsewhere = address not in (None, "local")
        return Launching(choice, ours=False, elsewhere=elsewhere, gpus=gpus, parallel=launcher.get("parallel"))
    return Launching(choice, ours=target == LOCAL)


def _asks_for_gpus(options: Mapping[str, Any]) -> bool:
    """Whether options of sbatch ask for a GPU; `gres=` and its like may ask for something else."""
    asked = {name: options.get(name) or options.get(name.replace("_", "-")) for name in GPUS}
    return any(value and "gpu" in f"{name}={value}" for name, value in asked.items())
