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
from sweep.tracking import names, write
from sweep.tracking.resumed import logged_epochs
from sweep.trials.join import Joined, trial_epochs
from sweep.tuning.away import patiently
from sweep.tuning.done import TOTAL
from sweep.tuning.slots import RUN_ID
from sweep.tuning.study import RECIPE_SLOT

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

    from sweep.tracking.read import RunInfo
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
    from sweep.tracking.read import runs_by_id
    from sweep.tracking.runs import close_open_trials
    from sweep.training.output import output_to

    run_id, folder = joined.run_id, work.folder / joined.run_id
    run = runs_by_id(work.store, [run_id])[run_id]
    if run.status == "finished":
        return
    if run.status != "running":
        raise CellFailed(run.reason or "it failed in another worker")
    close_open_trials(work.store, run_id)  # all have ended; a run may have been left by a worker and who looked for it
    with output_to(folder / "train.log"):
        with recorded(work, run_id, folder):
            best, runs = _best(work, joined)
            files, metrics = _result(work, tune, joined, best, runs[best.number], folder)
            checkpoint = files["weights/best.pt"]
            patiently(lambda: _log_study(work, tune, joined, best, runs, folder))
            metrics = log_result(work, run_id, checkpoint, metrics, files, folder)
            graph = log_size(work, run_id, read_checkpoint(checkpoint), checkpoint, folder)
        finish_and_measure(work, run_id, checkpoint, graph, folder)
    forget_state(folder)
    work.progress.write("finished", run_id=run_id, metrics={"mAP50": metrics["best/mAP50"]})


def _best(work: Work, joined: Joined) -> tuple[FrozenTrial, Mapping[int, RunInfo]]:
    """The best trial, and by number the runs of the best and of the recipe's own."""
    from sweep.tracking.read import runs_by_id

    now = joined.study.survey()
    best, recipe = joined.study.best(now), now.holders.get(RECIPE_SLOT)
    if best is None:
        raise RuntimeError(UNFINISHED)
    wanted = {trial.number: str(trial.user_attrs[RUN_ID]) for trial in (best, recipe) if trial is not None}
    runs = runs_by_id(work.store, list(wanted.values()))
    if str(best.user_attrs[RUN_ID]) not in runs:
        raise RuntimeError(f"MLflow holds no run of trial {best.number}, the best one. Tune the cell anew: rerun=true")
    return best, {number: runs[run_id] for number, run_id in wanted.items() if run_id in runs}


def _result(
    work: Work, tune: TuneSettings, joined: Joined, best: FrozenTrial, run: RunInfo, folder: Path
) -> tuple[dict[str, Path], dict[str, float]]:
    """The files of the cell, and the summary of its training: of the best trial, or of the refit."""
    if tune.refits(work.identity.recipe["epochs"]):
        trained = _refit(work, joined, best, folder)
        return artifacts(work, trained, folder), summary(trained)
    from sweep.tracking.read import curves

    frame, logged = curves(work.store, run.run_id), logged_epochs(work.store, joined.run_id)
    for epoch, row in frame.iterrows():
        if int(str(epoch)) not in logged:  # by a worker that died while it finished the cell
            write.log_epoch(work.store, joined.run_id, int(str(epoch)), {str(k): v for k, v in row.dropna().items()})
    metrics = {name: value for name, value in run.metrics.items() if names.is_summary(name)}
    return _fetched(work, run, folder) | {"train.log": folder / "train.log"}, metrics


def _refit(work: Work, joined: Joined, best: FrozenTrial, folder: Path) -> Trained:
    """Train the best parameters with the recipe's length."""
    from sweep.recipe import resolved_recipe

    work.progress.write("stage", stage="training the best parameters with the recipe's length", long=True)

    logged = logged_epochs(work.store, joined.run_id)

    def on_epoch(epoch: int, metrics: dict[str, float]) -> None:
        if epoch not in logged:  # by a worker that died over it
            write.log_epoch(work.store, joined.run_id, epoch, metrics)
            work.progress.write("epoch", epoch=epoch, metrics=metrics, refit=True)
        work.stop_if_asked(joined.run_id)

    return work.train(resolved_recipe({**work.cell.recipe, **best.params}), folder, on_epoch, state_file(folder))


def _fetched(work: Work, run: RunInfo, folder: Path) -> dict[str, Path]:
    """The files of a trial that become its cell's, copied into the cell's folder."""
    from sweep.tracking.artifacts import open_artifact

    files = {}
    for artifact in (*KEPT, "config.yaml"):
        with open_artifact(work.store, run.run_id, run.artifact_uri, artifact) as kept:
            if kept is not None:
                place = folder / "best" / artifact
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(kept, place)
                files[artifact] = place
    if "weights/best.pt" not in files:
        raise RuntimeError(f"MLflow holds no checkpoint of the best trial (run {run.run_id}). Tune it anew: rerun=true")
    return files


def _log_study(
    work: Work, tune: TuneSettings, joined: Joined, best: FrozenTrial, runs: Mapping[int, RunInfo], folder: Path
) -> None:
    """What the study came to: metrics, tags and files of the cell's run."""
    from sweep.tuning.facts import best_recipe_yaml, study_facts, study_metrics, trials_table
    from sweep.tuning.figures import write_figures

    run_id, study = joined.run_id, joined.study
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
    write.log_summary(work.store, run_id, metrics | _gained(best, runs, study.survey().holders))
    place = folder / "tune"
    place.mkdir(parents=True, exist_ok=True)
    (place / "study.json").write_text(json.dumps(facts, indent=2, ensure_ascii=False) + "\n", "utf-8")
    trials_table(facts).to_csv(place / "trials.csv", index=False)
    name = f"{work.cell.recipe['name']}-{work.job['name']}"
    comment = f"Trial {best.number} of study {study.study.study_name}: {tune.objective} {best.value}"
    (place / "best.yaml").write_text(best_recipe_yaml(work.cell.recipe, best.params, name, comment), "utf-8")
    kept = (names.TUNE_STUDY_JSON, names.TUNE_TRIALS_CSV, names.TUNE_BEST_YAML)
    files = {artifact: folder / artifact for artifact in kept}
    write.log_files(work.store, run_id, files | write_figures(study.study, place, objective=tune.objective))
    best_tags = {f"{names.TUNE_BEST_TAG_PREFIX}{name}": str(value) for name, value in best.params.items()}
    ended = {
        names.TUNE_ENDED: f"{metrics['tune/trials']:.0f}",
        names.TUNE_STOPPED: facts["stopped"],
        names.TUNE_REFIT: str(facts["refit"]).lower(),
    }
    write.set_tags(work.store, run_id, best_tags | ended)


def _gained(best: FrozenTrial, runs: Mapping[int, RunInfo], holders: Mapping[int, FrozenTrial]) -> dict[str, float]:
    """The accuracy of the recipe as it is, and of the best trial: both trained for as long."""
    figures: dict[str, float] = {}
    recipe = holders.get(RECIPE_SLOT)
    for trial, metrics in ((recipe, names.TUNE_RECIPE), (best, names.TUNE_TUNED)):
        run = runs.get(trial.number) if trial is not None else None
        if run is not None:
            figures |= {metrics[name]: run.metrics[f"best/{name}"] for name in metrics if f"best/{name}" in run.metrics}
    return figures
