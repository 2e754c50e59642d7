"""One cell from config to logged result: the Hydra task, and the recipe of this project. Read it from top to bottom."""

from __future__ import annotations

import contextlib
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweep.errors import in_one_line
from sweep.evaluation import evaluate_best
from sweep.measuring import measure_and_log, measure_run, measured_or_said, wanted_names
from sweep.record import artifacts, log_size, start_run, summary
from sweep.work import Work, prepare

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from sweep.tracking.read import RunInfo
    from sweep.training.train import Trained


class CellFailed(RuntimeError):
    """A cell that was recorded as failed; the message is its reason in one line."""


def run_cell(config: DictConfig) -> dict[str, Any]:
    """Train, measure and log one cell.

    Returns:
        `run_id` of the cell's MLflow run, and whether a finished run of the same cell was `reused`.

    Raises:
        CellFailed: The cell failed and is recorded as such in MLflow.
    """
    from sweep.locks import cell_lock
    from sweep.tracking.runs import close_abandoned, finished_run

    work = prepare(config)
    key = work.identity.key
    if key != work.job["key"]:
        raise CellFailed(f"{work.job['name']} is not what was planned: its data, weights or package versions changed.")
    with cell_lock(work.settings.home, key, on_wait=lambda: work.progress.write("waiting")):
        close_abandoned(work.store, key)
        finished = None if work.settings.rerun else finished_run(work.store, key)
        if finished is not None:
            _measure_finished(work, finished)
            work.progress.write("finished", run_id=finished.run_id, reused=True)
            return {"run_id": finished.run_id, "reused": True}
        return {"run_id": _run_tracked(work), "reused": False}


def _run_tracked(work: Work) -> str:
    """Run the cell inside a MLflow run of its own, which ends as FINISHED, or as FAILED with the traceback."""
    from sweep.tracking import write
    from sweep.training.output import output_to

    run_id = start_run(work)
    folder = work.folder / run_id
    work.progress.write("started", run_id=run_id, epochs=work.cell.recipe["epochs"])
    with output_to(folder / "train.log"):
        try:
            trained, metrics = _train(work, run_id, folder)
            graph = log_size(work, run_id, trained, folder)
        except Exception as error:
            reason = in_one_line(error)
            with contextlib.suppress(Exception):  # a full disk, a server that is away: the run has to end
                (folder / "traceback.txt").write_text(traceback.format_exc(), "utf-8")
                write.log_files(work.store, run_id, {name: folder / name for name in ("traceback.txt", "train.log")})
            write.finish(work.store, run_id, "FAILED", reason=reason)
            work.progress.write("failed", run_id=run_id, reason=reason)
            raise CellFailed(reason) from error
        # What was trained is finished, whatever measuring comes to.
        write.finish(work.store, run_id, "FINISHED")
        work.progress.write("trained", run_id=run_id)
        wanted, export = wanted_names(work.targets), folder / "export"
        if wanted:
            measuring = work.measuring(wanted)
            measured_or_said(
                work.store,
                run_id,
                wanted,
                lambda: measure_and_log(work.store, run_id, trained.best, graph, export, measuring),
            )
    work.progress.write("finished", run_id=run_id, metrics={"mAP50": metrics["best/mAP50"]})
    return run_id


def _train(work: Work, run_id: str, folder: Path) -> tuple[Trained, dict[str, float]]:
    """Train, evaluate the best checkpoint, and log all of it. Returns the summary metrics, too."""
    from sweep.data.ultralytics_yaml import write_view
    from sweep.tracking import write
    from sweep.tracking.models import log_model
    from sweep.training.train import train

    def on_epoch(epoch: int, metrics: dict[str, float]) -> None:
        write.log_epoch(work.store, run_id, epoch, metrics)
        work.progress.write("epoch", epoch=epoch, metrics=metrics)

    recipe, view = work.identity.recipe, write_view(work.data, work.settings.home)
    trained = train(
        work.identity.model.yaml,
        recipe,
        view=view,
        seed=work.cell.seed,
        device=work.device,
        folder=folder,
        weights=work.cell.weights,
        on_epoch=on_epoch,
    )
    work.progress.write("stage", stage="validating the best checkpoint")
    evaluated = evaluate_best(trained.best, work.data, view, recipe, work.device, folder)
    metrics = evaluated.metrics | summary(trained)
    write.log_summary(work.store, run_id, metrics)
    write.log_files(work.store, run_id, artifacts(work, trained, folder) | evaluated.files)
    log_model(work.store, run_id, trained.best, imgsz=recipe["imgsz"], names=work.data.names)
    return trained, metrics


def _measure_finished(work: Work, run: RunInfo) -> None:
    """Measure what a finished cell lacks of what is asked for now, without training it again."""
    from sweep.tracking.measured import lacking

    wanted = lacking(run.tags, wanted_names(work.targets))
    if wanted:
        work.progress.write("measuring", run_id=run.run_id)
        measure_run(work.store, run, wanted, lambda: work.measuring(wanted))
