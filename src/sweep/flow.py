"""What a sweep does, in order: plan, launch, collect, report, exit. The sweeper plugin only calls `run_sweep`."""

from __future__ import annotations

import contextlib
import secrets
import shlex
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sweep.interruption import Interrupted, interruptible
from sweep.outcome import Outcome, collect, mark_ended
from sweep.plan import FINISHED, Plan, PlannedCell, make_plan, with_states
from sweep.show import print_end, print_plan, print_start, report_folder

if TYPE_CHECKING:
    from hydra.core.config_loader import ConfigLoader
    from hydra.plugins.launcher import Launcher
    from omegaconf import DictConfig
    from rich.console import Console

    from sweep.tracking.store import Store

EXIT_OK, EXIT_FAILED = 0, 1
LauncherFactory = Callable[[dict[str, Any]], "Launcher"]


@dataclass
class Sweep:
    """A sweep under way."""

    id: str
    run_id: str
    plan: Plan
    store: Store
    outcomes: dict[int, Outcome]


def run_sweep(
    config: DictConfig, arguments: Sequence[str], loader: ConfigLoader, make_launcher: LauncherFactory
) -> int:
    """Run the grid that the overrides describe.

    Args:
        config: The composed master config, with Hydra's own node.
        arguments: The overrides of the command line.
        loader: Hydra's config loader.
        make_launcher: Gives the configured launcher; takes settings for what the user left empty.

    Returns:
        The exit code: 0 all finished, 1 a cell failed, 130 Ctrl-C, 143 SIGTERM.

    Raises:
        SweepError: The user's input is wrong; nothing was started.
    """
    from sweep.tracking.store import open_store
    from sweep.training.environment import set_environment

    console = make_console()
    with console.status("Checking configuration and data …") if console.is_terminal else _nothing():
        plan = make_plan(loader, dict(config.hydra.sweeper.params), arguments, progress=_status(console))
        store = open_store(plan.settings.home, plan.settings.experiment, plan.settings.tracking_uri)
        plan = with_states(plan, store)
    print_plan(console, plan)
    set_environment(plan.settings.home)
    with interruptible():
        sweep = _start(plan, store)
        try:
            _launch(sweep, config, make_launcher, console)
        except Interrupted as interruption:
            _record(sweep, None, killed=interruption.reason)
            console.print(f"Stopped by {interruption.reason}. The same command goes on with what is not finished.")
            return interruption.exit_code
        failed = _record(sweep, console)
    print_end(
        console, sweep.store, sweep.id, [(cell.cell.name, sweep.outcomes[cell.cell.index]) for cell in plan.cells]
    )
    return EXIT_FAILED if failed else EXIT_OK


def make_console() -> Console:
    """The console for all that the user sees; figures are not coloured by guesswork."""
    from rich.console import Console

    return Console(highlight=False)


def _start(plan: Plan, store: Store) -> Sweep:
    """Open the sweep's parent run."""
    from sweep.tracking import write
    from sweep.tracking.provenance import provenance_tags

    sweep_id = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"
    command = shlex.join(["python", "-m", "sweep", *sys.argv[1:]])
    run_id = write.start_sweep(
        store, sweep_id=sweep_id, name=f"sweep {sweep_id}", command=command, tags=provenance_tags(plan.devices.type)
    )
    done = {
        planned.cell.index: Outcome("finished", planned.run_id, reused=True)
        for planned in plan.cells
        if planned.state == FINISHED and not plan.settings.rerun
    }
    return Sweep(sweep_id, run_id, plan, store, done)


def _launch(sweep: Sweep, config: DictConfig, make_launcher: LauncherFactory, console: Console) -> None:
    """Launch what is not finished, and again what failed, as often as `retries` allows."""
    from sweep.console import Progress
    from sweep.memory import estimate_gb

    settings, waiting = sweep.plan.settings, sweep.plan.to_run
    for attempt in range(settings.retries + 1):
        if not waiting:
            return
        memory = max(estimate_gb(planned.config.recipe, planned.config.base, sweep.plan.devices) for planned in waiting)
        _name_jobs(config, sweep)
        launcher = make_launcher(
            {
                "workers": settings.workers or "auto",
                "device": settings.device,
                "timeout_min": settings.timeout_min,
                "on_error": settings.on_error,
                "memory_gb": memory,
                "preload": ["torch", "ultralytics", "mlflow"],
            }
        )
        print_start(console, len(waiting), attempt)
        jobs = [_overrides(planned, sweep, attempt) for planned in waiting]
        cells = [(planned.cell.index, planned.cell.name) for planned in waiting]
        began = time.time()
        with Progress(console, settings.home, sweep.id, cells):
            try:
                returns: list[Any] = list(launcher.launch(jobs, initial_job_idx=attempt * len(sweep.plan.cells)))
            except Exception as error:  # a launcher may lose a whole batch; what its jobs wrote is still there
                returns = [error] * len(jobs)
        sweep.outcomes |= collect(settings.home, sweep.id, waiting, returns, since=began)
        waiting = [planned for planned in waiting if sweep.outcomes[planned.cell.index].state != "finished"]
        if settings.on_error == "fail_fast" and waiting:
            return


def _record(sweep: Sweep, console: Console | None, killed: str | None = None) -> bool:
    """End every run that is still open, write `cells.json` and the tables; returns whether a cell failed."""
    from sweep.report.build import build_tables
    from sweep.tracking import write

    settings = sweep.plan.settings
    for planned in sweep.plan.cells:
        sweep.outcomes.setdefault(
            planned.cell.index, Outcome.cut_short(settings.home, sweep.id, planned.cell.index, killed)
        )
    mark_ended(sweep.store, sweep.outcomes.values())
    cells = [sweep.outcomes[planned.cell.index].as_listed(planned.cell) for planned in sweep.plan.cells]
    write.log_cells(sweep.store, sweep.run_id, sweep_id=sweep.id, cells=cells)
    failed = any(outcome.state != "finished" for outcome in sweep.outcomes.values())
    build_tables(sweep.store, sweep.run_id, report_folder(settings.home, sweep.id), console)
    if killed:
        write.finish(sweep.store, sweep.run_id, "KILLED", reason=killed)
    else:
        write.finish(sweep.store, sweep.run_id, "FAILED" if failed else "FINISHED")
    return failed


def _name_jobs(config: DictConfig, sweep: Sweep) -> None:
    """Tell Hydra's master config which sweep this is: its output folder follows from it."""
    from omegaconf import open_dict

    with open_dict(config):
        config.job.sweep_id = sweep.id


def _overrides(planned: PlannedCell, sweep: Sweep, attempt: int) -> list[str]:
    """The overrides of one job: the cell's own, and the sweeper's word to it."""
    cell = planned.cell
    job = {
        "sweep_id": sweep.id,
        "parent_run_id": sweep.run_id,
        "index": cell.index,
        "name": cell.name,
        "key": cell.key,
        "attempt": attempt,
    }
    own = [text for text in cell.overrides if not text.startswith("hydra.")]
    return [
        *own,
        *(f"job.{name}='{value}'" if isinstance(value, str) else f"job.{name}={value}" for name, value in job.items()),
    ]


def _status(console: Console) -> Callable[[str], None]:
    """How the data check says what it does when it takes long."""
    return lambda text: console.print(text, style="dim")


def _nothing() -> contextlib.AbstractContextManager[None]:
    return contextlib.nullcontext()
