"""What launchers share: jobs as bytes that any process can run, and the return of one that is lost."""

import logging
import os
import platform
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.core.plugins import Plugins
from hydra.core.singleton import Singleton
from hydra.core.utils import JobReturn, JobStatus, configure_log, filter_overrides, run_job, setup_globals
from omegaconf import DictConfig, OmegaConf, open_dict

from sweep.redaction import redacted

log = logging.getLogger(__name__)
LAUNCHER = ("hydra/launcher", "hydra.launcher")  # how the overrides of Hydra's launcher begin
GPU_GONE = 70  # exit code of a worker whose GPU has failed for good


def plain(value: Any) -> Any:
    """A setting of a launcher without OmegaConf: lists, mappings and values of their own."""
    return OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value


def begin(launcher: Any) -> Path:
    """Do what every launch begins with; returns the sweep's folder."""
    setup_globals()
    configure_log(launcher.config.hydra.hydra_logging, launcher.config.hydra.verbose)
    folder = Path(str(launcher.config.hydra.sweep.dir))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def pickled_jobs(launcher: Any, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> list[bytes]:
    """The jobs of a launch, each as bytes for `execute_job`.

    Args:
        launcher: A launcher of Hydra that was set up.
        job_overrides: The overrides of each job.
        initial_job_idx: The number of the first one.
    """
    import cloudpickle  # reaches task functions of __main__, and what Hydra's singletons hold

    here, state = Path.cwd(), Singleton.get_state()
    jobs = []
    for index, overrides in enumerate(job_overrides, start=initial_job_idx):
        log.info("\t#%d : %s", index, redacted(" ".join(filter_overrides(overrides))))
        job = (here, index, list(overrides), launcher.hydra_context, launcher.config, launcher.task_function, state)
        jobs.append(cloudpickle.dumps(job))
    return jobs


def execute_job(pickled: bytes) -> JobReturn:
    """Compose and run one job in a worker process, in the folder in which the sweep was started if it is there."""
    import cloudpickle

    # Once in a process, and before anything is unpickled: discovering plugins runs their modules again, and objects of
    # the classes from before could not be pickled on the way back.
    plugins = Plugins.instance()
    folder, index, overrides, hydra_context, config, task_function, singleton_state = cloudpickle.loads(pickled)
    if folder.is_dir():
        os.chdir(folder)
    setup_globals()
    singleton_state["instances"][Plugins] = plugins
    Singleton.set_state(singleton_state)
    try:
        sweep_config = _composed(hydra_context.config_loader, config, overrides, folder)
    except RuntimeError as error:
        return _lost(error, overrides)
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


def _composed(loader: Any, config: DictConfig, overrides: Sequence[str], folder: Path) -> DictConfig:
    """The config of a job. Where the files of the user's own conf/ are not, the launcher, which is of no use there, is
    left out.

    Raises:
        RuntimeError: Another file is missed there, too.
    """
    from hydra.errors import HydraException

    try:
        return loader.load_sweep_config(config, overrides)  # type: ignore[no-any-return]
    except HydraException:
        chosen = [text for text in config.hydra.overrides.hydra if not text.lstrip("+~").startswith(LAUNCHER)]
    with open_dict(config):
        config.hydra.overrides.hydra = chosen
    try:
        return loader.load_sweep_config(config, overrides)  # type: ignore[no-any-return]
    except HydraException as error:
        raise RuntimeError(
            f"{platform.node()} does not have the conf/ of {folder}, where the sweep was started: "
            f"{' '.join(str(error).split())} Copy it there, or start the sweep in a folder that all nodes share."
        ) from error


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


def returns(results: Sequence[Any], job_overrides: Sequence[Sequence[str]]) -> list[JobReturn]:
    """What a launcher gives back: the return of each job, and for one that gave none what it was lost by."""
    return [
        result if isinstance(result, JobReturn) else _lost(result, overrides)
        for result, overrides in zip(results, job_overrides, strict=True)
    ]


def _lost(error: Exception, overrides: Sequence[str]) -> JobReturn:
    """The return of a job whose process gave none."""
    ret = JobReturn(overrides=list(overrides), status=JobStatus.FAILED)
    ret.return_value = error
    return ret
