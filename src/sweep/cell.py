"""One cell from config to logged result: the Hydra task, and the recipe of this project. Read it from top to bottom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sweep.config import home_of
from sweep.ending import CellFailed, finish_and_measure, finished_run, measure_finished, recorded
from sweep.record import artifacts, log_result, log_size, start_run, summary
from sweep.remote import delivering, sees_sweep, with_mlflow_id
from sweep.resume import forget_state, interrupted_run, reopen, state_file
from sweep.stopping import Stopped, stop_if_asked
from sweep.trials.worker import tune_cell
from sweep.work import Work, prepare

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from sweep.tracking.spool.run import SpooledRun
    from sweep.training.train import Trained


def run_cell(config: DictConfig) -> dict[str, Any]:
    """Train, measure and log one cell; of a cell that is tuned, take its trials until there are none left.

    Returns:
        `run_id`: what the cell's run is called in this home, or in MLflow if it is of another one; whether a finished
        run of the same cell was `reused`; and whether the cell is `finished`: it is not when other workers still have
        trials of it, or when it was `stopped` with the sweep.

    Raises:
        CellFailed: The cell failed and is recorded as such at its run.
    """
    home, job = home_of(config), config["job"]
    if sees_sweep(home, job["sweep_id"]):
        return _run_until_stopped(config)
    with delivering(config):
        result = _run_until_stopped(config)
    return with_mlflow_id(home, job["key"], result)


def _run_until_stopped(config: DictConfig) -> dict[str, Any]:
    try:
        return _run(config)
    except Stopped as stop:
        return {"run_id": stop.run_id, "reused": False, "finished": False, "stopped": True}


def _run(config: DictConfig) -> dict[str, Any]:
    stop_if_asked(home_of(config), config["job"]["sweep_id"])  # before anything is imported and read
    work = prepare(config)
    if work.identity.key != work.job["key"]:
        raise CellFailed(f"{work.job['name']} is not what was planned: its data, weights or package versions changed.")
    return _train_cell(work) if work.cell.tune is None else tune_cell(work, work.cell.tune)


def _train_cell(work: Work) -> dict[str, Any]:
    from sweep.locks import cell_lock
    from sweep.tracking.runs import close_abandoned

    key = work.identity.key
    with cell_lock(
        work.settings.home, key, on_wait=lambda: work.progress.write("waiting"), while_waiting=work.stop_if_asked
    ):
        close_abandoned(work.store, key)
        finished = None if work.settings.rerun else finished_run(work)
        if finished is not None:
            measure_finished(work, finished)
            work.progress.write("finished", run_id=finished.run_id, reused=True)
            return {"run_id": finished.run_id, "reused": True, "finished": True}
        return {"run_id": _run_tracked(work), "reused": False, "finished": True}


def _run_tracked(work: Work) -> str:
    """Run the cell inside a run of its own, which ends as FINISHED, or as FAILED with the traceback.

    Where an earlier one was cut short, that goes on.
    """
    from sweep.training.output import output_to

    interrupted = interrupted_run(work)
    run, done = (start_run(work), 0) if interrupted is None else reopen(work, interrupted)
    work.progress.write("started", run_id=run.id, epochs=work.cell.recipe["epochs"], done=done)
    with output_to(run.folder / "train.log"):
        with recorded(work, run):
            trained = _train(work, run, frozenset() if interrupted is None else interrupted.epochs)
            metrics = log_result(work, run, trained.best, summary(trained), artifacts(work, trained, run.folder))
            graph = log_size(work, run, trained.model, trained.best)
        finish_and_measure(work, run, trained.best, graph)
        forget_state(run.folder)
    work.progress.write("finished", run_id=run.id, metrics={"mAP50": metrics["best/mAP50"]})
    return run.id


def _train(work: Work, run: SpooledRun, logged: frozenset[int]) -> Trained:
    """Train the cell; `logged` are the epochs that the run has from before it was cut short."""

    def on_epoch(epoch: int, metrics: dict[str, float]) -> None:
        if epoch not in logged:
            run.log_epoch(epoch, metrics)
            work.progress.write("epoch", epoch=epoch, metrics=metrics)
        work.stop_if_asked(run.id)

    return work.train(work.identity.recipe, run.folder, on_epoch, state_file(run.folder))
