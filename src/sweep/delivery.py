"""What a sweep does with what MLflow does not have yet: deliver it, say what is left, and deliver that another day."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from sweep.locks import cell_folder
from sweep.rebuild import rebuild_report, report_folder

if TYPE_CHECKING:
    from rich.console import Console

    from sweep.outcome import Outcome
    from sweep.plan import Plan
    from sweep.tracking.spool.drain import Left
    from sweep.tracking.store import Store

EXIT_OK, EXIT_FAILED, EXIT_UNDELIVERED = 0, 1, 4


def deliver_all(store: Store, wait_s: float, console: Console) -> Left:
    """Deliver all runs of this home that have ended.

    Args:
        store: Where to; it may be away.
        wait_s: How long to wait while nothing gets through.
        console: Where to say how many are left.

    Returns:
        What is left.
    """
    from sweep.tracking.spool.deliver import has_ended
    from sweep.tracking.spool.drain import drain

    with console.status("delivering to MLflow") as status:
        return drain(
            store,
            wait_s,
            only=has_ended,
            say=lambda left: status.update(f"delivering to MLflow: {left} {'run' if left == 1 else 'runs'} left"),
        )


def print_left(console: Console, store: Store, left: Left) -> None:
    """What could not be delivered, why, and how to do it later."""
    from sweep.tracking.spool.destination import sync_command
    from sweep.tracking.uri import without_credentials

    if not left:
        return
    count = len(left.folders)
    console.print(
        f"{count} {'run' if count == 1 else 'runs'} could not be delivered to {without_credentials(store.uri)}: "
        f"{left.reason}",
        style="red",
        markup=False,
        soft_wrap=True,
    )
    console.print(
        f"Nothing is lost: all of it is in {store.home}. Deliver it when MLflow answers, and build the report: "
        f"{sync_command(store)}",
        markup=False,
        soft_wrap=True,
    )


def with_mlflow_ids(store: Store, plan: Plan, outcomes: Mapping[int, Outcome]) -> dict[int, Outcome]:
    """The outcomes with the ids that MLflow has given to the runs of this home."""
    from sweep.tracking.spool.cursor import read_cursor

    found = dict(outcomes)
    for planned in plan.cells:
        outcome = found[planned.cell.index]
        if outcome.run_id is not None:
            folder = cell_folder(store.home, planned.cell.key) / outcome.run_id
            found[planned.cell.index] = replace(outcome, run_id=read_cursor(folder).run_id or outcome.run_id)
    return found


def sync(store: Store, wait_s: float, console: Console) -> int:
    """Deliver what earlier sweeps could not, and build the reports that they could not build.

    Args:
        store: Where to; it may be away.
        wait_s: How long to wait while nothing gets through.
        console: Where to say what was done.

    Returns:
        The exit code: 0 MLflow has everything, 1 a report could not be written, 4 something is left.
    """
    from sweep.tracking.runs import close_dead_sweeps
    from sweep.tracking.spool.courier import undelivered

    close_dead_sweeps(store, there=False)
    count = len(undelivered(store))
    left = deliver_all(store, wait_s, console)
    delivered = count - len(left.folders)
    told = f"{delivered} {'run' if delivered == 1 else 'runs'} delivered."
    console.print(told if count else "MLflow has everything.")
    _print_others(console, store)
    if left:
        print_left(console, store, left)
        return EXIT_UNDELIVERED
    return EXIT_OK if _build_reports(store, console) else EXIT_FAILED


def _print_others(console: Console, store: Store) -> None:
    """Runs of this home that are to go somewhere else."""
    from sweep.tracking.spool.destination import destination
    from sweep.tracking.spool.drain import undelivered_by_destination

    for place, count in undelivered_by_destination(store.home).items():
        if place == destination(store):
            continue
        experiment, _, address = place.partition(" @ ")
        console.print(
            f"{count} more {'is' if count == 1 else 'are'} for experiment {experiment} at {address}, not for "
            f"{destination(store).partition(' @ ')[2]}: name them with --tracking-uri and --experiment.",
            style="yellow",
            markup=False,
            soft_wrap=True,
        )


def _build_reports(store: Store, console: Console) -> bool:
    """Build the reports of delivered sweeps of this home that have none; returns whether all went well."""
    from sweep.tracking.read import sweep_run
    from sweep.tracking.spool.deliver import has_ended
    from sweep.tracking.spool.journal import JOURNAL
    from sweep.tracking.spool.replay import replay

    well = True
    for journal in sorted(store.home.glob(f"sweeps/*/{JOURNAL}")):
        folder = journal.parent
        if not has_ended(folder) or report_folder(store.home, folder.name).exists() or replay(store, folder) is None:
            continue
        try:
            rebuild_report(store, sweep_run(store, folder.name), console)
        except Exception:  # one that cannot be built takes no other with it
            traceback.print_exc()
            console.print(f"The report of sweep {folder.name} could not be written.", style="red")
            well = False
    return well
