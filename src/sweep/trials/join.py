"""Join the workers of a cell: the first one opens its run and its study, the others find them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sweep.ending import CellFailed
from sweep.locks import cell_lock, tuned_elsewhere, tuning_lock
from sweep.record import start_run
from sweep.tracking import names
from sweep.tracking.spool.replay import replay
from sweep.tracking.spool.run import SpooledRun
from sweep.trials.lost import adopt_trials, close_lost_run
from sweep.trials.siblings import siblings_best
from sweep.tuning.away import patiently
from sweep.tuning.done import tuned_enough
from sweep.tuning.naming import BEGAN_BY, resolve
from sweep.tuning.space import read_space
from sweep.tuning.storage import open_storage, storage_address
from sweep.tuning.study import WARM_START, CellStudy

if TYPE_CHECKING:
    from optuna.storages import BaseStorage

    from sweep.tracking.read import RunInfo
    from sweep.tune_settings import TuneSettings
    from sweep.work import Work

POLL_S: Final = 1.0


@dataclass(frozen=True)
class Joined:
    """What a worker works on: the cell's run, and its study."""

    run: SpooledRun
    study: CellStudy

    def info(self) -> RunInfo:
        """What the run holds by now, whichever worker has logged it."""
        found = replay(self.run.store, self.run.folder)
        assert found is not None, "a worker that joined a run has seen its journal"
        return found


@dataclass(frozen=True)
class Ended:
    """A cell with no trial left to do.

    Attributes:
        run: its finished run.
        reused: whether an earlier sweep has finished it.
    """

    run: RunInfo
    reused: bool


def join(work: Work, tune: TuneSettings, held: ExitStack) -> Joined | Ended:
    """Find the cell's run and study, or open them. It waits for another sweep that tunes the same cell.

    Args:
        work: The cell's work.
        tune: How it is tuned.
        held: Keeps this worker known as one of those that tune the cell, from now on.

    Raises:
        CellFailed: Another worker has recorded the cell as failed.
    """
    home, key, sweep_id = work.settings.home, work.identity.key, work.job["sweep_id"]
    told = False
    while True:
        with cell_lock(home, key, on_wait=lambda: None):
            if not tuned_elsewhere(home, key, sweep_id):
                held.enter_context(tuning_lock(home, key, sweep_id, work.job["worker"]))
                return _join(work, tune)
        if not told:
            work.progress.write("waiting")
            told = True
        work.stop_if_asked()
        time.sleep(POLL_S)


def trial_epochs(work: Work, tune: TuneSettings) -> int:
    """How many epochs a trial has."""
    return int(tune.epochs or work.identity.recipe["epochs"])


def _join(work: Work, tune: TuneSettings) -> Joined | Ended:
    from sweep.tracking.known import home_runs, runs_of_key
    from sweep.tracking.runs import close_abandoned

    job, settings = work.job, work.settings
    mine = next(
        (
            run
            for run in home_runs(work.store, work.identity.key)
            if run.sweep_id == job["sweep_id"] and run.tags.get(names.ATTEMPT) == str(job["attempt"])
        ),
        None,
    )
    runs = runs_of_key(work.store, work.identity.key)
    if mine is not None and mine.status == "running":
        work.progress.write("joined", run_id=mine.id)
        name, new = mine.tags[names.TUNE_STUDY], mine.tags[names.TUNE_BEGAN] == "true"
        return _open(work, tune, runs, _storage(work, tune), SpooledRun(work.store, work.folder / mine.id), name, new)
    if mine is not None and mine.status == "failed":
        raise CellFailed(mine.reason or "it failed in another worker")
    if mine is not None and mine.status == "finished":
        return Ended(mine, reused=False)
    close_abandoned(work.store, work.identity.key)
    again = settings.rerun and not any(run.sweep_id == job["sweep_id"] for run in runs)
    done = [run for run in runs if run.status == "finished" and (not settings.rerun or run.sweep_id == job["sweep_id"])]
    if done and tuned_enough(done[0].tags, tune, work.identity.recipe["epochs"]):
        return Ended(done[0], reused=True)
    return _begin(work, tune, runs, again)


def _begin(work: Work, tune: TuneSettings, runs: Sequence[RunInfo], again: bool) -> Joined:
    """Open the cell's run: on the study of its earlier runs, or on a new one."""
    storage = _storage(work, tune)
    run_ids = {run.id for run in runs}
    name, goes_on = patiently(lambda: resolve(storage, canonical_name(work), run_ids, again=again))
    run = start_run(work, _tags(work, tune, name) | {names.TUNE_BEGAN: str(not goes_on).lower()})
    joined = _open(work, tune, runs, storage, run, name, not goes_on)
    patiently(joined.study.close_lost)
    patiently(joined.study.forgive)
    ended = len(joined.study.survey().ended)
    work.progress.write("started", run_id=run.id, epochs=trial_epochs(work, tune), trials=tune.trials, ended=ended)
    return joined


def _open(
    work: Work,
    tune: TuneSettings,
    runs: Sequence[RunInfo],
    storage: BaseStorage,
    run: SpooledRun,
    name: str,
    new: bool,
) -> Joined:
    """Open the study of a cell's run. Whatever whoever opened the run did not come to is done now.

    Args:
        work: The cell's work.
        tune: How it is tuned.
        runs: The cell's earlier runs, newest first.
        storage: Where the study is.
        run: Its run.
        name: The study's name.
        new: Whether the study began with this run.
    """
    study = patiently(lambda: _study(work, tune, storage, run, name))
    if not new:
        trials = patiently(lambda: study.study.get_trials(deepcopy=False))
        adopt_trials(work.store, (earlier for earlier in runs if earlier.id != run.id), run, trials)
    elif BEGAN_BY not in patiently(lambda: study.study.user_attrs):
        siblings = siblings_best(work, tune) if tune.warm_start else []
        patiently(lambda: study.study.set_user_attr(WARM_START, siblings))
        patiently(lambda: study.study.set_user_attr(BEGAN_BY, run.id))
    return Joined(run, study)


def _storage(work: Work, tune: TuneSettings) -> BaseStorage:
    return patiently(lambda: open_storage(tune.storage, work.settings.home))


def _study(work: Work, tune: TuneSettings, storage: BaseStorage, run: SpooledRun, name: str) -> CellStudy:
    import optuna

    from sweep.recipe import training_arguments
    from sweep.tuning.methods import make_pruner

    study = optuna.create_study(
        study_name=name,
        storage=storage,
        direction=tune.direction,
        pruner=make_pruner(tune, trial_epochs(work, tune)),
        load_if_exists=True,
    )
    parameters = read_space(tune.space)
    recipe, known = work.identity.recipe, training_arguments()
    return CellStudy(
        study=study,
        storage=storage,
        tune=tune,
        parameters=parameters,
        recipe={item.name: recipe.get(item.name, known[item.name].default) for item in parameters},
        lock=work.folder / "trials.lock",
        on_lost=lambda trial: close_lost_run(work.store, work.identity.key, run.id, trial),
    )


def canonical_name(work: Work) -> str:
    """The name of a cell's study. It follows from the cell alone: Hyperband makes brackets of it."""
    cell = work.cell
    return f"{cell.base['name']}-l{cell.level['name']}-{cell.act['name']}-s{cell.seed}-{work.identity.key[:12]}"


def _tags(work: Work, tune: TuneSettings, name: str) -> dict[str, str]:
    from sweep.tracking.uri import without_credentials

    address = storage_address(tune.storage, work.settings.home)
    return {
        names.TUNE_STUDY: name,
        names.TUNE_STORAGE: without_credentials(address),
        names.TUNE_SAMPLER: tune.sampler.name,
        names.TUNE_PRUNER: tune.pruner.name,
        names.TUNE_OBJECTIVE: tune.objective,
        names.TUNE_EPOCHS_TAG: str(trial_epochs(work, tune)),
        names.TUNE_ASKED: str(tune.trials),
    }
