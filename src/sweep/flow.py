"""What a sweep does, in order: plan, launch, collect, report, exit. The sweeper plugin only calls `run_sweep`."""

from __future__ import annotations

import os
import secrets
import shlex
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sweep.errors import in_one_line
from sweep.identity import axes_of
from sweep.interruption import Interrupted, interruptible
from sweep.locks import cell_folder, cell_held, sweep_held, sweep_lock
from sweep.outcome import Outcome, collect, mark_ended
from sweep.plan import FINISHED, UNMEASURED, Plan, PlannedCell, make_plan, with_states, workers_of
from sweep.rebuild import rebuild_report, register_recommended, report_folder
from sweep.show import counted, print_end, print_plan, print_start
from sweep.show_npu import print_unmeasured

if TYPE_CHECKING:
    from hydra.core.config_loader import ConfigLoader
    from hydra.plugins.launcher import Launcher
    from omegaconf import DictConfig
    from rich.console import Console

    from sweep.report.data import SweepData
    from sweep.tracking.store import Store

EXIT_OK, EXIT_FAILED = 0, 1
PIPE_WIDTH = 140
ROUNDS = 5  # how often the workers of a cell that is tuned are started again after some of them died
DYING_S = 5.0  # how long a worker that its launcher has given up may take to go
LauncherFactory = Callable[[dict[str, Any]], "Launcher"]


@dataclass
class Sweep:
    """A sweep under way."""

    id: str
    run_id: str
    plan: Plan
    store: Store
    outcomes: dict[int, Outcome]
    launched: int = 0
    """How many jobs were launched so far."""


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
        The exit code: 0 all finished, 1 a cell failed, a compiler that is installed failed on one, or the report could
        not be written.

    Raises:
        Interrupted: Ctrl-C or SIGTERM; no worker is left, and every run of the sweep has ended.
        SweepError: The user's input is wrong; nothing was started.
    """
    from sweep.tracking.measured import MISSING
    from sweep.tracking.store import open_store
    from sweep.training.environment import set_environment

    console = make_console()
    with interruptible():
        plan = make_plan(loader, dict(config.hydra.sweeper.params), arguments, progress=_status(console))
        set_environment(plan.settings.home)
        launcher = _launcher(plan, make_launcher) if _likely_work(plan) else None
        store = open_store(plan.settings.home, plan.settings.experiment, plan.settings.tracking_uri)
        plan = with_states(plan, store)
        _open_storage(plan)
        print_plan(console, plan)
        sweep_id = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"
        with sweep_lock(plan.settings.home, sweep_id):  # before its run is there to be seen by others
            sweep = _start(plan, store, sweep_id)
            try:
                if plan.to_run:
                    _launch(sweep, config, launcher or _launcher(plan, make_launcher), console)
                failed = _record(sweep)
            except Interrupted as interruption:
                _record(sweep, killed=interruption.reason)
                console.print("The same command goes on with what is not finished.")
                raise
            reported = _report(sweep, console)
    ends = [(planned.cell.name, sweep.outcomes[planned.cell.index]) for planned in plan.cells]
    unmeasured = _unmeasured(sweep)
    print_end(console, sweep.store, ends)
    print_unmeasured(console, unmeasured)
    stumbled = any(state != MISSING for state, _ in unmeasured.values())
    return EXIT_FAILED if failed or not reported or stumbled else EXIT_OK


def make_console() -> Console:
    """The console for all that the user sees; in a file or a pipe, lines are wide enough for the tables."""
    from rich.console import Console

    console = Console(file=sys.stdout, highlight=False)  # bound now: while a cell is measured, stdout is its log
    if console.is_terminal or "COLUMNS" in os.environ:
        return console
    return Console(file=sys.stdout, highlight=False, width=PIPE_WIDTH)


def _open_storage(plan: Plan) -> None:
    """Open the storage of the studies once, so that it is there for all workers, and a wrong one is found now.

    Raises:
        SweepError: It cannot be opened.
    """
    tuned = [planned for planned in plan.to_run if planned.state != UNMEASURED or plan.settings.rerun]
    storages = {planned.config.tune.storage for planned in tuned if planned.config.tune is not None}
    for storage in storages:
        from sweep.tuning.storage import open_storage

        open_storage(storage, plan.settings.home)


def _likely_work(plan: Plan) -> bool:
    """Whether a cell has never been started in this home: then there is something to launch, whatever tracking says."""
    return any(not cell_folder(plan.settings.home, planned.cell.key).exists() for planned in plan.cells)


def _start(plan: Plan, store: Store, sweep_id: str) -> Sweep:
    """Open the sweep's parent run, after closing those of sweeps that died without a word."""
    from sweep.tracking import names, write
    from sweep.tracking.provenance import provenance_tags
    from sweep.tracking.runs import close_dead_sweeps

    home = plan.settings.home
    close_dead_sweeps(
        store, sweep_alive=lambda sweep_id: sweep_held(home, sweep_id), cell_alive=lambda key: cell_held(home, key)
    )
    command = shlex.join(["python", "-m", "sweep", *(_without_secrets(text) for text in sys.argv[1:])])
    tags = provenance_tags(plan.devices.type) | {names.REPORT_SETTINGS: plan.settings.report.as_text()}
    run_id = write.start_sweep(store, sweep_id=sweep_id, name=f"sweep {sweep_id}", command=command, tags=tags)
    done = {
        planned.cell.index: Outcome("finished", planned.run_id, reused=True)
        for planned in plan.cells
        if planned.state == FINISHED and not plan.settings.rerun
    }
    return Sweep(sweep_id, run_id, plan, store, done)


def _launcher(plan: Plan, make_launcher: LauncherFactory) -> Launcher:
    """The configured launcher; the local one begins to import what its workers need as soon as it is made."""
    from sweep.memory import estimate_gb

    settings = plan.settings
    return make_launcher(
        {
            "workers": settings.workers or "auto",
            "device": settings.device,
            "timeout_min": settings.timeout_min,
            "on_error": settings.on_error,
            "memory_gb": max(estimate_gb(cell.config.recipe, cell.config.base, plan.devices) for cell in plan.cells),
            "preload": ["torch", "ultralytics", "mlflow"],
            "preload_once": ["torch", "ultralytics.models.yolo.detect", "torch._dynamo"],
        }
    )


def _launch(sweep: Sweep, config: DictConfig, launcher: Launcher, console: Console) -> None:
    """Launch what is not finished, and again what failed, as often as `retries` allows."""
    settings, waiting = sweep.plan.settings, sweep.plan.to_run
    _name_jobs(config, sweep)
    for attempt in range(settings.retries + 1):
        if not waiting:
            return
        print_start(console, waiting, attempt, settings.rerun)
        left = waiting
        for _ in range(ROUNDS):
            _launch_once(sweep, left, attempt, launcher, console)
            left = [planned for planned in left if planned.config.tune and sweep.outcomes[planned.cell.index].lost]
            if not left or settings.on_error == "fail_fast":
                break
            console.print(f"Workers of {counted(len(left))} died: their trials are run again …")
        waiting = [planned for planned in waiting if sweep.outcomes[planned.cell.index].state != "finished"]
        if settings.on_error == "fail_fast" and waiting:
            return


def _launch_once(sweep: Sweep, cells: list[PlannedCell], attempt: int, launcher: Launcher, console: Console) -> None:
    """Launch a job for each cell, and `tune.workers` for one that is tuned; fills in their outcomes."""
    from sweep.console import Progress

    home = sweep.plan.settings.home
    for planned in cells:  # an interruption must find this attempt's run, not the last one's outcome
        sweep.outcomes.pop(planned.cell.index, None)
    workers = _workers(cells, sweep.plan.settings.rerun)
    jobs = [_overrides(planned, sweep, attempt, worker) for planned, worker in workers]
    began = time.time()
    with Progress(console, home, sweep.id, [(planned.cell.index, planned.cell.name) for planned in cells]):
        try:
            returns: list[Any] = list(launcher.launch(jobs, initial_job_idx=sweep.launched))
        except Exception as error:  # a launcher may lose a whole batch; what its jobs wrote is still there
            returns = [error] * len(jobs)
    sweep.launched += len(jobs)
    sweep.outcomes |= collect(home, sweep.id, [planned for planned, _ in workers], returns, since=began)


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


def _record(sweep: Sweep, killed: str | None = None) -> bool:
    """End every run that is still open, and write `cells.json`; returns whether a cell failed."""
    from sweep.tracking import write
    from sweep.tracking.runs import close_open_cells

    settings = sweep.plan.settings
    for planned in sweep.plan.cells:
        sweep.outcomes.setdefault(
            planned.cell.index, Outcome.cut_short(settings.home, sweep.id, planned.cell.index, killed)
        )
    mark_ended(sweep.store, sweep.outcomes.values())
    _close_trials(sweep)
    # A worker that was killed right after it had opened its run left no word of it.
    close_open_cells(sweep.store, sweep.run_id, cell_alive=lambda key: cell_held(settings.home, key, wait_s=DYING_S))
    cells = sweep.plan.cells
    listed = [
        sweep.outcomes[planned.cell.index].as_listed(planned.cell, axes_of(planned.config, planned.data))
        for planned in cells
    ]
    write.log_cells(sweep.store, sweep.run_id, sweep_id=sweep.id, cells=listed)
    failed = any(outcome.state != "finished" for outcome in sweep.outcomes.values())
    if killed:
        _tables(sweep)
        write.finish(sweep.store, sweep.run_id, "KILLED", reason=killed)
    else:
        write.finish(sweep.store, sweep.run_id, "FAILED" if failed else "FINISHED")
    return failed


def _close_trials(sweep: Sweep) -> None:
    """Close the trials that workers of this sweep have left open, in MLflow and in their studies."""
    storages = {
        planned.cell.key: planned.config.tune.storage
        for planned in sweep.plan.cells
        if planned.config.tune is not None and sweep.outcomes[planned.cell.index].state not in {"finished", "skipped"}
    }
    if storages:
        from sweep.trials.abandoned import close_trials

        close_trials(sweep.store, sweep.run_id, storages, wait_s=DYING_S)


def _tables(sweep: Sweep) -> None:
    """The tables of a sweep that was stopped: `python -m sweep report` writes the rest."""
    from sweep.report.build import build_tables
    from sweep.tracking.read import sweep_run

    run = sweep_run(sweep.store, sweep.run_id)
    build_tables(sweep.store, run, report_folder(sweep.plan.settings.home, sweep.id))


def _report(sweep: Sweep, console: Console) -> bool:
    """Write the tables and the report of a sweep that came to its end; returns whether that went well."""
    from sweep.tracking.read import sweep_run

    try:
        built = rebuild_report(sweep.store, sweep_run(sweep.store, sweep.run_id), console)
    except Exception:  # a full disk, a server that is away: what was measured is kept
        traceback.print_exc()
        again = f"python -m sweep report --sweep {sweep.id}"
        console.print(f"The report could not be written. Every result is kept; write it again: {again}", style="red")
        return False
    return built.settings.register is None or _registered(sweep, built, built.settings.register, console)


def _registered(sweep: Sweep, built: SweepData, name: str, console: Console) -> bool:
    """Make the recommended cell the champion of the model of that name; returns whether that went well."""
    try:
        register_recommended(sweep.store, built, name, console)
    except Exception as error:  # a server without a registry: the report is there all the same
        console.print(f"Model {name} was not registered: {in_one_line(error)}", style="red", markup=False)
        again = f"python -m sweep report --sweep {sweep.id} --register {name}"
        console.print(f"Try again: {again}", markup=False, soft_wrap=True)
        return False
    return True


def _unmeasured(sweep: Sweep) -> dict[str, tuple[str, str]]:
    """Of each requested target that a finished cell was not measured on: its state and, once, why."""
    from sweep.measuring import wanted_names
    from sweep.tracking.measured import FAILED, MEASURED, MISSING, TargetFacts, measured_facts
    from sweep.tracking.read import runs_by_id

    absent = dict.fromkeys(wanted_names(sweep.plan.targets), (FAILED, "its measuring was cut short."))
    missing = {target.name: target.missing() for target in sweep.plan.targets}
    absent |= {name: (MISSING, reason) for name, reason in missing.items() if reason is not None}
    if not absent:
        return {}
    run_ids = [outcome.run_id for outcome in sweep.outcomes.values() if outcome.state == "finished" and outcome.run_id]
    found: dict[str, tuple[str, str]] = {}
    for run in runs_by_id(sweep.store, run_ids).values():
        facts = measured_facts(run.tags)
        for name in absent:
            known = facts.get(name, TargetFacts(*absent[name]))
            if known.state != MEASURED and found.get(name, (MISSING, ""))[0] == MISSING:
                found[name] = (known.state, f"{run.cell}: {known.reason or known.state}")
    return found


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
        "parent_run_id": sweep.run_id,
        "index": cell.index,
        "name": cell.name,
        "key": cell.key,
        "attempt": attempt,
        "worker": worker,
    }
    return [
        *cell.overrides,
        *(f"job.{name}='{value}'" if isinstance(value, str) else f"job.{name}={value}" for name, value in job.items()),
    ]


def _status(console: Console) -> Callable[[str], None]:
    """How the data check says what it does when it takes long."""
    return lambda text: console.print(text, style="dim")


def _without_secrets(argument: str) -> str:
    """An argument as it may be kept: addresses without user name and password."""
    from sweep.tracking.uri import without_credentials

    key, equals, value = argument.partition("=")
    if key == "tune.storage":
        from sweep.tuning.storage import without_secrets

        return f"{key}{equals}{without_secrets(value)}"
    return f"{key}{equals}{without_credentials(value)}" if "://" in value else argument
