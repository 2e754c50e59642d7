"""One trial: the recipe with the proposed parameters, trained in an MLflow run of its own, and told to its study."""

from __future__ import annotations

import contextlib
import gc
import logging
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sweep.disk_full import refusal
from sweep.ending import log_failure
from sweep.errors import in_one_line
from sweep.record import artifacts, params_of, summary
from sweep.tracking import names
from sweep.tracking.runs import mark_lost
from sweep.tracking.spool.run import SpooledRun, new_id
from sweep.trials.join import Joined
from sweep.tuning.away import is_away, patiently
from sweep.tuning.lease import Lease
from sweep.tuning.slots import LOST, REASON, RUN_ID, SECONDS, is_best_so_far

if TYPE_CHECKING:
    from optuna.trial import TrialState

    from sweep.training.train import Trained
    from sweep.tuning.study import Taken
    from sweep.work import Work

WEIGHTS = "weights/"

log = logging.getLogger(__name__)


class Pruned(Exception):
    """The pruner has stopped the trial."""


class Closed(Exception):
    """Another worker has closed the trial, because it took this one for dead."""


@dataclass(frozen=True)
class End:
    """How a trial ended: `complete` with a value, `pruned`, or `failed` for a reason."""

    state: str
    value: float | None = None
    reason: str | None = None


def run_trial(work: Work, joined: Joined, taken: Taken) -> None:
    """Train a trial and tell its study. What goes wrong in it is recorded at the trial, and not raised."""
    from sweep.training.output import output_to

    with Lease(joined.study.storage, taken.trial._trial_id) as lease:
        recipe = _recipe(work, joined, taken)
        run = _start_run(work, joined, taken, recipe)
        began = time.monotonic()
        try:
            with output_to(run.folder / "train.log"):
                end = _end(work, joined, taken, recipe, run, lease)
                if end is None:
                    mark_lost(run)
                else:
                    _tell(work, joined, taken, run, end, time.monotonic() - began)
        finally:
            run.remove_rest()
            gc.collect()  # a training that was cut short leaves cycles around its pictures


def _end(
    work: Work, joined: Joined, taken: Taken, recipe: Mapping[str, Any], run: SpooledRun, lease: Lease
) -> End | None:
    """Train the trial; None: another worker has closed it meanwhile."""
    try:
        patiently(lambda: taken.trial.set_user_attr(RUN_ID, run.id))
        return _train(work, joined, taken, recipe, run, lease)
    except Closed:
        return None
    except Exception as error:
        with contextlib.suppress(Exception):  # a full disk, a server that is away: the trial has to end
            log_failure(run)
        return End("failed", reason=str(refusal(error, run.folder) or in_one_line(error)))


def _recipe(work: Work, joined: Joined, taken: Taken) -> dict[str, Any]:
    from sweep.recipe import resolved_recipe

    tune = joined.study.tune
    length = {} if tune.epochs is None else {"epochs": tune.epochs}
    return resolved_recipe({**work.cell.recipe, **length, **taken.params})


def _start_run(work: Work, joined: Joined, taken: Taken, recipe: Mapping[str, Any]) -> SpooledRun:
    job = work.job
    run = SpooledRun.begin(
        work.store,
        work.folder / new_id(),
        name=f"trial {taken.number}",
        tags={
            names.KIND: names.KIND_TRIAL,
            names.SWEEP_ID: job["sweep_id"],
            names.CELL: job["name"],
            names.CELL_KEY: work.identity.key,
            names.TRIAL: str(taken.number),
            names.TRIAL_SLOT: str(taken.slot),
            names.TRIAL_STATE: "running",
        },
        params=params_of(work, recipe),
        parent=joined.run.folder,
    )
    _say(work, joined, taken, "running", epochs=recipe["epochs"])
    return run


def _train(work: Work, joined: Joined, taken: Taken, recipe: Mapping[str, Any], run: SpooledRun, lease: Lease) -> End:
    from optuna.exceptions import UpdateFinishedTrialError

    tune, trial = joined.study.tune, taken.trial

    def on_epoch(epoch: int, metrics: dict[str, float]) -> None:
        if lease.taken.is_set():
            raise Closed
        run.log_epoch(epoch, metrics)
        work.progress.write("epoch", epoch=epoch, metrics=metrics, trial=taken.number)
        try:
            trial.report(metrics[tune.objective], epoch)
            pruned = taken.prunable and epoch < recipe["epochs"] and trial.should_prune()
        except UpdateFinishedTrialError:
            raise Closed from None
        except Exception as error:
            if not is_away(error):
                raise
            log.warning("Epoch %d could not be reported: %s", epoch, in_one_line(error))
            pruned = False
        if pruned:
            raise Pruned
        if epoch < recipe["epochs"]:
            work.stop_if_asked(joined.run.id)

    try:
        trained = work.train(recipe, run.folder, on_epoch)
    except Pruned:
        run.log_files({"train.log": run.folder / "train.log"})
        return End("pruned")
    return _keep(work, joined, taken, recipe, run, trained)


def _keep(
    work: Work, joined: Joined, taken: Taken, recipe: Mapping[str, Any], run: SpooledRun, trained: Trained
) -> End:
    """Log a trial that came to its end; the checkpoints of those that are the best so far are kept."""
    from sweep.training.train import evaluate

    tune = joined.study.tune
    found = evaluate(
        trained.best,
        view=work.view,
        imgsz=int(work.identity.recipe["imgsz"]),
        batch=int(work.identity.recipe["batch"]),
        workers=int(recipe.get("workers", 0)),
        device=work.device,
        folder=run.folder,
    ).figures
    metrics = {f"best/{name}": value for name, value in found.items()} | summary(trained)
    value = metrics.get(tune.objective.replace("metrics/", "best/"))
    if value is None:  # a loss: that of the epoch whose checkpoint is kept
        value = trained.curves[trained.best_epoch][tune.objective]
    if not math.isfinite(value):
        raise ValueError(f"{tune.objective} is not a number")
    run.log_summary(metrics)
    files = artifacts(work, trained, run.folder)
    best = is_best_so_far(taken.number, value, patiently(joined.study.survey).complete, tune.direction)
    run.log_files({path: file for path, file in files.items() if best or not path.startswith(WEIGHTS)})
    return End("complete", value)


def _tell(work: Work, joined: Joined, taken: Taken, run: SpooledRun, end: End, seconds: float) -> None:
    """End the trial's run, then the trial: should this process die in between, the trial is lost and run again."""
    from optuna.exceptions import UpdateFinishedTrialError
    from optuna.trial import TrialState

    states = {"complete": TrialState.COMPLETE, "pruned": TrialState.PRUNED, "failed": TrialState.FAIL}
    run.set_tags({names.TRIAL_STATE: end.state})
    run.finish("FAILED" if end.state == "failed" else "FINISHED", end.reason)
    try:
        patiently(lambda: taken.trial.set_user_attr(SECONDS, round(seconds, 3)))
        if end.reason is not None:
            patiently(lambda: taken.trial.set_user_attr(REASON, end.reason))
        patiently(lambda: joined.study.study.tell(taken.trial, end.value, state=states[end.state]))
    except (UpdateFinishedTrialError, ValueError):
        if not _told(joined, taken, states[end.state]):  # closed by another worker while this one was away
            mark_lost(run)
            return
    _say(work, joined, taken, end.state, value=end.value, reason=end.reason)


def _told(joined: Joined, taken: Taken, state: TrialState) -> bool:
    """Whether a trial has ended as it was told: of a storage that went away the answer may have been lost."""
    now = next(trial for trial in joined.study.study.get_trials(deepcopy=False) if trial.number == taken.number)
    return now.state == state and not now.user_attrs.get(LOST)


def _say(work: Work, joined: Joined, taken: Taken, state: str, **fields: Any) -> None:
    """Tell the console how far the study is; while its storage is away, nothing."""
    try:
        now = joined.study.survey()
        best = joined.study.best(now)
    except Exception as error:
        if not is_away(error):
            raise
        log.warning("How far the study is could not be told: %s", in_one_line(error))
        return
    work.progress.write(
        "trial",
        run_id=joined.run.id,
        trial=taken.number,
        state=state,
        ended=len(now.ended),
        trials=joined.study.tune.trials,
        best=None if best is None else best.value,
        **fields,
    )
