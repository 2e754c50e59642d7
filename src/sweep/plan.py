"""The plan of a sweep: its cells, with their keys and what is known of them. Starts nothing, imports no torch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sweep.compose import Composer, read_axes
from sweep.config import CellConfig, Settings, read_cell, read_settings, sweep_wide_axes
from sweep.devices import Devices, choose
from sweep.errors import SweepError
from sweep.grid import Axis, Cell, Point, cell_name, expand
from sweep.identity import identify, load_data

if TYPE_CHECKING:
    from hydra.core.config_loader import ConfigLoader

    from sweep.data.dataset import Dataset
    from sweep.tracking.store import Store

NEW, FINISHED, INTERRUPTED, FAILED = "new", "finished", "interrupted", "failed"
STATES = {"failed": FAILED}  # status of the newest run -> state; all others were cut short


@dataclass(frozen=True)
class PlannedCell:
    """A cell and what tracking knows of it: its state, and the run that finished it if there is one."""

    cell: Cell
    config: CellConfig
    data: Dataset
    changes_nothing: bool
    state: str = NEW
    run_id: str | None = None


@dataclass(frozen=True)
class Plan:
    """All cells of a sweep in grid order, with what the user should know before they start."""

    settings: Settings
    devices: Devices
    swept: tuple[str, ...]
    cells: tuple[PlannedCell, ...]
    warnings: tuple[str, ...]

    @property
    def to_run(self) -> list[PlannedCell]:
        """The cells that have work left."""
        return [planned for planned in self.cells if planned.state != FINISHED or self.settings.rerun]


def make_plan(
    loader: ConfigLoader,
    params: Mapping[str, Any],
    arguments: Sequence[str],
    progress: Callable[[str], None] | None = None,
) -> Plan:
    """Turn overrides into checked and keyed cells; their states are filled in by `with_states`.

    Raises:
        SweepError: With all problems of config, recipes, levels and data sets at once.
    """
    fixed, axes = read_axes(loader, params, arguments)
    composer = Composer(loader)
    settings = read_settings(composer.compose([*fixed, *(axis.overrides[0] for axis in axes)]))
    problems = sweep_wide_axes([axis.key for axis in axes])
    if problems:
        raise SweepError(*problems)
    points = expand(axes, settings.zip, settings.exclude)
    devices = choose(settings.device)
    configs = _cell_configs(composer, fixed, points, settings)
    data_sets = _data_sets([config for _, config in configs], settings, progress)
    planned, warnings = _keyed(configs, data_sets, devices, fixed, points, axes)
    for data in data_sets.values():
        warnings += [f"data {data.name}: {warning}" for warning in data.warnings]
    return Plan(settings, devices, tuple(axis.key for axis in axes), tuple(planned), tuple(warnings))


def with_states(plan: Plan, store: Store) -> Plan:
    """The plan with each cell's state as tracking knows it: new, finished, interrupted or failed."""
    from sweep.tracking.read import find_runs_by_key

    runs = find_runs_by_key(store, [planned.cell.key for planned in plan.cells])
    cells = []
    for planned in plan.cells:
        known = runs.get(planned.cell.key, [])
        finished = next((run for run in known if run.status == "finished"), None)
        if finished is not None:
            cells.append(replace(planned, state=FINISHED, run_id=finished.run_id))
        elif known:
            cells.append(replace(planned, state=STATES.get(known[0].status, INTERRUPTED)))
        else:
            cells.append(planned)
    return replace(plan, cells=tuple(cells))


def _cell_configs(
    composer: Composer, fixed: Sequence[str], points: Sequence[Point], settings: Settings
) -> list[tuple[dict[str, Any], CellConfig]]:
    configs = []
    problems: dict[str, None] = {}
    for point in points:
        try:
            plain = composer.compose([*fixed, *point.overrides])
            configs.append((plain, read_cell(plain, settings.home)))
        except SweepError as error:
            problems |= dict.fromkeys(error.problems)
    if problems:
        raise SweepError(*problems)
    return configs


def _data_key(config: CellConfig) -> str:
    return repr(sorted(config.data.items(), key=str))


def _data_sets(
    configs: Sequence[CellConfig], settings: Settings, progress: Callable[[str], None] | None
) -> dict[str, Dataset]:
    """Every data set of the sweep, checked once."""
    found: dict[str, Dataset] = {}
    problems: list[str] = []
    for key, config in {_data_key(config): config for config in configs}.items():
        try:
            found[key] = load_data(config.data, settings.home, progress)
        except SweepError as error:
            problems += error.problems
    if problems:
        raise SweepError(*problems)
    return found


def _keyed(
    configs: Sequence[tuple[dict[str, Any], CellConfig]],
    data_sets: Mapping[str, Dataset],
    devices: Devices,
    fixed: Sequence[str],
    points: Sequence[Point],
    axes: Sequence[Axis],
) -> tuple[list[PlannedCell], list[str]]:
    """Cells with keys and names; points that are the same cell are kept once."""
    planned: dict[str, PlannedCell] = {}
    problems: dict[str, None] = {}
    twice = 0
    swept = [axis.key for axis in axes if len(axis.overrides) > 1]
    for (plain, config), point in zip(configs, points, strict=True):
        data = data_sets[_data_key(config)]
        try:
            identity = identify(config, data, devices.type)
        except SweepError as error:
            problems |= dict.fromkeys(error.problems)
            continue
        if identity.key in planned:
            twice += 1
            continue
        name = cell_name(
            config.base["name"], config.level["name"], config.act["name"], config.seed, identity.key, swept
        )
        cell = Cell(len(planned), name, identity.key, (*fixed, *point.overrides), plain)
        planned[identity.key] = PlannedCell(cell, config, data, identity.model.changes_nothing)
    if problems:
        raise SweepError(*problems)
    warnings = _nothing_changed(planned.values())
    if twice:
        warnings.append(f"{twice} grid points are the same cell as another one and are run once.")
    return list(planned.values()), warnings


def _nothing_changed(cells: Iterable[PlannedCell]) -> list[str]:
    pairs = {(str(cell.config.base["name"]), str(cell.config.level["name"])) for cell in cells if cell.changes_nothing}
    return [f"level {level} changes nothing on {base}: it trains the base as it is." for base, level in sorted(pairs)]
