"""What a sweep does, in order: plan, launch, collect, report, exit. The sweeper plugin only calls `run_sweep`."""

from __future__ import annotations

import os
import secrets
import shlex
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sweep.delivery import EXIT_FAILED, EXIT_OK, EXIT_UNDELIVERED, deliver_all, print_left, with_mlflow_ids
from sweep.disk_full import refusal
from sweep.errors import in_one_line
from sweep.forecast.show import cell_times, forecast_lines, taken
from sweep.identity import axes_of
from sweep.interruption import Interrupted, interruptible
from sweep.launch import LauncherFactory, Sweep, configured_launcher, launch
from sweep.launching import launching_of
from sweep.locks import cell_folder, cell_held, sweep_lock
from sweep.outcome import Outcome, mark_ended
from sweep.plan import FINISHED, Plan, make_plan, with_states
from sweep.ready import check_disk, open_storages
from sweep.rebuild import rebuild_report, register_recommended, report_folder
from sweep.redaction import redacted
from sweep.show import print_end, print_failures, print_plan
from sweep.show_npu import print_unmeasured

if TYPE_CHECKING:
    from hydra.core.config_loader import ConfigLoader
    from omegaconf import DictConfig
    from rich.console import Console

    from sweep.forecast.forecast import Forecast
    from sweep.report.data import SweepData
    from sweep.tracking.store import Store

PIPE_WIDTH = 140
DYING_S = 5.0  # how long a worker that its launcher has given up may take to go
LAST_WORD_S = 3.0  # how long an interrupted sweep waits for a tracking store that takes nothing


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
        not be written, 4 something could not be delivered to MLflow.

    Raises:
        Interrupted: Ctrl-C or SIGTERM; no worker is left, and every run of the sweep has ended.
        SweepError: The user's input is wrong; nothing was started.
    """
    from sweep.forecast.forecast import make_forecast
    from sweep.tracking.known import forget_deleted
    from sweep.tracking.measured import MISSING
    from sweep.tracking.spool.courier import Courier
    from sweep.training.environment import set_environment

    console = make_console()
    with interruptible():
        params = dict(config.hydra.sweeper.params)
        plan = make_plan(loader, params, arguments, progress=_status(console), launching=launching_of(config))
        set_environment(plan.settings.home)
        launcher = configured_launcher(plan, make_launcher) if _likely_work(plan) else None
        store, there = _store(plan, console)
        if there:
            forget_deleted(store, [planned.cell.key for planned in plan.cells])
        plan = with_states(plan, store, there=there)
        forecast = make_forecast(plan, store if there else None)
        check_disk(plan, forecast.disk_mb)
        open_storages(plan)
        print_plan(console, plan, cell_times(forecast), forecast_lines(forecast))
        sweep_id = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"
        with sweep_lock(plan.settings.home, sweep_id):  # before its run is there to be seen by others
            began = time.monotonic()
            sweep = _start(plan, store, sweep_id, there, forecast)
            try:
                if plan.to_run:
                    with Courier(store):
                        launch(sweep, config, launcher or configured_launcher(plan, make_launcher), console)
                failed = _record(sweep, console)
                took_s = time.monotonic() - began
            except Interrupted as interruption:
                _record(sweep, console, killed=interruption.reason)
                left = deliver_all(store, LAST_WORD_S, console)
                print_left(console, store, left)
                if not left:
                    _tables(sweep)
                console.print("The same command goes on with what is not finished.")
                raise
            left = deliver_all(store, plan.settings.tracking_wait_s, console)
            sweep.outcomes = with_mlflow_ids(store, plan, sweep.outcomes)
            reported = bool(left) or _report(sweep, console)
    if left:
        print_failures(console, [(planned.cell.name, sweep.outcomes[planned.cell.index]) for planned in plan.cells])
        print_left(console, store, left)
        return EXIT_FAILED if failed else EXIT_UNDELIVERED
    ends = [(planned.cell.name, sweep.outcomes[planned.cell.index]) for planned in plan.cells]
    unmeasured = _unmeasured(sweep)
    print_end(console, sweep.store, ends, taken(forecast, took_s))
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


def _likely_work(plan: Plan) -> bool:
    """Whether a cell has never been started in this home: then there is something to launch, whatever tracking says."""
    return any(not cell_folder(plan.settings.home, planned.cell.key).exists() for planned in plan.cells)


def _store(plan: Plan, console: Console) -> tuple[Store, bool]:
    """The store, and whether it is there; where it is not, the sweep is kept in home until it can be delivered.

    Raises:
        SweepError: The address is wrong, or the store is there and refuses.
    """
    from sweep.tracking.failures import StoreAway
    from sweep.tracking.store import open_store, store_at

    settings = plan.settings
    try:
        return open_store(settings.home, settings.experiment, settings.tracking_uri), True
    except StoreAway as away:
        console.print(f"warning: {away}", style="yellow", markup=False, soft_wrap=True)
        console.print(
            "The sweep runs all the same. What it logs is kept in home and delivered when the store answers, or later: "
            "python -m sweep sync",
            style="yellow",
            soft_wrap=True,
        )
        return store_at(settings.home, settings.experiment, settings.tracking_uri), False


def _start(plan: Plan, store: Store, sweep_id: str, there: bool, forecast: Forecast) -> Sweep:
    """Begin the sweep's run, after closing those of sweeps that died without a word."""
    from sweep.tracking import names
    from sweep.tracking.provenance import provenance_tags
    from sweep.tracking.runs import close_dead_sweeps
    from sweep.tracking.spool.replay import last_sweep_ms
    from sweep.tracking.spool.run import SpooledRun

    home = plan.settings.home
    close_dead_sweeps(store, there=there)
    command = shlex.join(["python", "-m", "sweep", *(_without_secrets(text) for text in sys.argv[1:])])
    tags = {
        names.KIND: names.KIND_SWEEP,
        names.SWEEP_ID: sweep_id,
        names.SWEEP_COMMAND: command,
        names.REPORT_SETTINGS: plan.settings.report.as_text(),
        names.FORECAST: forecast.as_tag(),
        names.CELL_COUNT: str(len(plan.cells)),
        names.TO_RUN: str(len(plan.to_run)),
    }
    run = SpooledRun.begin(
        store,
        home / "sweeps" / sweep_id,
        name=f"sweep {sweep_id}",
        tags=provenance_tags(plan.devices.type) | tags,
        not_before=last_sweep_ms(home) + 1,  # the last one is the latest, even after the clock was set back
    )
    done = {
        planned.cell.index: Outcome("finished", planned.run_id, reused=True)
        for planned in plan.cells
        if planned.state == FINISHED and not plan.settings.rerun
    }
    return Sweep(sweep_id, run, plan, store, done)


def _record(sweep: Sweep, console: Console, killed: str | None = None) -> bool:
    """End every run that is still open, and write `cells.json`; returns whether a cell failed.

    What a full disk does not take is said; the next sweep ends what stays open.
    """
    try:
        return _end_all(sweep, killed)
    except OSError as error:
        refused = refusal(error, sweep.plan.settings.home)
        if refused is None:
            raise
        console.print(str(refused), style="red", markup=False, soft_wrap=True)
        return True


def _end_all(sweep: Sweep, killed: str | None) -> bool:
    from sweep.tracking.runs import close_open_cells

    settings = sweep.plan.settings
    for planned in sweep.plan.cells:
        sweep.outcomes.setdefault(
            planned.cell.index, Outcome.cut_short(settings.home, sweep.id, planned.cell.index, killed)
        )
    mark_ended(sweep.store, sweep.outcomes.values())
    _close_trials(sweep)
    # A worker that was killed right after it had opened its run left no word of it.
    close_open_cells(sweep.store, sweep.run.id, cell_alive=lambda key: cell_held(settings.home, key, wait_s=DYING_S))
    cells = sweep.plan.cells
    listed = [
        sweep.outcomes[planned.cell.index].as_listed(planned.cell, axes_of(planned.config, planned.data))
        for planned in cells
    ]
    sweep.run.log_cells(sweep.id, listed)
    failed = any(outcome.state != "finished" for outcome in sweep.outcomes.values())
    if killed:
        sweep.run.finish("KILLED", killed)
    else:
        sweep.run.finish("FAILED" if failed else "FINISHED")
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

        close_trials(sweep.store, sweep.id, storages, wait_s=DYING_S)


def _tables(sweep: Sweep) -> None:
    """The tables of a sweep that was stopped: `python -m sweep report` writes the rest."""
    from sweep.report.build import build_tables
    from sweep.tracking.read import sweep_run

    run = sweep_run(sweep.store, sweep.id)
    build_tables(sweep.store, run, report_folder(sweep.plan.settings.home, sweep.id))


def _report(sweep: Sweep, console: Console) -> bool:
    """Write the tables and the report of a sweep that came to its end; returns whether that went well."""
    from sweep.tracking.read import sweep_run

    try:
        built = rebuild_report(sweep.store, sweep_run(sweep.store, sweep.id), console)
    except Exception:  # a full disk, a server that is away: what was measured is kept
        print(redacted(traceback.format_exc()), file=sys.stderr)  # noqa: T201
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


def _status(console: Console) -> Callable[[str], None]:
    """How the data check says what it does when it takes long."""
    return lambda text: console.print(text, style="dim")


def _without_secrets(argument: str) -> str:
    """An argument as it may be kept: addresses without user name and password."""
    from sweep.tracking.uri import without_credentials

    key, equals, value = argument.partition("=")
    return f"{key}{equals}{without_credentials(value)}" if "://" in value else argument
