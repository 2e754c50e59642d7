"""A second look at cells that seem worse than usual: trained again, with other seeds, before anything is said of them.

Where training is deterministic, a cell repeats itself to the last digit with its own seed, and would tell nothing new.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sweep.nightly.settings import with_sweep

if TYPE_CHECKING:
    from sweep.tracking.read import RunInfo
    from sweep.tracking.store import Store

SEED_STEP: Final = 1000  # from the seed of a cell to those of its further trainings
ONCE: Final = ("zip=[]", "exclude=[]", "rerun=true", "report.register=null")


@dataclass(frozen=True)
class Ended:
    """How a sweep of a night has ended.

    Attributes:
        code: its exit code.
        sweep_id: its id; None where it was refused, or not begun because the night was over.
        over: whether the night is.
    """

    code: int
    sweep_id: str | None
    over: bool


Train = Callable[[Sequence[str]], Ended]
"""Runs one more sweep in the night with these overrides, while it lasts."""


@dataclass(frozen=True)
class SecondLook:
    """How cells are looked at again.

    Attributes:
        overrides: those of the night.
        count: how many trainings more a cell gets.
        train: runs a sweep.
        say: where to say it.
    """

    overrides: Sequence[str]
    count: int
    train: Train
    say: Callable[[str], None]

    def take(self, store: Store, sweep: RunInfo, cells: Collection[str]) -> dict[str, tuple[RunInfo, ...]]:
        """Train cells of a sweep again, each in a sweep of its own, which is marked as a second look.

        Returns:
            The finished trainings of each cell; none for one that the night had no time for.
        """
        found: dict[str, tuple[RunInfo, ...]] = {}
        for cell, options in trained_again(self.overrides, cells, self.count).items():
            self.say(f"{cell} looks worse than usual. To be sure, it is trained {_times(self.count)} more.")
            ended = self.train(options)
            if ended.sweep_id is not None:
                found[cell] = _trainings(store, ended.sweep_id, str(sweep.sweep_id))
            if ended.over:
                self.say("The night is over: what looks worse is judged by the trainings that there are.")
                break
            if ended.sweep_id is None:
                self.say(
                    f"It was refused (exit code {ended.code}): {cell} is judged by the one training that there is."
                )
        return found


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _trainings(store: Store, sweep_id: str, of: str) -> tuple[RunInfo, ...]:
    from sweep.tracking import names, write
    from sweep.tracking.read import cells_under, sweep_run

    run = sweep_run(store, sweep_id)
    write.set_tags(store, run.run_id, {names.SECOND_LOOK: of})
    return tuple(cell for cell in cells_under(store, run.run_id) if cell.status == "finished")


def trained_again(overrides: Sequence[str], cells: Collection[str], count: int) -> dict[str, list[str]]:
    """The overrides of sweeps that train cells of a night again.

    Args:
        overrides: Those of the night.
        cells: Their names.
        count: How many trainings, each with a seed of its own.

    Returns:
        For each cell the overrides of its sweep.

    Raises:
        SweepError: The night's sweep can no longer be composed.
    """
    from hydra.types import RunMode

    from sweep.arguments import override_key, prepare
    from sweep.compose import hydra_app, is_of_hydra
    from sweep.config import MAX_SEED
    from sweep.launching import launching_of
    from sweep.overrides import CONFIG_NAME
    from sweep.plan import make_plan

    prepared = prepare(with_sweep(overrides))
    hydra = hydra_app()
    config = hydra.compose_config(CONFIG_NAME, prepared, run_mode=RunMode.MULTIRUN)
    params = dict(config.hydra.sweeper.params)
    plan = make_plan(hydra.config_loader, params, prepared, launching=launching_of(config), draw=False)
    ours = {override_key(text) for text in ONCE} | {"seed"}
    found = {}
    for planned in plan.cells:
        if planned.cell.name in cells:
            chosen = [text for text in planned.cell.overrides if override_key(text) not in ours]
            seeds = [(planned.config.seed + SEED_STEP * number) % MAX_SEED for number in range(1, count + 1)]
            found[planned.cell.name] = [
                *filter(is_of_hydra, prepared),
                *chosen,
                *ONCE,
                f"seed={','.join(map(str, seeds))}",
            ]
    return found
