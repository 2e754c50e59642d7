"""`hydra/launcher=local`: jobs side by side on this machine, for any Hydra application.

A killed or hanging worker fails its own job only; the others go on. The pool itself is sweep.pool.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

from hydra_plugins.npu_sweep.jobs import begin, execute_job, pickled_jobs, returns

log = logging.getLogger(__name__)


@dataclass  # no postponed annotations in this file: Hydra runs it before it is in sys.modules
class LocalLauncherConf:
    """Configuration of the launcher.

    Whatever is left empty takes the default that is named here first; npu-sweep fills it from its own options.

    Attributes:
        workers: `auto`, or the number of jobs side by side; automatic is on the CPU by cores, on GPUs by free memory.
        device: auto, cpu, cuda, or GPU indices; each worker sees one of them only.
        timeout_min: Minutes after which a job is stopped and counted as failed.
        on_error: `continue`, or `fail_fast` to stop at the first failure.
        memory_gb: What one job needs, in GiB.
        preload: Modules that each worker imports before its first job.
        preload_once: Modules that are imported once for all workers where these are forked (Linux, CPU), beginning when
            the launcher is set up. They must not start threads.
    """

    _target_: str = "hydra_plugins.npu_sweep.local_launcher.LocalLauncher"
    workers: Any = None
    device: Any = None
    timeout_min: float | None = None
    on_error: str | None = None
    memory_gb: float | None = None
    preload: list[str] | None = None
    preload_once: list[str] | None = None


ConfigStore.instance().store(group="hydra/launcher", name="local", node=LocalLauncherConf, provider="npu-sweep")


class LocalLauncher(Launcher):
    """Runs jobs in a pool of spawned processes that stay warm from job to job."""

    def __init__(
        self,
        workers: int | str | None = None,
        device: Any = None,
        timeout_min: float | None = None,
        on_error: str | None = None,
        memory_gb: float | None = None,
        preload: Sequence[str] | None = None,
        preload_once: Sequence[str] | None = None,
    ) -> None:
        self.workers = None if workers in {None, "auto"} else int(workers)
        self.device = str(device or "auto") if isinstance(device, str | int | None) else ",".join(map(str, device))
        self.timeout_s = None if timeout_min is None else timeout_min * 60
        self.fail_fast = on_error == "fail_fast"
        self.memory_gb = memory_gb
        self.side_by_side = 1
        """How many jobs ran at once in the last launch."""
        self.preload = tuple(preload or ())
        self.preload_once = tuple(preload_once or ())

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        from sweep.devices import choose
        from sweep.pool import start_imports

        self.hydra_context = hydra_context
        self.task_function = task_function
        self.config = config
        self.devices = choose(self.device)
        start_imports(self.preload_once, self.devices)

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        from sweep.pool import PoolSettings, run_jobs
        from sweep.slots import make_slots
        from sweep.stopping import STOP

        folder = begin(self)
        slots = make_slots(self.devices, len(job_overrides), self.workers, self.memory_gb)
        self.side_by_side = len(slots)
        log.info("Launching %d jobs, %d side by side", len(job_overrides), len(slots))
        jobs = [(pickled,) for pickled in pickled_jobs(self, job_overrides, initial_job_idx)]
        settings = PoolSettings(slots, self.timeout_s, self.fail_fast, folder / STOP, self.preload)
        results = run_jobs(execute_job, jobs, settings, failed=lambda ret: ret.status == JobStatus.FAILED)
        return returns(results, job_overrides)
