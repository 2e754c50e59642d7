"""`hydra/launcher=slurm`: each job of a sweep is a job of SLURM, and one that is lost costs itself only.

submitit (the extra `slurm`) submits the jobs. One that is pre-empted or comes to its time limit is put back into the
queue and goes on. The queue is asked with squeue, which works without the accounting database that sacct needs.
"""

import contextlib
import logging
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

from hydra_plugins.npu_sweep.jobs import begin, execute_job, pickled_jobs, plain, returns
from sweep.stopping import STOP, STOPPED

log = logging.getLogger(__name__)
FOLDER = "slurm"  # in the sweep's folder: jobs, their results and their output
LOOK_S = 1.0
ASK_S = 10.0  # between two questions to the controller, which serves the whole cluster
LATE_S = 90.0  # how much later than a job's end its result may be seen: NFS believes its list of a folder for a minute
SOON_S = 15.0  # the same for a job that has hardly left one
WEEK_MIN = 7 * 24 * 60  # the limit of a job where the partition has none
WELL = {"COMPLETED", "gone"}  # how a job may have ended that has left a result
OVER = {
    "BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY", "PREEMPTED", "REVOKED",
    "TIMEOUT", "gone",
}  # fmt: skip


class SlurmLauncher(Launcher):
    """Submits jobs as one array and waits for each of them.

    Args:
        time_limit_min: Of one job; None: as long as the partition allows.
        mem_gb: Memory of one job in GiB.
        requeues: How often a job may come to its time limit and go on.
        parallel: How many jobs run at once at most.
        options: Further options of sbatch, by their long names.
        parameters: Those of submitit by their own names; None leaves one out.
    """

    def __init__(
        self,
        time_limit_min: int | None = None,
        mem_gb: float | None = None,
        requeues: int = 100,
        parallel: int | None = None,
        options: Mapping[str, Any] | None = None,
        **parameters: Any,
    ) -> None:
        self.time_limit_min = time_limit_min
        self.requeues = requeues
        self.parallel = parallel
        self.options = plain(options or {})
        if mem_gb is not None:  # as SLURM has it: only submitit's other executor knows gigabytes
            parameters["mem"] = f"{round(mem_gb * 1024)}MB"
        self.parameters = {name: plain(value) for name, value in parameters.items() if value is not None}

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        from sweep.errors import SweepError

        self.hydra_context = hydra_context
        self.task_function = task_function
        self.config = config
        problems = []
        if shutil.which("sbatch") is None:
            problems.append(
                "hydra/launcher=slurm: there is no `sbatch` here. Start the sweep on a login node of SLURM."
            )
        try:
            import submitit  # noqa: F401
        except ImportError:
            problems.append("hydra/launcher=slurm needs submitit: pip install 'npu-sweep[slurm]'.")
        if problems:
            raise SweepError(*problems)

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        folder = begin(self) / FOLDER
        jobs = self._submit(folder, pickled_jobs(self, job_overrides, initial_job_idx))
        results: dict[str, Any] = {}
        try:
            _wait(jobs, results, folder.parent / STOP)
        except BaseException:
            _cancel(*(job.job_id for job in jobs if job.job_id not in results))
            raise
        return returns([results[job.job_id] for job in jobs], job_overrides)

    def _submit(self, folder: Path, pickled: Sequence[bytes]) -> Sequence[Any]:
        import submitit

        folder.mkdir(mode=0o700, exist_ok=True)  # the jobs hold the address of the server, which may hold a password
        executor = submitit.SlurmExecutor(folder=folder, max_num_timeout=self.requeues)
        limit = self.time_limit_min or _longest_min(self.parameters.get("partition"))
        executor.update_parameters(
            time=limit,
            array_parallelism=self.parallel or max(1, len(pickled)),
            additional_parameters={"requeue": True, **self.options},
            **self.parameters,
        )
        with executor.batch():
            return [executor.submit(Job(job)) for job in pickled]


class Job:
    """A job that SLURM may end and begin again at any time: it finds in home what it has done."""

    def __init__(self, pickled: bytes) -> None:
        self.pickled = pickled

    def __call__(self) -> JobReturn:
        return execute_job(self.pickled)

    def checkpoint(self) -> Any:
        """How submitit goes on with the job after it was put back into the queue: as before."""
        import submitit

        return submitit.helpers.DelayedSubmission(self)


def _wait(jobs: Sequence[Any], results: dict[str, Any], stop: Path) -> None:
    """Wait until every job has a result, or is lost; fills in `results` by job id.

    Args:
        jobs: The submitted jobs.
        results: Filled in.
        stop: A file that, once it is there, lets none begin.
    """
    waiting = {job.job_id: job for job in jobs}
    over: dict[str, tuple[float, str]] = {}  # when a job was first seen to have ended, and how
    asked, withdrawn = time.monotonic(), 0.0
    while waiting:
        for job_id, job in list(waiting.items()):
            if Path(job.paths.result_pickle).exists():
                results[job_id] = _result(waiting.pop(job_id))
        now = time.monotonic()
        if waiting and stop.exists() and now - withdrawn > ASK_S:
            withdrawn = now  # and again later: a job at its limit is put back into the queue
            for job_id in withdraw(list(waiting)):
                results[job_id] = RuntimeError(STOPPED)
                del waiting[job_id]
        if waiting and now - asked > ASK_S:
            asked = now
            states = job_states(list(waiting))
            if states is not None:
                ended = {job_id: states.get(job_id, "gone") for job_id in waiting}
                over = {job_id: over.get(job_id, (now, state)) for job_id, state in ended.items() if state in OVER}
        for job_id, (since, state) in over.items():
            if job_id in waiting and now - since > (LATE_S if state in WELL else SOON_S):
                results[job_id] = RuntimeError(_why(state, waiting.pop(job_id)))
        time.sleep(LOOK_S)


def _why(state: str, job: Any) -> str:
    """Why a job gave no result, for the user."""
    from sweep.outcome import DEATH

    how = "SLURM, which has forgotten it" if state == "gone" else f"SLURM: {state}"
    return f"{DEATH} {how}. Its output: {job.paths.stderr}"


def _result(job: Any) -> Any:
    """What a job returned, or why it has not."""
    try:
        return job.result()
    except Exception as error:
        return error


def job_states(job_ids: Sequence[str], run: Callable[..., Any] = subprocess.run) -> dict[str, str] | None:
    """The states of jobs by their ids; those that SLURM has forgotten are absent. None: the controller is away.

    Args:
        job_ids: `12_3` for a job of an array.
        run: What starts squeue.
    """
    arrays = sorted({job_id.partition("_")[0] for job_id in job_ids})
    command = ["squeue", "--noheader", "--array", "--states=all", "--format=%i|%T", f"--jobs={','.join(arrays)}"]
    try:
        done = run(command, capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.SubprocessError):
        return None
    if done.returncode and "Invalid job id" not in done.stderr:
        return None
    lines = [line.strip().partition("|") for line in done.stdout.splitlines()]
    return {job_id: state for job_id, _, state in lines if state}


def withdraw(job_ids: Sequence[str], run: Callable[..., Any] = subprocess.run) -> list[str]:
    """Take jobs out of the queue that do not run; returns those that are out of it.

    Args:
        job_ids: As for `job_states`.
        run: What starts squeue and scancel.
    """
    before = job_states(job_ids, run) or {}
    queued = [job_id for job_id in job_ids if before.get(job_id) == "PENDING"]
    if not queued:
        return []
    _cancel("--state=PENDING", *queued, run=run)  # one that has begun meanwhile sees for itself that it is to stop
    after = job_states(queued, run)
    return [] if after is None else [job_id for job_id in queued if after.get(job_id, "CANCELLED") == "CANCELLED"]


def _cancel(*words: str, run: Callable[..., Any] = subprocess.run) -> None:
    """End jobs that nobody waits for any more. Where SLURM does not answer, they see that they are to stop."""
    if words:
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            run(["scancel", *words], capture_output=True, timeout=60, check=False)


def _longest_min(partition: str | None) -> int:
    """The time limit of a partition, or of the default one, in minutes; a week where it has none.

    Of several, as in `a,b`, the smallest: SLURM takes the one that has room first.
    """
    command = ["sinfo", "--noheader", "--format=%P|%l"]
    try:
        lines = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout.splitlines()
    except (OSError, subprocess.SubprocessError):
        return WEEK_MIN
    return smallest_limit_min(lines, partition)


def smallest_limit_min(lines: Sequence[str], partition: str | None) -> int:
    """The same, from what sinfo tells: a line for each partition, `main*|1-00:00:00`, a star at the default one."""
    wanted = None if partition is None else set(partition.split(","))
    found = [line.strip().partition("|") for line in lines]
    limits = [
        minutes_of(limit) or WEEK_MIN
        for name, _, limit in found
        if (name.endswith("*") if wanted is None else name.removesuffix("*") in wanted)
    ]
    return min(limits, default=WEEK_MIN)


def minutes_of(limit: str) -> int | None:
    """Minutes of a time as SLURM writes it: `30:00`, `2:00:00`, `1-00:00:00`; None for `infinite`."""
    days, dash, rest = limit.rpartition("-")
    try:
        parts = [int(part) for part in rest.split(":")]
        whole_days = int(days) if dash else 0
    except ValueError:
        return None
    hours, minutes, seconds = [0, 0, 0, *parts][-3:]
    return (whole_days * 24 + hours) * 60 + minutes + (seconds > 0)
