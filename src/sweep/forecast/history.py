"""How long like cells took before, read from MLflow."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from sweep.measuring import wanted_names
from sweep.recipe import resolved_recipe
from sweep.tracking import names
from sweep.tracking.expected import expected_of
from sweep.tracking.measured import MEASURED, measured_facts
from sweep.tracking.read import FINISHED_CELLS, SWEEPS, as_count, param_is, sayable, search

if TYPE_CHECKING:
    from sweep.plan import Plan, PlannedCell
    from sweep.tracking.read import RunInfo
    from sweep.tracking.store import Store

FEW_KINDS: Final = 24  # of so many each is asked for; for more, all cells are read once
RECENT: Final = 20  # runs of a kind that are looked at, the newest ones
ALIKE: Final = 0.1  # data sets may differ by that share of their training pictures, and times in proportion
PATIENCE: Final = 100  # Ultralytics' own, where the recipe sets none
RECENT_SWEEPS: Final = 500  # sweeps of which it is known how many cells ran side by side


@dataclass(frozen=True)
class Kind:
    """What like cells have in common: their time differs only by the number of epochs, and by chance.

    Attributes:
        base: the model that is transformed. So `level` and `act`.
        fraction: the share of the training pictures that is used.
        imgsz: side of a picture, in pixels.
        batch: pictures in a step.
        device: `cpu`, `mps` or `cuda`.
        images: training pictures of the data set; cells of about as many are alike.
    """

    base: str
    level: str
    act: str
    fraction: str
    imgsz: str
    batch: str
    device: str
    images: int = field(compare=False)

    @classmethod
    def of_cell(cls, planned: PlannedCell, device: str) -> Kind:
        """The kind of a planned cell."""
        config = planned.config
        resolved = resolved_recipe(config.recipe)  # as it is logged
        recipe = {name: str(resolved.get(name)) for name in ("fraction", "imgsz", "batch")}
        return cls(
            str(config.base["name"]), str(config.level["name"]), str(config.act["name"]),
            device=device, images=len(planned.data.train), **recipe,
        )  # fmt: skip

    @classmethod
    def of_run(cls, run: RunInfo) -> Kind:
        """The kind of a cell that ran."""
        params = run.params
        recipe = {name: params.get(f"{names.RECIPE_PREFIX}{name}", "None") for name in ("fraction", "imgsz", "batch")}
        return cls(
            params.get("base", ""), params.get("level", ""), params.get("act", ""),
            device=run.tags.get(names.DEVICE, ""), images=as_count(run.tags.get(names.TRAIN_IMAGES)) or 0, **recipe,
        )  # fmt: skip


@dataclass(frozen=True)
class Past:
    """A cell that ran from its beginning to its end without a break.

    Attributes:
        epochs: how many were trained; of a tuned cell those of all trials.
        train_s: what these took.
        other_s: the rest of its run: evaluation, export, measuring.
        trials: how many; 0 if it was not tuned.
        circumstances: what else makes for other times: host, cells side by side, targets.
    """

    epochs: int
    train_s: float
    other_s: float
    trials: int
    circumstances: tuple[object, ...]


def read_history(store: Store, plan: Plan, side_by_side: int) -> dict[Kind, list[Past]]:
    """The runs that tell how long the cells of a plan will take, by kind; kinds without any are absent.

    Of each kind those count that ran under the most like circumstances.
    """
    kinds = {kind: kind.images for planned in plan.to_run if (kind := Kind.of_cell(planned, plan.devices.type))}
    if not kinds:
        return {}
    neighbours = _side_by_side(store)
    targets = wanted_names([target for target in plan.targets if target.missing() is None])
    here = (platform.node(), side_by_side, frozenset(targets))
    found: dict[Kind, list[Past]] = {}
    for run in _finished(store, kinds):
        kind = Kind.of_run(run)
        past = _past(run, neighbours)
        if past is None or kind not in kinds or len(found.setdefault(kind, [])) >= RECENT:
            continue
        images = kinds[kind]
        if abs(kind.images - images) <= ALIKE * images:
            found[kind].append(replace(past, train_s=past.train_s * images / kind.images))
    return {kind: _likest(runs, here) for kind, runs in found.items() if runs}


def _likest(runs: list[Past], here: tuple[object, ...]) -> list[Past]:
    """The runs that share the most circumstances."""
    shared = [sum(a == b for a, b in zip(run.circumstances, here, strict=True)) for run in runs]
    return [run for run, count in zip(runs, shared, strict=True) if count == max(shared)]


def _finished(store: Store, kinds: Iterable[Kind]) -> Iterator[RunInfo]:
    """The finished cells that may be of one of these kinds, newest first in each kind."""
    wanted = {(kind.base, kind.level, kind.act, kind.imgsz, kind.batch) for kind in kinds}
    if len(wanted) > FEW_KINDS or not all(sayable(text) for texts in wanted for text in texts):
        yield from search(store, FINISHED_CELLS)
        return
    params = ("base", "level", "act", "recipe.imgsz", "recipe.batch")
    for texts in wanted:
        same = [param_is(name, text) for name, text in zip(params, texts, strict=True)]
        yield from search(store, " AND ".join([FINISHED_CELLS, *same]), limit=4 * RECENT)


def _side_by_side(store: Store) -> dict[str, int]:
    """How many cells ran side by side in each of the last sweeps."""
    found = {}
    for run in search(store, SWEEPS, limit=RECENT_SWEEPS):
        expected = expected_of(run.tags)
        if run.sweep_id and expected is not None:
            found[run.sweep_id] = expected.side_by_side
    return found


def _past(run: RunInfo, side_by_side: Mapping[str, int]) -> Past | None:
    """What a run tells of its kind; None if it was cut short in between, or lacks its times."""
    total_s = (run.end_ms - run.start_ms) / 1000 if run.end_ms else 0.0
    trials = int(run.metrics.get("tune/trials", 0))
    train_s = run.metrics.get("tune/train_s" if trials else names.TRAIN_TIME, 0.0)
    epochs = int(run.metrics.get("tune/epochs", 0)) if trials else _epochs(run)
    if names.RESUMED in run.tags or names.IMPORTED in run.tags or not (epochs > 0 < train_s) or total_s <= 0:
        return None
    targets = frozenset(name for name, facts in measured_facts(run.tags).items() if facts.state == MEASURED)
    circumstances = (run.tags.get(names.HOST), side_by_side.get(run.sweep_id or ""), targets)
    return Past(epochs, train_s, max(0.0, total_s - train_s), trials, circumstances)


def _epochs(run: RunInfo) -> int:
    """How many epochs a cell was trained: fewer than its recipe says where it stopped early."""
    try:
        asked = int(run.params["recipe.epochs"])
        patience = int(run.params.get("recipe.patience", PATIENCE)) or asked
    except (KeyError, ValueError):
        return 0
    return min(asked, int(run.metrics.get(names.BEST_EPOCH, asked)) + patience)
