"""Workers on a study of a cell: real processes on the product's own code, with an objective that takes no training."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from optuna import Study
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import FrozenTrial, TrialState

from sweep.tune_settings import Method, TuneSettings
from sweep.tuning import lease as leases
from sweep.tuning.lease import Lease, Watch
from sweep.tuning.slots import REASON, SECONDS, SLOT
from sweep.tuning.storage import open_storage
from sweep.tuning.study import CellStudy, Taken, TuningFailed

RECIPE = {"box": 7.5, "lr0": 0.002}
SPACE = {"box": "interval(1.0, 20.0)", "lr0": "tag(log, interval(0.0003, 0.02))"}
LIMIT_S = 100.0
PRELOADED = [
    "alembic.command",
    "filelock",
    "hydra.core.override_parser.overrides_parser",
    "optuna.storages._rdb.storage",
    "psycopg",
    "sqlalchemy.dialects.postgresql.psycopg",
    "sweep.overrides",
    "sweep.tuning.methods",
]


def tune_settings(trials: int = 6, **changes: Any) -> TuneSettings:
    """Settings of a study of two parameters, by random search."""
    settings = TuneSettings(
        space=SPACE,
        trials=trials,
        workers=1,
        epochs=None,
        objective="metrics/mAP50-95",
        sampler=Method("random"),
        pruner=Method("none"),
        seed=0,
        warm_start=False,
        patience=None,
        budget_min=None,
        refit=False,
        storage=None,
    )
    return replace(settings, **changes)


@dataclass(frozen=True)
class Cell:
    """A study that workers are to share.

    Attributes:
        storage: `tune.storage`.
        folder: for the lock and for what the workers write down.
        tune: the settings.
        lock: name of the common lock; "" gives each process one of its own, as hosts without a shared folder have.
        place: another machine than this one, as the leases tell it.
        lease_s: after how long an unchanged lease of another machine is dead.
        renew_s: how often a lease is renewed.
        seconds: the longest that a trial takes.
        failing: every slot of that many fails once; 0: none.
    """

    storage: str
    folder: Path
    tune: TuneSettings = field(default_factory=tune_settings)
    lock: str = "common"
    place: str = ""
    lease_s: float = 90.0
    renew_s: float = 15.0
    seconds: float = 0.05
    failing: int = 0

    def open(self) -> CellStudy:
        """Open the study in this process."""
        import optuna

        from sweep.tuning.space import read_space

        storage = open_storage(self.storage, self.folder)
        study = optuna.create_study(
            study_name="cell", storage=storage, direction=self.tune.direction, load_if_exists=True
        )
        return CellStudy(
            study=study,
            storage=storage,
            tune=self.tune,
            parameters=read_space(self.tune.space),
            recipe=RECIPE,
            lock=self.folder / f"{self.lock or os.getpid()}.lock",
            on_lost=lambda trial: self.note("lost", number=trial.number),
            watch=Watch(self.lease_s),
        )

    def note(self, what: str, **facts: Any) -> None:
        """Write down what a process has seen; a line that was begun is always whole."""
        self.folder.mkdir(parents=True, exist_ok=True)
        line = json.dumps({"what": what, "pid": os.getpid(), **facts}) + "\n"
        with (self.folder / "notes.jsonl").open("a") as file:
            file.write(line)

    def notes(self, what: str) -> list[dict[str, Any]]:
        """What the processes have written down of that kind, oldest first."""
        path = self.folder / "notes.jsonl"
        lines = path.read_text().splitlines() if path.exists() else []
        return [note for note in map(json.loads, lines) if note["what"] == what]


class Workers:
    """Processes that work on a cell, forked from one in which Optuna is imported."""

    def __init__(self, cell: Cell, count: int) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(PRELOADED)
        self.processes = [context.Process(target=work, args=(cell,), daemon=True) for _ in range(count)]
        for process in self.processes:
            process.start()

    def alive(self) -> list[int]:
        """The numbers of the processes that run."""
        return [process.pid for process in self.processes if process.is_alive() and process.pid]

    def join(self) -> None:
        """Wait for all of them; those that do not end, and those that an exception ended, are an error."""
        until = time.monotonic() + LIMIT_S
        for process in self.processes:
            process.join(max(0.0, until - time.monotonic()))
        late = self.alive()
        self.kill()
        assert not late, f"{len(late)} workers did not come to an end"
        assert {process.exitcode for process in self.processes} <= {0, -9}, [p.exitcode for p in self.processes]

    def kill(self) -> None:
        """Kill -9 all that run."""
        for process in self.processes:
            process.kill()
            process.join()


def work(cell: Cell) -> None:
    """Take trials until there are none, and wait for those of others, as a worker of the product does."""
    if cell.place:
        leases._place = lambda: cell.place  # type: ignore[assignment]
    opened = cell.open()
    cell.note("began")
    try:
        while True:
            while (taken := opened.take()) is not None:
                run(cell, opened, taken)
            if not opened.survey().running:
                return
            time.sleep(0.1)
    except TuningFailed as error:
        cell.note("given up", reason=str(error))


def run(cell: Cell, opened: CellStudy, taken: Taken) -> None:
    """One trial: some epochs, after which it ends complete, pruned, or failed."""
    chance = random.Random(os.urandom(8))
    epochs = 3
    with Lease(opened.storage, taken.trial._trial_id, cell.renew_s) as lease:
        cell.note("trial", number=taken.number, slot=taken.slot, params=taken.params)
        for epoch in range(1, epochs + 1):
            time.sleep(chance.uniform(0, cell.seconds / epochs))
            try:
                taken.trial.report(value_of(taken.params) * epoch / epochs, epoch)
            except UpdateFinishedTrialError:  # closed before the lease was to be renewed
                cell.note("taken", number=taken.number, lease=lease.taken.wait(LIMIT_S))
                return
        taken.trial.set_user_attr(SECONDS, cell.seconds)
        fails = cell.failing and taken.slot % cell.failing == cell.failing - 1
        if fails and not opened.survey().failed.get(taken.slot):
            taken.trial.set_user_attr(REASON, "ValueError: the first trial of this slot")
            state, value = TrialState.FAIL, None
        elif taken.prunable and chance.random() < 0.3:
            state, value = TrialState.PRUNED, None
        else:
            state, value = TrialState.COMPLETE, value_of(taken.params)
        opened.study.tell(taken.trial, value, state=state)
        cell.note("told", number=taken.number)


def value_of(params: dict[str, Any]) -> float:
    """A value that follows from the parameters."""
    return 1 / (1 + abs(params["box"] - 5) + 100 * abs(params["lr0"] - 0.005))


def trials_of(cell: Cell) -> list[FrozenTrial]:
    """The trials of the study, by number, read by a process that has not seen them before."""
    return study_of(cell).get_trials(deepcopy=False)


def study_of(cell: Cell) -> Study:
    """The study, opened anew."""
    return cell.open().study


def check_total(cell: Cell, total: int) -> None:
    """Each slot ended complete or pruned, exactly once, nothing is left open, and slot 0 is the recipe."""
    trials = trials_of(cell)
    states = Counter(trial.state.name for trial in trials)
    ended = [trial for trial in trials if trial.state.name in {"COMPLETE", "PRUNED"}]
    assert sorted(trial.user_attrs[SLOT] for trial in ended) == list(range(total)), states
    assert not states["RUNNING"] and not states["WAITING"], states
    recipe = next(trial for trial in ended if trial.user_attrs[SLOT] == 0)
    assert recipe.params == RECIPE and recipe.state == TrialState.COMPLETE


def check_lost(cell: Cell) -> int:
    """Each lost trial was told once, and its slot was run again with the same parameters; returns how many."""
    trials = trials_of(cell)
    lost = [trial for trial in trials if trial.user_attrs.get("lost")]
    assert all(trial.state == TrialState.FAIL for trial in lost)
    assert sorted(note["number"] for note in cell.notes("lost")) == [trial.number for trial in lost]
    for trial in lost:
        slot = trial.user_attrs[SLOT]
        again = next(t for t in trials if t.user_attrs.get(SLOT) == slot and t.state.name in {"COMPLETE", "PRUNED"})
        assert len(trial.params) < len(RECIPE) or again.params == trial.params
    return len(lost)
