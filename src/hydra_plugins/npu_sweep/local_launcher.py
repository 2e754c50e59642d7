"""`hydra/launcher=local`: jobs side by side on this machine, for any Hydra application.

A killed or hanging worker fails its own job only; the others go on. The pool itself is sweep.pool.
"""

import logging
import os
import sys
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.core.hydra_config import HydraConfig
from hydra.core.plugins import Plugins
from hydra.core.singleton import Singleton
from hydra.core.utils import JobReturn, JobStatus, configure_log, filter_overrides, run_job, setup_globals
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, open_dict

log = logging.getLogger(__name__)
GPU_GONE = 70  # exit code of a worker whose GPU has failed for good


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
        import cloudpickle  # reaches task functions of __main__, and what Hydra's singletons hold

        from sweep.pool import PoolSettings, run_jobs
        from sweep.slots import make_slots
        from sweep.stopping import STOP

        setup_globals()
        configure_log(self.config.hydra.hydra_logging, self.config.hydra.verbose)
        Path(str(self.config.hydra.sweep.dir)).mkdir(parents=True, exist_ok=True)
        slots = make_slots(self.devices, len(job_overrides), self.workers, self.memory_gb)
        self.side_by_side = len(slots)
        log.info("Launching %d jobs, %d side by side", len(job_overrides), len(slots))
        state = Singleton.get_state()
        jobs = []
        for offset, overrides in enumerate(job_overrides):
            log.info("\t#%d : %s", initial_job_idx + offset, " ".join(filter_overrides(overrides)))
            job = (
                initial_job_idx + offset,
                list(overrides),
                self.hydra_context,
                self.config,
                self.task_function,
                state,
            )
            jobs.append((cloudpickle.dumps(job),))
        stop = Path(str(self.config.hydra.sweep.dir)) / STOP
        settings = PoolSettings(slots, self.timeout_s, self.fail_fast, stop, self.preload)
        results = run_jobs(execute_job, jobs, settings, failed=lambda ret: ret.status == JobStatus.FAILED)
        return [
            result if isinstance(result, JobReturn) else _lost(result, overrides)
            for result, overrides in zip(results, job_overrides, strict=True)
        ]


def execute_job(pickled: bytes) -> JobReturn:
    """Compose and run one job in a worker process."""
    import cloudpickle

    # Once in a process, and before anything is unpickled: discovering plugins runs their modules again, and objects of
    # the classes from before could not be pickled on the way back.
    plugins = Plugins.instance()
    index, overrides, hydra_context, config, task_function, singleton_state = cloudpickle.loads(pickled)
    setup_globals()
    singleton_state["instances"][Plugins] = plugins
    Singleton.set_state(singleton_state)
    sweep_config = hydra_context.config_loader.load_sweep_config(config, overrides)
    with open_dict(sweep_config):
        sweep_config.hydra.job.id = f"{sweep_config.hydra.job.name}_{index}"
        sweep_config.hydra.job.num = index
    HydraConfig.instance().set_config(sweep_config)
    ret = run_job(
        hydra_context=hydra_context,
        task_function=task_function,
        config=sweep_config,
        job_dir_key="hydra.sweep.dir",
        job_subdir_key="hydra.sweep.subdir",
    )
    if ret.status == JobStatus.FAILED and _gpu_is_gone():
        traceback.print_exception(ret._return_value)
        os._exit(GPU_GONE)  # whatever this process did next on the GPU would fail, too; another one takes its place
    return ret


def _gpu_is_gone() -> bool:
    """Whether this process has used a GPU and can do so no longer: CUDA never recovers from some errors."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available() or not torch.cuda.is_initialized():
        return False
    try:
        torch.cuda.synchronize()
        torch.zeros(1, device="cuda").add_(1).item()
    except Exception as error:
        return "out of memory" not in str(error).lower()  # that passes
    return False


def _lost(error: Exception, overrides: Sequence[str]) -> JobReturn:
    """The return of a job whose process gave none."""
    ret = JobReturn(overrides=list(overrides), status=JobStatus.FAILED)
    ret.return_value = error
    return ret
