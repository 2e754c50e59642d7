"""The plan of a sweep: its cells, with their keys and what is known of them. Starts nothing, imports no torch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweep.arguments import override_key
from sweep.compose import Composer, read_axes
from sweep.config import CellConfig, Settings, home_of, read_cell, read_settings, sweep_wide_axes
from sweep.devices import Devices
from sweep.disk import check_writable
from sweep.errors import Problems
from sweep.grid import Axis, Cell, Point, cell_name, expand
from sweep.identity import identify, load_data
from sweep.launching import Launching
from sweep.npu.targets import make_targets
from sweep.tracking.provenance import code_tags, same_code
from sweep.tracking.registry import name_problem
from sweep.tuning.done import tuned_enough

if TYPE_CHECKING:
    from hydra.core.config_loader import ConfigLoader

    from sweep.data.dataset import Dataset
    from sweep.npu.targets import Target
    from sweep.tracking.read import RunInfo
    from sweep.tracking.store import Store

NEW, FINISHED, INTERRUPTED, FAILED = "new", "finished", "interrupted", "failed"
UNTUNED = "to be tuned on"  # finished, but more trials, or a refit, are asked for
CHANGED = "changed"  # finished, but by other code, and rerun=changed
CANARY = "canary"  # finished, and trained again with rerun=changed to notice a change of the environment
UNMEASURED = "to be measured"  # trained, but a target that is asked for was not measured yet
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
    targets: tuple[Target, ...]
    launching: Launching
    swept: tuple[str, ...]
    cells: tuple[PlannedCell, ...]
    warnings: tuple[str, ...]

    @property
    def to_run(self) -> list[PlannedCell]:
        """The cells that have work left."""
        return [planned for planned in self.cells if planned.state != FINISHED or self.settings.rerun]

    @property
    def to_train(self) -> list[PlannedCell]:
        """Those of them that are trained, and not only measured."""
        return [planned for planned in self.to_run if planned.state != UNMEASURED or self.settings.rerun]


def make_plan(
    loader: ConfigLoader,
    params: Mapping[str, Any],
    arguments: Sequence[str],
    progress: Callable[[str], None] | None = None,
    *,
    launching: Launching | None = None,
    draw: bool = True,
) -> Plan:
    """Turn overrides into checked and keyed cells; their states are filled in by `with_states`.

    Args:
        loader: Hydra's config loader.
        params: The axes of a named sweep.
        arguments: The overrides.
        progress: Told what takes long.
        launching: How cells will be launched; None: on this machine.
        draw: Whether the built-in data set is drawn where it is absent; otherwise nothing need be written to home.

    Raises:
        SweepError: With all problems of config, recipes, levels and data sets at once.
    """
    launching = launching or Launching()
    fixed, axes = read_axes(loader, params, arguments)
    composer = Composer(loader)
    first = composer.compose([*fixed, *(axis.overrides[0] for axis in axes)])
    problems = Problems()
    problems.add(*sweep_wide_axes([axis.key for axis in axes]))
    points: list[Point] = []
    targets: tuple[Target, ...] = ()
    with problems:
        settings = read_settings(first)
        if settings.report.register is not None and (problem := name_problem(settings.report.register)):
            problems.add(problem)
        targets = make_targets(settings.npu, settings.home)
        problems.add(*launching.problems(settings.tracking_uri))
        devices = launching.devices(settings.device)
        points = expand(axes, settings.zip, settings.exclude)
    configs = _cell_configs(composer, fixed, points or expand(axes), home_of(first), problems)
    if configs:
        cells = [config for _, config in configs]
        problems.add(*_tune_problems(cells, [*fixed, *(axis.key for axis in axes)], first))
    problems.raise_if_any()
    if draw:
        check_writable(settings.home)
    data_sets = _data_sets([config for _, config in configs], settings, progress, draw)
    planned, warnings = _keyed(configs, data_sets, devices, fixed, points, axes)
    for data in data_sets.values():
        warnings += [f"data {data.name}: {warning}" for warning in data.warnings]
    warnings += launching.warnings(settings.timeout_min, settings.on_error)
    warnings += _refit_warnings([config for _, config in configs])
    warnings += [problem for target in targets for problem in _missing(target)]
    swept = tuple(axis.key for axis in axes)
    return Plan(settings, devices, targets, launching, swept, tuple(planned), tuple(warnings))


def with_states(plan: Plan, store: Store, *, there: bool = True) -> Plan:
    """The plan with each cell's state as tracking knows it: new, finished, interrupted or failed.

    Args:
        plan: The plan.
        store: Where runs are tracked.
        there: Whether it is; where MLflow is away, this home tells the states.
    """
    from sweep.measuring import wanted_names
    from sweep.tracking.known import finished_of, runs_of_keys
    from sweep.tracking.measured import lacking

    wanted = wanted_names([target for target in plan.targets if target.version() is not None])
    runs = runs_of_keys(store, [planned.cell.key for planned in plan.cells], there=there)
    code = code_tags() if plan.settings.changed else {}
    cells = []
    for planned in plan.cells:
        known = runs.get(planned.cell.key, [])
        finished = finished_of(known)
        epochs = int(planned.config.recipe["epochs"])
        if finished is not None and not tuned_enough(finished.tags, planned.config.tune, epochs):
            cells.append(replace(planned, state=UNTUNED, run_id=finished.run_id))
        elif finished is not None:
            state = UNMEASURED if lacking(finished.tags, wanted) else FINISHED
            cells.append(replace(planned, state=state, run_id=finished.run_id))
        elif known:
            cells.append(replace(planned, state=STATES.get(known[0].status, INTERRUPTED)))
        else:
            cells.append(planned)
        if finished is not None and plan.settings.changed:
            cells[-1] = _again(cells[-1], finished, code)
    return replace(plan, cells=tuple(cells))


def _again(planned: PlannedCell, finished: RunInfo, code: Mapping[str, str | None]) -> PlannedCell:
    """With rerun=changed: a finished cell, which is trained again if it is the first one or its code has changed."""
    if planned.cell.index == 0:
        return replace(planned, state=CANARY)
    return planned if same_code(finished.tags, code) else replace(planned, state=CHANGED)


def workers_of(planned: PlannedCell, rerun: bool) -> int:
    """How many jobs a cell that is to run has."""
    tune = planned.config.tune
    return 1 if tune is None or (planned.state == UNMEASURED and not rerun) else min(tune.workers, tune.trials)


def _missing(target: Target) -> list[str]:
    """A warning when a target's compiler is not there."""
    reason = target.missing()
    return [] if reason is None else [f"{target.name} will not be measured. {reason}"]


def _cell_configs(
    composer: Composer, fixed: Sequence[str], points: Sequence[Point], home: Path, problems: Problems
) -> list[tuple[dict[str, Any], CellConfig]]:
    configs = []
    for point in points:
        with problems:
            plain = composer.compose([*fixed, *point.overrides])
            configs.append((plain, read_cell(plain, home)))
    return configs


def _tune_problems(cells: Sequence[CellConfig], chosen: Sequence[str], first: Mapping[str, Any]) -> list[str]:
    """What is wrong with the tuning of some cells; each recipe with its space is looked at once."""
    tuned = [cell for cell in cells if cell.tune is not None]
    if not tuned:
        options = [key for key in map(override_key, chosen) if key.startswith("tune.")]
        return [f"{key} has no effect: nothing is tuned. Add tune=optuna." for key in options]
    from sweep.tuning.checks import tune_problems

    workers = first["workers"] if isinstance(first["workers"], int) else None
    found = {repr((cell.tune, cell.recipe)): cell for cell in tuned}
    return [
        problem
        for cell in found.values()
        if cell.tune is not None
        for problem in tune_problems(cell.tune, cell.recipe, cells=len(tuned), workers=workers, home=home_of(first))
    ]


def _refit_warnings(cells: Sequence[CellConfig]) -> list[str]:
    tuned = [(cell.tune, int(cell.recipe["epochs"])) for cell in cells if cell.tune is not None]
    if any(tune.refit and not tune.shortened(epochs) for tune, epochs in tuned):
        return ["tune.refit=true does nothing: trials have the recipe's length. Shorten them: tune.epochs="]
    return []


def _data_key(config: CellConfig) -> str:
    return repr(sorted(config.data.items(), key=str))


def _data_sets(
    configs: Sequence[CellConfig], settings: Settings, progress: Callable[[str], None] | None, draw: bool
) -> dict[str, Dataset]:
    """Every data set of the sweep, checked once."""
    found: dict[str, Dataset] = {}
    problems = Problems()
    for key, config in {_data_key(config): config for config in configs}.items():
        with problems:
            found[key] = load_data(config.data, settings.home, progress, draw=draw)
    problems.raise_if_any()
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
    problems = Problems()
    twice = 0
    swept = [axis.key for axis in axes if len(axis.overrides) > 1]
    for (plain, config), point in zip(configs, points, strict=True):
        data = data_sets[_data_key(config)]
        identity = None
        with problems:
            identity = identify(config, data, devices.type)
        if identity is None:
            continue
        if identity.key in planned:
            twice += 1
            continue
        name = cell_name(
            config.base["name"], config.level["name"], config.act["name"], config.seed, identity.key, swept
        )
        cell = Cell(len(planned), name, identity.key, (*fixed, *point.overrides), plain)
        planned[identity.key] = PlannedCell(cell, config, data, identity.model.changes_nothing)
    problems.raise_if_any()
    warnings = _nothing_changed(planned.values())
    if twice:
        warnings.append(f"{twice} grid points are the same cell as another one and are run once.")
    return list(planned.values()), warnings


def _nothing_changed(cells: Iterable[PlannedCell]) -> list[str]:
    pairs = {(str(cell.config.base["name"]), str(cell.config.level["name"])) for cell in cells if cell.changes_nothing}
    return [f"level {level} changes nothing on {base}: it trains the base as it is." for base, level in sorted(pairs)]
