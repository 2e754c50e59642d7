"""Launch the cells of a sweep: a job for each, several for one that is tuned, and again what failed or died."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sweep.arguments import quoted
from sweep.interruption import Interrupted, patiently_interruptible
from sweep.outcome import Outcome, collect, mark_ended
from sweep.plan import CANARY, CHANGED, UNMEASURED, Plan, PlannedCell, workers_of
from sweep.progress import progress_end, progress_file
from sweep.show import counted, print_start
from sweep.stopping import ask_to_stop

if TYPE_CHECKING:
    from hydra.plugins.launcher import Launcher
    from omegaconf import DictConfig
    from rich.console import Console

    from sweep.tracking.spool.run import SpooledRun
    from sweep.tracking.store import Store

ROUNDS = 5  # how often the workers of a cell that is tuned are started again after some of them died
BACKOFF_S, LONGEST_S = 5.0, 120.0  # before the first retry, twice as long before each further one
AGAIN = (CANARY, CHANGED)
LauncherFactory = Callable[[dict[str, Any]], "Launcher"]


@dataclass
class Sweep:
    """A sweep under way."""

    id: str
    run: SpooledRun
    plan: Plan
    store: Store
    outcomes: dict[int, Outcome]
    launched: int = 0
    """How many jobs were launched so far."""


def configured_launcher(plan: Plan, make_launcher: LauncherFactory) -> Launcher:
    """The configured launcher; the local one begins to import what its workers need as soon as it is made."""
    from sweep.memory import estimate_gb

    settings = plan.settings
    return make_launcher(
        {
            "workers": settings.workers or "auto",
            "parallel": settings.workers,
            "device": settings.device,
            "timeout_min": settings.timeout_min,
            "on_error": settings.on_error,
            "memory_gb": max(estimate_gb(cell.config.recipe, cell.config.base, plan.devices) for cell in plan.cells),
            "preload": ["torch", "ultralytics"],
            "preload_once": ["torch", "ultralytics.models.yolo.detect", "torch._dynamo"],
        }
    )


def launch(sweep: Sweep, config: DictConfig, launcher: Launcher, console: Console) -> None:
    """Launch what is not finished, and again what died or was out of memory, as often as `retries` allows."""
    settings, waiting = sweep.plan.settings, sweep.plan.to_run
    _name_jobs(config, sweep)
    for attempt in range(settings.retries + 1):
        if not waiting:
            return
        print_start(console, waiting, attempt, settings.rerun)
        left = waiting
        for _ in range(ROUNDS):
            _launch_once(sweep, left, attempt, launcher, console)
            began = any(sweep.outcomes[planned.cell.index].run_id for planned in left)
            left = [planned for planned in left if planned.config.tune and sweep.outcomes[planned.cell.index].lost]
            if not left or settings.on_error == "fail_fast":
                break
            if not began:  # it is the launcher itself that does not work
                break
            console.print(f"Workers of {counted(len(left))} died: their trials are run again …")
        waiting = [planned for planned in waiting if sweep.outcomes[planned.cell.index].worth_another_try]
        if settings.on_error == "fail_fast" or attempt == settings.retries:
            return
        failed = [sweep.outcomes[planned.cell.index] for planned in waiting]
        mark_ended(sweep.store, failed)  # with what ended them; the next attempt finds them so
        _make_room(launcher, failed, console)
        _wait_before(attempt + 1, waiting, console)


def _make_room(launcher: Launcher, outcomes: Sequence[Outcome], console: Console) -> None:
    """Let fewer cells run side by side where one was out of memory, if the launcher can be told so."""
    side_by_side = getattr(launcher, "side_by_side", 1)
    if side_by_side > 1 and any(outcome.out_of_memory or outcome.gpu_failed for outcome in outcomes):
        fewer = side_by_side // 2
        launcher.workers = fewer  # type: ignore[attr-defined]
        why = "Out of memory" if any(outcome.out_of_memory for outcome in outcomes) else "The GPU failed"
        console.print(f"{why}: {fewer} side by side from now on, not {side_by_side}.")


def _wait_before(attempt: int, waiting: Sequence[PlannedCell], console: Console) -> None:
    """What killed a cell, such as a machine without memory, may need a while to pass."""
    if waiting:
        seconds = min(BACKOFF_S * 2 ** (attempt - 1), LONGEST_S)
        console.print(f"Trying {counted(len(waiting))} again in {seconds:.0f} s …")
        time.sleep(seconds)


def _launch_once(sweep: Sweep, cells: list[PlannedCell], attempt: int, launcher: Launcher, console: Console) -> None:
    """Launch a job for each cell, and `tune.workers` for one that is tuned; fills in their outcomes."""
    from sweep.console import Progress

    home = sweep.plan.settings.home
    for planned in cells:  # an interruption must find this attempt's run, not the last one's outcome
        sweep.outcomes.pop(planned.cell.index, None)
    workers = _workers(cells, sweep.plan.settings.rerun)
    jobs = [_overrides(planned, sweep, attempt, worker) for planned, worker in workers]
    indices = [planned.cell.index for planned in cells]
    begins = {index: progress_end(progress_file(home, sweep.id, index)) for index in indices}
    returns: list[Any] = []
    reason = None
    try:
        with (
            Progress(console, home, sweep.id, [(planned.cell.index, planned.cell.name) for planned in cells]),
            patiently_interruptible(_asker(sweep, console), sweep.plan.settings.grace_s),
        ):
            try:
                returns = list(launcher.launch(jobs, initial_job_idx=sweep.launched))
            except Exception as error:  # a launcher may lose a whole batch; what its jobs wrote is still there
                returns = [error] * len(jobs)
    except Interrupted as interruption:
        reason = interruption.reason
        raise
    finally:
        if returns:
            found = collect(home, sweep.id, [planned for planned, _ in workers], returns, begins)
            sweep.outcomes |= {
                index: outcome if reason is None else outcome.stopped(reason) for index, outcome in found.items()
            }
        sweep.launched += len(jobs)


def _asker(sweep: Sweep, console: Console) -> Callable[[Interrupted], None]:
    """How the cells of a sweep are asked to stop; where that cannot be told to them, it is stopped at once."""

    from sweep.tracking import names  # now: in the handler of a signal nothing is imported

    def ask(interruption: Interrupted) -> None:
        try:
            ask_to_stop(sweep.plan.settings.home, sweep.id, interruption.reason)
            if sweep.plan.launching.elsewhere:  # cells that do not see this home hear of it through MLflow
                sweep.run.set_tags({names.STOPPING: interruption.reason})
        except OSError:
            raise interruption from None
        console.print(f"{interruption.reason}: stopping after the epochs under way. Ctrl-C stops at once.")

    return ask


def _workers(cells: Sequence[PlannedCell], rerun: bool) -> list[tuple[PlannedCell, int]]:
    """The jobs of some cells. The first worker of every cell comes before the second of any: where there is not room
    for all, cells are tuned side by side before several workers share one study, which then learns less.
    """
    counts = {planned.cell.index: workers_of(planned, rerun) for planned in cells}
    return [
        (planned, worker)
        for worker in range(max(counts.values()))
        for planned in cells
        if worker < counts[planned.cell.index]
    ]


def _name_jobs(config: DictConfig, sweep: Sweep) -> None:
    """Tell Hydra's master config which sweep this is: its output folder follows from it."""
    from omegaconf import open_dict

    with open_dict(config):
        config.job.sweep_id = sweep.id


def _overrides(planned: PlannedCell, sweep: Sweep, attempt: int, worker: int) -> list[str]:
    """The overrides of one job: the cell's own, and the sweeper's word to it."""
    cell = planned.cell
    job = {
        "sweep_id": sweep.id,
        "finished": planned.run_id if planned.state == UNMEASURED and planned.run_id else "",
        "index": cell.index,
        "name": cell.name,
        "key": cell.key,
        "attempt": attempt,
        "worker": worker,
    }
    there = _place(sweep.plan) if sweep.plan.launching.elsewhere else []
    again = [f"rerun={str(planned.state in AGAIN).lower()}"] if sweep.plan.settings.changed else []
    return [
        *cell.overrides,
        *there,
        *again,
        *(f"job.{name}='{value}'" if isinstance(value, str) else f"job.{name}={value}" for name, value in job.items()),
    ]


def _place(plan: Plan) -> list[str]:
    """What a job on another machine is told, as it composes anew there: without the site settings of the user's folder,
    and with relative paths of its own.
    """
    settings = plan.settings
    places = {"home": str(settings.home), "experiment": settings.experiment, "tracking.uri": settings.tracking_uri}
    return [f"device={plan.devices.type}", *(f"{key}={quoted(text)}" for key, text in places.items() if text)]
