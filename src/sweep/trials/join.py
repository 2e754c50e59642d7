"""Join the workers of a cell: the first one opens its run and its study, the others find them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sweep.locks import cell_lock, tuned_elsewhere
from sweep.record import start_run
from sweep.tracking import names
from sweep.trials.lost import adopt_trials, close_lost_run
from sweep.tuning.done import tuned_enough
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
    """What a worker works on.

    Attributes:
        run_id: the cell's run.
        study: its study.
        finished: the run, where nothing is left to do.
        reused: whether an earlier sweep, or an earlier attempt, has finished it.
    """

    run_id: str
    study: CellStudy
    finished: RunInfo | None = None
    reused: bool = False


def join(work: Work, tune: TuneSettings) -> Joined:
    """Find the cell's run and study, or open them. It waits for another sweep that tunes the same cell."""
    home, key, sweep_id = work.settings.home, work.identity.key, work.job["sweep_id"]
    told = False
    while True:
        with cell_lock(home, key, on_wait=lambda: None):
            if not tuned_elsewhere(home, key, sweep_id):
                return _join(work, tune)
        if not told:
            work.progress.write("waiting")
            told = True
        time.sleep(POLL_S)


def study_name(work: Work) -> str:
    """The name of a cell's study. It follows from the cell alone: Hyperband makes brackets of it."""
    cell = work.cell
    return f"{cell.base['name']}-l{cell.level['name']}-{cell.act['name']}-s{cell.seed}-{work.identity.key[:12]}"


def trial_epochs(work: Work, tune: TuneSettings) -> int:
    """How many epochs a trial has."""
    return int(tune.epochs or work.identity.recipe["epochs"])


def _join(work: Work, tune: TuneSettings) -> Joined:
    from sweep.tracking.read import find_runs_by_key
    from sweep.tracking.runs import close_abandoned

    job, name = work.job, study_name(work)
    runs = find_runs_by_key(work.store, [work.identity.key]).get(work.identity.key, [])
    storage = open_storage(tune.storage, work.settings.home)
    for run in runs:
        mine = run.parent_run_id == job["parent_run_id"] and run.tags.get(names.ATTEMPT) == str(job["attempt"])
        if mine and run.status in {"running", "finished"}:
            study = _study(work, tune, storage, name)
            return Joined(run.run_id, study, run if run.status == "finished" else None)
    close_abandoned(work.store, work.identity.key)
    finished = next((run for run in runs if run.status == "finished"), None)
    again = work.settings.rerun and not any(run.sweep_id == job["sweep_id"] for run in runs)
    if finished is not None and not again and tuned_enough(finished.tags, tune, work.identity.recipe["epochs"]):
        return Joined(finished.run_id, _study(work, tune, storage, name), finished, reused=True)
    goes_on = not again and any(run.tags.get(names.TUNE_STUDY) == name for run in runs) and name in _names(storage)
    if not goes_on:
        _put_aside(storage, name)
    siblings = _siblings(work, tune) if tune.warm_start else []
    run_id = start_run(work, _tags(work, tune, name) | {names.TUNE_BEGAN: str(not goes_on).lower()})
    if goes_on:
        adopt_trials(work.store, runs, run_id)
    study = _study(work, tune, storage, name, siblings)
    study.close_lost()
    study.forgive()
    ended = len(study.survey().ended)
    work.progress.write("started", run_id=run_id, epochs=trial_epochs(work, tune), trials=tune.trials, ended=ended)
    return Joined(run_id, study)


def _study(
    work: Work, tune: TuneSettings, storage: BaseStorage, name: str, siblings: list[dict[str, Any]] | None = None
) -> CellStudy:
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
    if siblings and WARM_START not in study.user_attrs and not study.get_trials(deepcopy=False):
        study.set_user_attr(WARM_START, siblings)
    parameters = read_space(tune.space)
    recipe, known = work.identity.recipe, training_arguments()
    key = work.identity.key
    return CellStudy(
        study=study,
        storage=storage,
        tune=tune,
        parameters=parameters,
        recipe={item.name: recipe.get(item.name, known[item.name].default) for item in parameters},
        lock=work.folder / "trials.lock",
        on_lost=lambda trial: close_lost_run(work.store, key, trial),
    )


def _put_aside(storage: BaseStorage, name: str) -> None:
    """Rename a study of which MLflow knows nothing, or which is to be run again: its trials are of another run."""
    import optuna

    known = _names(storage)
    if name not in known:
        return
    number = next(count for count in range(1, len(known) + 2) if f"{name} (before {count})" not in known)
    optuna.copy_study(
        from_study_name=name, from_storage=storage, to_storage=storage, to_study_name=f"{name} (before {number})"
    )
    optuna.delete_study(study_name=name, storage=storage)


def _names(storage: BaseStorage) -> set[str]:
    import optuna

    return set(optuna.get_all_study_names(storage))


def _siblings(work: Work, tune: TuneSettings) -> list[dict[str, Any]]:
    """The best parameters of the sweep's cells that have finished and tune the same arguments, best known first."""
    import yaml

    from sweep.tracking.read import search

    prefix, wanted = names.TUNE_BEST_TAG_PREFIX, set(tune.space)
    found = []
    parent = work.job["parent_run_id"]
    for run in search(work.store, f"tags.`{names.PARENT}` = '{parent}' AND attributes.status = 'FINISHED'"):
        best = {
            key.removeprefix(prefix): yaml.safe_load(text) for key, text in run.tags.items() if key.startswith(prefix)
        }
        if set(best) == wanted and best not in found:
            found.append(best)
    return found


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
    }
