"""Make the best trial the result of its cell: its checkpoint, its figures, and what the study came to."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sweep.ending import CellFailed, finish_and_measure, recorded
from sweep.record import artifacts, log_result, log_size, summary
from sweep.resume import forget_state, state_file
from sweep.tracking import names
from sweep.tracking.run import open_file
from sweep.tracking.spool.replay import curves_of
from sweep.trials.join import Joined, trial_epochs
from sweep.trials.lost import runs_of_trials
from sweep.tuning.away import patiently
from sweep.tuning.done import TOTAL
from sweep.tuning.slots import RUN_ID
from sweep.tuning.study import RECIPE_SLOT

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

    from sweep.tracking.read import RunInfo
    from sweep.tracking.spool.run import SpooledRun
    from sweep.tracking.store import Store
    from sweep.training.train import Trained
    from sweep.tune_settings import TuneSettings
    from sweep.work import Work

KEPT: Final = ("weights/best.pt", "weights/last.pt", "model.yaml", "results.csv", "report/transfer.csv")
UNFINISHED: Final = "no trial came to its end: there is nothing to make a result of"


def finish_cell(work: Work, tune: TuneSettings, joined: Joined) -> None:
    """Finish a cell whose study has ended, unless another worker has done so. The caller holds the cell.

    Raises:
        CellFailed: It failed, and is recorded as such.
    """
    from sweep.architecture.checkpoint import read_checkpoint
    from sweep.tracking.runs import close_open_trials
    from sweep.training.output import output_to

    run, now = joined.run, joined.info()
    if now.status == "finished":
        return
    if now.status != "running":
        raise CellFailed(now.reason or "it failed in another worker")
    close_open_trials(work.store, now)  # all have ended; a run may have been left by a worker and who looked for it
    with output_to(run.folder / "train.log"):
        with recorded(work, run):
            best, runs = _best(work, joined)
            files, metrics = _result(work, tune, joined, best, runs[best.number])
            checkpoint = files["weights/best.pt"]
            patiently(lambda: _log_study(work, tune, joined, best, runs))
            metrics = log_result(work, run, checkpoint, metrics, files)
            graph = log_size(work, run, read_checkpoint(checkpoint), checkpoint)
        finish_and_measure(work, run, checkpoint, graph)
    forget_state(run.folder)
    work.progress.write("finished", run_id=run.id, metrics={"mAP50": metrics["best/mAP50"]})


def _best(work: Work, joined: Joined) -> tuple[FrozenTrial, Mapping[int, RunInfo]]:
    """The best trial, and by number the runs of the best and of the recipe's own."""
    now = patiently(joined.study.survey)
    best, recipe = joined.study.best(now), now.holders.get(RECIPE_SLOT)
    if best is None:
        raise RuntimeError(UNFINISHED)
    wanted = {trial.number: str(trial.user_attrs[RUN_ID]) for trial in (best, recipe) if trial is not None}
    runs = runs_of_trials(work.store, work.identity.key, wanted.values())
    if str(best.user_attrs[RUN_ID]) not in runs:
        raise RuntimeError(f"There is no run of trial {best.number}, the best one. Tune the cell anew: rerun=true")
    return best, {number: runs[run_id] for number, run_id in wanted.items() if run_id in runs}


def _result(
    work: Work, tune: TuneSettings, joined: Joined, best: FrozenTrial, trial: RunInfo
) -> tuple[dict[str, Path], dict[str, float]]:
    """The files of the cell, and the summary of its training: of the best trial, or of the refit."""
    if tune.refits(work.identity.recipe["epochs"]):
        trained = _refit(work, joined, best)
        return artifacts(work, trained, joined.run.folder), summary(trained)
    logged = joined.info().epochs
    for epoch, figures in sorted(_curves(work.store, trial).items()):
        if epoch not in logged:  # by a worker that died while it finished the cell
            joined.run.log_epoch(epoch, figures)
    metrics = {name: value for name, value in trial.metrics.items() if names.is_summary(name)}
    return _fetched(work, trial, joined.run) | {"train.log": joined.run.folder / "train.log"}, metrics


def _curves(store: Store, trial: RunInfo) -> Mapping[int, Mapping[str, float]]:
    """The metrics of each epoch of a trial, which may be one of another home."""
    if trial.folder is not None:
        return curves_of(trial.folder)
    from sweep.tracking.read import curves

    rows = curves(store, trial.run_id).iterrows()
    return {int(str(epoch)): {str(name): value for name, value in row.dropna().items()} for epoch, row in rows}


def _refit(work: Work, joined: Joined, best: FrozenTrial) -> Trained:
    """Train the best parameters with the recipe's length."""
    from sweep.recipe import resolved_recipe

    work.progress.write("stage", stage="training the best parameters with the recipe's length", long=True)
    run, logged = joined.run, joined.info().epochs

    def on_epoch(epoch: int, metrics: dict[str, float]) -> None:
        if epoch not in logged:  # by a worker that died over it
            run.log_epoch(epoch, metrics)
            work.progress.write("epoch", epoch=epoch, metrics=metrics, refit=True)
        work.stop_if_asked(run.id)

    recipe = resolved_recipe({**work.cell.recipe, **best.params})
    return work.train(recipe, run.folder, on_epoch, state_file(run.folder))


def _fetched(work: Work, trial: RunInfo, run: SpooledRun) -> dict[str, Path]:
    """The files of a trial that become its cell's, copied into the folder of the cell's run."""
    files = {}
    for artifact in (*KEPT, "config.yaml"):
        with open_file(work.store, trial, artifact) as kept:
            if kept is not None:
                place = run.folder / "best" / artifact
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(kept, place)
                files[artifact] = place
    if "weights/best.pt" not in files:
        raise RuntimeError(f"There is no checkpoint of the best trial (run {trial.id}). Tune the cell anew: rerun=true")
    return files


def _log_study(work: Work, tune: TuneSettings, joined: Joined, best: FrozenTrial, runs: Mapping[int, RunInfo]) -> None:
    """What the study came to: metrics, tags and files of the cell's run."""
    from sweep.tuning.facts import best_recipe_yaml, study_facts, study_metrics, trials_table
    from sweep.tuning.figures import write_figures

    run, study = joined.run, joined.study
    recipe_epochs = int(work.identity.recipe["epochs"])
    facts = study_facts(
        study.study,
        tune,
        epochs=trial_epochs(work, tune),
        recipe_epochs=recipe_epochs,
        recipe=study.recipe,
        stopped=study.stopped() or TOTAL,
    )
    metrics = study_metrics(facts)
    run.log_summary_once(metrics | _gained(best, runs, study.survey().holders))
    place = run.folder / "tune"
    place.mkdir(parents=True, exist_ok=True)
    (place / "study.json").write_text(json.dumps(facts, indent=2, ensure_ascii=False) + "\n", "utf-8")
    trials_table(facts).to_csv(place / "trials.csv", index=False)
    name = f"{work.cell.recipe['name']}-{work.job['name']}"
    comment = f"Trial {best.number} of study {study.study.study_name}: {tune.objective} {best.value}"
    (place / "best.yaml").write_text(best_recipe_yaml(work.cell.recipe, best.params, name, comment), "utf-8")
    kept = (names.TUNE_STUDY_JSON, names.TUNE_TRIALS_CSV, names.TUNE_BEST_YAML)
    files = {artifact: run.folder / artifact for artifact in kept}
    run.log_files(files | write_figures(study.study, place, objective=tune.objective))
    best_tags = {f"{names.TUNE_BEST_TAG_PREFIX}{name}": str(value) for name, value in best.params.items()}
    ended = {
        names.TUNE_ENDED: f"{metrics['tune/trials']:.0f}",
        names.TUNE_STOPPED: facts["stopped"],
        names.TUNE_REFIT: str(facts["refit"]).lower(),
    }
    run.set_tags(best_tags | ended)


def _gained(best: FrozenTrial, runs: Mapping[int, RunInfo], holders: Mapping[int, FrozenTrial]) -> dict[str, float]:
    """The accuracy of the recipe as it is, and of the best trial: both trained for as long."""
    figures: dict[str, float] = {}
    recipe = holders.get(RECIPE_SLOT)
    for trial, metrics in ((recipe, names.TUNE_RECIPE), (best, names.TUNE_TUNED)):
        run = runs.get(trial.number) if trial is not None else None
        if run is not None:
            figures |= {metrics[name]: run.metrics[f"best/{name}"] for name in metrics if f"best/{name}" in run.metrics}
    return figures
