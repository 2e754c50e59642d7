"""What a sweep will take: the time of each cell, the wall time, the room on the disk, and the cost."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sweep.disk import needed_mb
from sweep.errors import in_one_line
from sweep.forecast.history import Kind, Past, read_history
from sweep.forecast.spans import Span, span_of, spread_of, wall
from sweep.memory import estimate_gb
from sweep.plan import UNMEASURED, Plan, PlannedCell, workers_of
from sweep.slots import make_slots
from sweep.tracking.expected import Expected

if TYPE_CHECKING:
    from sweep.tracking.store import Store

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Forecast:
    """What a sweep is expected to take.

    Attributes:
        cells: the time of each cell to run, by its index in the grid; None where no like cell ran before.
        wall: until the last one has ended; without those that are unknown.
        side_by_side: how many jobs run at once.
        unbounded: whether these are all of them, if a cluster has the room: nothing else was said.
        disk_mb: what they will take on the disk at most, in MB (10⁶ bytes).
        price_per_hour: of what they run on; None where it was not told.
    """

    cells: Mapping[int, Span | None]
    wall: Span
    side_by_side: int
    disk_mb: float
    price_per_hour: float | None
    unbounded: bool = False

    @property
    def unknown(self) -> int:
        """How many cells there is no history of."""
        return sum(span is None for span in self.cells.values())

    @property
    def cost(self) -> Span | None:
        """What the wall time costs; None where no price was told."""
        return None if self.price_per_hour is None else self.wall * (self.price_per_hour / 3600)

    def as_tag(self) -> str:
        """The forecast as it is kept at the sweep's run."""
        known = len(self.cells) > self.unknown
        low, likely, high = (
            round(seconds, 1) if known else None for seconds in (self.wall.low, self.wall.likely, self.wall.high)
        )
        return Expected(self.side_by_side, self.unknown, low, likely, high, self.price_per_hour).as_tag()


def make_forecast(plan: Plan, store: Store | None) -> Forecast:
    """What a plan will take, from the history of like cells.

    Args:
        plan: With its states.
        store: Where the history is; None where there is none yet, or it is away.
    """
    rerun, to_run = plan.settings.rerun, plan.to_run
    side_by_side = _side_by_side(plan)
    history = {} if store is None else _history(store, plan, side_by_side)
    times = {index: _times(planned, history.get(_kind(plan, planned), [])) for index, planned in _by_index(to_run)}
    spread = spread_of({_kind(plan, planned): times[index] for index, planned in _by_index(to_run)}.values())
    cells = {index: span_of(found, spread) if found else None for index, found in times.items()}
    return Forecast(
        cells=cells,
        wall=wall(_jobs(to_run, cells, rerun), side_by_side),
        side_by_side=side_by_side,
        disk_mb=needed_mb([(planned.config.base, _trials(planned)) for planned in plan.to_train], side_by_side),
        price_per_hour=plan.settings.price_per_hour,
        unbounded=plan.launching.elsewhere and _limit(plan) is None,
    )


def _history(store: Store, plan: Plan, side_by_side: int) -> dict[Kind, list[Past]]:
    try:
        return read_history(store, plan, side_by_side)
    except Exception as error:  # a server that has gone meanwhile: a forecast is not worth a sweep
        log.warning("How long it will take is not known: %s", in_one_line(error))
        return {}


def _by_index(cells: Sequence[PlannedCell]) -> list[tuple[int, PlannedCell]]:
    return [(planned.cell.index, planned) for planned in cells]


def _kind(plan: Plan, planned: PlannedCell) -> Kind:
    return Kind.of_cell(planned, plan.devices.type)


def _trials(planned: PlannedCell) -> int:
    return 0 if planned.config.tune is None else planned.config.tune.trials


def _side_by_side(plan: Plan) -> int:
    jobs = max(1, sum(workers_of(planned, plan.settings.rerun) for planned in plan.to_run))
    if plan.launching.elsewhere:
        return min(jobs, _limit(plan) or jobs)
    memory_gb = max(estimate_gb(planned.config.recipe, planned.config.base, plan.devices) for planned in plan.cells)
    return len(make_slots(plan.devices, jobs, plan.settings.workers, memory_gb))


def _limit(plan: Plan) -> int | None:
    """How many jobs may run at once on other machines: the launcher's own word counts before `workers`."""
    return plan.launching.parallel or plan.settings.workers


def _times(planned: PlannedCell, history: Sequence[Past]) -> list[float]:
    """The seconds that a cell would have taken as each of its like did; of a tuned cell those of all its workers.

    A trial takes as long as the trials of tuned cells did, pruned ones included; where none was tuned, as a training.
    """
    recipe_epochs = int(planned.config.recipe["epochs"])
    if planned.state == UNMEASURED:
        return [past.other_s for past in history if not past.trials]
    tune = planned.config.tune
    if tune is None:
        return [past.other_s + past.train_s / past.epochs * recipe_epochs for past in history if not past.trials]
    epochs = tune.epochs or recipe_epochs
    tuned = [past for past in history if past.trials]
    if tuned:
        return [tune.trials * past.train_s / past.trials for past in tuned]
    return [tune.trials * past.train_s / past.epochs * epochs + past.other_s for past in history]


def _jobs(cells: Sequence[PlannedCell], spans: Mapping[int, Span | None], rerun: bool) -> list[Span]:
    """The jobs of all cells in the order in which they are launched: the first worker of each, then the second ones."""
    counts = {planned.cell.index: workers_of(planned, rerun) for planned in cells}
    return [
        span * (1 / counts[index])
        for worker in range(max(counts.values(), default=0))
        for index, span in spans.items()
        if span is not None and worker < counts[index]
    ]
