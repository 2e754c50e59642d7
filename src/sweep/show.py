"""What a sweep prints before and after its cells run."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from sweep.console import STYLES
from sweep.plan import FINISHED, UNMEASURED, Plan, PlannedCell

if TYPE_CHECKING:
    from sweep.outcome import Outcome
    from sweep.tracking.store import Store

MOST_ROWS = 60


def print_plan(
    console: Console, plan: Plan, times: Mapping[int, str], expected: Sequence[str], every_row: bool = False
) -> None:
    """The table of cells with their states, what they are expected to take, and the warnings.

    Args:
        console: Where to.
        plan: With its states.
        times: The expected time of each cell that is to run, by its index.
        expected: Sentences about the whole.
        every_row: Whether all cells are shown, however many they are.
    """
    table = Table(title=counted(len(plan.cells)), title_justify="left")
    for heading in ("cell", "data", "recipe", "state", "time"):
        table.add_column(heading, overflow="fold", justify="right" if heading == "time" else "left")
    shown = plan.cells if every_row or len(plan.cells) <= MOST_ROWS else plan.cells[: MOST_ROWS - 1]
    for planned in shown:
        again = " (again)" if planned.state == FINISHED and plan.settings.rerun else ""
        table.add_row(
            planned.cell.name,
            Text(planned.data.name),
            Text(_recipe(planned)),
            Text(planned.state + again, style=STYLES.get(planned.state, "")),
            times.get(planned.cell.index, ""),
        )
    console.print(table)
    if len(shown) < len(plan.cells):
        console.print(f"… and {len(plan.cells) - len(shown)} more")
    counts = Counter(planned.state for planned in plan.cells)
    console.print(
        ", ".join(f"{count} {state}" for state, count in sorted(counts.items())) + f"; {len(plan.to_run)} to run"
    )
    for sentence in expected:
        console.print(sentence, soft_wrap=True, markup=False)
    for warning in plan.warnings:
        console.print(Text(f"warning: {warning}", style="yellow"), soft_wrap=True)


def _recipe(planned: PlannedCell) -> str:
    """The recipe, and how it is tuned."""
    name, tune = str(planned.config.recipe["name"]), planned.config.tune
    if tune is None:
        return name
    workers = f" x {tune.workers} workers" if tune.workers > 1 else ""
    return f"{name}, {tune.trials} trials{workers}"


def print_start(console: Console, waiting: Sequence[PlannedCell], attempt: int, rerun: bool) -> None:
    """A line before a launch."""
    again = f", attempt {attempt + 1}" if attempt else ""
    measured = 0 if rerun else sum(planned.state == UNMEASURED for planned in waiting)
    trained = len(waiting) - measured
    tuned = sum(planned.config.tune is not None and planned.state != UNMEASURED for planned in waiting)
    verb = "Training" if not tuned else "Tuning" if tuned == trained else f"Tuning {tuned} and training"
    parts = [f"{verb} {counted(trained - tuned if 0 < tuned < trained else trained)}"] if trained else []
    parts += [f"{'measuring' if parts else 'Measuring'} {counted(measured)}"] if measured else []
    console.print(f"{', '.join(parts)}{again} …")


def print_end(
    console: Console, store: Store, outcomes: Sequence[tuple[str, Outcome]], taken: str | None = None
) -> None:
    """What failed, how long it took beside what was expected, and where to look on."""
    from sweep.tracking.links import compare_link, curves_link
    from sweep.tracking.uri import is_server

    print_failures(console, outcomes)
    if taken is not None:
        console.print(taken)
    run_ids = [outcome.run_id for _, outcome in outcomes if outcome.run_id]
    if run_ids:
        where = "" if is_server(store.uri) else f" ({ui_command(store)})"
        console.print(f"In MLflow's UI{where}:", soft_wrap=True, markup=False)
        console.print(f"  curves   {curves_link(store, run_ids, 'metrics/mAP50')}", soft_wrap=True, markup=False)
        console.print(f"  compare  {compare_link(store, run_ids)}", soft_wrap=True, markup=False)


def print_failures(console: Console, outcomes: Sequence[tuple[str, Outcome]]) -> None:
    """The cells that did not finish, with the reasons."""
    for name, outcome in outcomes:
        if outcome.state != "finished":
            console.print(Text(f"{name} {outcome.state}: {outcome.reason}", style="red"), soft_wrap=True)


def ui_command(store: Store) -> str:
    """The command that opens the UI on this store."""
    default = store.home == Path.cwd() / "mlruns"
    return "python -m sweep ui" + ("" if default else f" --home {shlex.quote(str(store.home))}")


def counted(count: int) -> str:
    """`1 cell`, `6 cells`."""
    return "1 cell" if count == 1 else f"{count} cells"
