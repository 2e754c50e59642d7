"""`hydra/launcher=ray`: jobs as tasks of a Ray cluster; a node that dies costs the epochs under way on it.

Ray (the extra `ray`) finds room for each task by the CPUs and the fractions of GPUs that it asks for, and runs the
tasks of a node that is gone elsewhere.
"""

import contextlib
import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

from hydra_plugins.npu_sweep.jobs import begin, execute_job, pickled_jobs, plain, returns
from sweep.stopping import STOP, STOPPED

log = logging.getLogger(__name__)
LOOK_S = 1.0
ASKED = {"CPU": "num_cpus", "GPU": "num_gpus", "memory": "memory"}  # Ray's name of a resource: the option


class RayLauncher(Launcher):
    """Runs each job as a task.

    Args:
        init: Arguments of `ray.init`: `address: auto` for the cluster that this machine is part of, None or `local` for
            one of this machine's own, which ends with the sweep.
        remote: What a task asks for: arguments of `ray.remote`, such as `num_cpus`, `num_gpus`, `max_retries`.
        parallel: How many tasks run at once at most; None: as many as there is room for.
    """

    def __init__(
        self,
        init: Mapping[str, Any] | None = None,
        remote: Mapping[str, Any] | None = None,
        parallel: int | None = None,
    ) -> None:
        self.init = {"address": "local", **_given(init)}  # without an address Ray would take the next best cluster
        self.remote = _given(remote)
        self.parallel = parallel

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        from importlib.util import find_spec

        from sweep.errors import SweepError

        self.hydra_context = hydra_context
        self.task_function = task_function
        self.config = config
        if find_spec("ray") is None:
            raise SweepError("hydra/launcher=ray needs Ray: pip install 'npu-sweep[ray]'.")

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        folder = begin(self)
        jobs = pickled_jobs(self, job_overrides, initial_job_idx)
        results = _run(jobs, self.init, self.remote, self.parallel or len(jobs), folder / STOP)
        return returns(results, job_overrides)


def _run(
    jobs: Sequence[bytes], init: Mapping[str, Any], remote: Mapping[str, Any], parallel: int, stop: Path
) -> list[Any]:
    """The result of each job in order, an exception in the place of one that Ray has lost for good.

    Once the file `stop` is there, no further job is submitted.
    """
    # Ray's word for "tell me none of these": its messages about a dead node are pages of its own state.
    os.environ.setdefault("RAY_DEDUP_LOGS_SKIP_REGEX", r"[\s\S]*")
    import ray

    if not ray.is_initialized():
        ray.init(**{"log_to_driver": False, "logging_level": logging.ERROR, **init})
    if problem := no_room(remote, [node["Resources"] for node in ray.nodes() if node["Alive"]]):
        log.warning(problem)  # no error: a cluster may grow
    task = ray.remote(**remote)(execute_job) if remote else ray.remote(execute_job)
    results: list[Any] = [None] * len(jobs)
    pending: dict[Any, int] = {}
    later = list(enumerate(jobs))
    try:
        while pending or later:
            if later and stop.exists():
                for index, _ in later:
                    results[index] = RuntimeError(STOPPED)
                later.clear()
            while later and len(pending) < parallel:
                index, job = later.pop(0)
                pending[task.remote(job)] = index
            done, _ = ray.wait(list(pending), num_returns=1, timeout=LOOK_S) if pending else ([], [])
            for reference in done:
                results[pending.pop(reference)] = _result(reference)
    except BaseException:
        for reference in pending:
            with contextlib.suppress(Exception):  # the cluster is gone: what interrupts the sweep is told
                ray.cancel(reference, force=True)
        raise
    return results


def _result(reference: Any) -> Any:
    """What a task returned, or why it has not."""
    import ray
    from ray.exceptions import RayError

    from sweep.outcome import DEATH

    try:
        return ray.get(reference)
    except RayError as error:
        return RuntimeError(f"{DEATH} Ray: {' '.join(str(error).split())}")
    except Exception as error:
        return error


def no_room(remote: Mapping[str, Any], nodes: Sequence[Mapping[str, float]]) -> str | None:
    """Why no node can ever take a task; None where one can.

    Args:
        remote: What a task asks for.
        nodes: What each node has in all, by Ray's own names.
    """
    asked = {name: remote.get(option) for name, option in ASKED.items()} | dict(remote.get("resources") or {})
    wanted = {"CPU": 1} | {name: amount for name, amount in asked.items() if amount is not None}
    if not nodes or any(all(node.get(name, 0) >= amount for name, amount in wanted.items()) for node in nodes):
        return None
    most = ", ".join(f"{name} {max(node.get(name, 0) for node in nodes):g}" for name in wanted)
    return (
        f"No node of the Ray cluster has what each cell asks for in hydra.launcher.remote "
        f"({', '.join(f'{name} {amount:g}' for name, amount in wanted.items())}); the most that one has: {most}. "
        "Cells wait until such a node joins; otherwise stop the sweep (Ctrl-C) and ask for less."
    )


def _given(arguments: Mapping[str, Any] | None) -> dict[str, Any]:
    """Arguments as plain values, without those that are empty."""
    return {str(name): value for name, value in dict(plain(arguments) or {}).items() if value is not None}
