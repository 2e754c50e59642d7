"""Measure a cell and log it to the cell's run: right after its training, or later on what MLflow has kept of it."""

from __future__ import annotations

import contextlib
import logging
import shutil
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweep.errors import SweepError, in_one_line
from sweep.locks import cell_folder
from sweep.paths import inside

if TYPE_CHECKING:
    from ultralytics.nn.tasks import DetectionModel

    from sweep.data.dataset import Dataset
    from sweep.npu.graph import GraphSize
    from sweep.npu.measure import Measured
    from sweep.npu.targets import Target
    from sweep.tracking.read import RunInfo
    from sweep.tracking.run import Run
    from sweep.tracking.store import Store

GFLOPS_IMGSZ = 640  # the image size at which Ultralytics states a model's GFLOPs, whatever it was trained at

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Measuring:
    """What to measure a model with: its data, the image size and batch of its recipe, and the targets."""

    data: Dataset
    view: Path
    imgsz: int
    batch: int
    workers: int
    targets: Sequence[Target]
    wanted: Collection[str]
    say: Callable[[str], None]


def measuring_with(
    data: Dataset,
    home: Path,
    recipe: Mapping[str, Any],
    targets: Sequence[Target],
    wanted: Collection[str],
    say: Callable[[str], None],
) -> Measuring:
    """What to measure a cell with, from its recipe, as resolved or as text from its run's params."""
    from sweep.data.ultralytics_yaml import write_view

    return Measuring(
        data=data,
        view=write_view(data, home),
        imgsz=int(recipe["imgsz"]),
        batch=int(recipe["batch"]),
        workers=int(recipe.get("workers", 0)),
        targets=targets,
        wanted=wanted,
        say=say,
    )


def size_of(model: DetectionModel, checkpoint: Path, imgsz: int, folder: Path) -> tuple[dict[str, float], GraphSize]:
    """Parameters, operations and nodes by metric name, and the ONNX export of which the nodes were counted.

    Args:
        model: The model, for its parameters and its operations.
        checkpoint: The same model as a file, which is exported.
        imgsz: Side of the exported input in pixels; operations are those at 640 px.
        folder: Where the export goes.
    """
    from sweep.architecture.size import measure_size
    from sweep.npu.graph import count_nodes
    from sweep.tracking import names

    params_m, gflops = measure_size(model, GFLOPS_IMGSZ)
    graph = count_nodes(checkpoint, imgsz, folder)
    return {names.PARAMS: params_m, names.GFLOPS: gflops, names.NODES: float(graph.nodes)}, graph


def wanted_names(targets: Sequence[Target]) -> dict[str, str | None]:
    """All that a cell is measured for, with what decides its figures: every target, and INT8 where there is any."""
    from sweep.tracking.names import INT8

    return {INT8: None} | {target.name: target.fingerprint() for target in targets} if targets else {}


def measure_and_log(run: Run, checkpoint: Path, onnx: Path, folder: Path, measuring: Measuring) -> Measured:
    """Measure a checkpoint and log figures, facts and files to a run. What cannot be measured is logged as such.

    Args:
        run: The cell's run, under way or ended.
        checkpoint: The cell's best checkpoint.
        onnx: Its FP32 export.
        folder: Where everything is written, `export` in the cell's folder.
        measuring: What to measure with.
    """
    from sweep.npu.calibration import calibration_images
    from sweep.npu.measure import measure
    from sweep.tracking.measured import tag_of, tag_text
    from sweep.training.train import evaluate

    def accuracy(path: Path) -> Mapping[str, float]:
        return evaluate(
            path,
            view=measuring.view,
            imgsz=measuring.imgsz,
            batch=measuring.batch,
            workers=measuring.workers,
            device="cpu",
            folder=folder,
        ).figures

    measured = measure(
        checkpoint,
        onnx,
        images=lambda: calibration_images(measuring.data.train, measuring.imgsz),
        imgsz=measuring.imgsz,
        targets=measuring.targets,
        folder=folder,
        evaluate=accuracy,
        wanted=measuring.wanted,
        say=measuring.say,
    )
    run.log_summary(measured.metrics)
    run.log_files(measured.files)
    shutil.rmtree(folder, ignore_errors=True)  # the run has it all now
    # Last: a run that has a target's tag has its figures and files, too.
    run.set_tags({tag_of(name): tag_text(facts) for name, facts in measured.facts.items()})
    return measured


def measured_or_said(run: Run, wanted: Collection[str], action: Callable[[], Measured]) -> dict[str, str]:
    """Measure, and whatever goes wrong say it at the run: what was trained stays finished.

    Args:
        run: The cell's run.
        wanted: The names of what is to be measured.
        action: `measure_and_log` or `measure_stored` with its arguments.

    Returns:
        What was not measured, with the reasons.
    """
    from sweep.tracking.measured import FAILED, tag_of, tag_text

    try:
        return action().problems
    except Exception as error:
        log.exception("measuring")
        reason = in_one_line(error)
        facts = tag_text({"state": FAILED, "reason": reason})
        with contextlib.suppress(Exception):  # where tracking itself is what went wrong
            run.set_tags({tag_of(name): facts for name in wanted})
        return dict.fromkeys(wanted, reason)


def measure_run(store: Store, run: RunInfo, wanted: Collection[str], make: Callable[[], Measuring]) -> dict[str, str]:
    """Measure a cell that was trained before, with its output in `measure.log` of the run's folder in home.

    Args:
        store: The opened store.
        run: The cell's run. The caller holds the cell.
        wanted: The names of what is to be measured.
        make: Gives what it is measured with; what it raises is a reason, too.

    Returns:
        What was not measured, with the reasons.
    """
    from sweep.tracking.run import run_of
    from sweep.training.output import output_to

    folder = inside(cell_folder(store.home, str(run.key)), run.id)
    with output_to(folder / "measure.log"):
        return measured_or_said(
            run_of(store, run), wanted, lambda: measure_stored(store, run, folder / "export", make())
        )


def measure_stored(store: Store, run: RunInfo, folder: Path, measuring: Measuring) -> Measured:
    """Measure a cell that was trained before, from the checkpoint that MLflow holds.

    Raises:
        SweepError: The run has no checkpoint, or one that could run code.
    """
    from sweep.architecture.checkpoint import are_trusted
    from sweep.npu.graph import count_nodes
    from sweep.tracking.run import open_file, run_of
    from sweep.weights import check_checkpoint

    folder.mkdir(parents=True, exist_ok=True)
    checkpoint = folder / "best.pt"
    try:
        with open_file(store, run, "weights/best.pt") as kept:
            if kept is None:
                raise SweepError(
                    f"{run.cell}: MLflow holds no weights/best.pt of its run {run.run_id}, so it cannot be measured. "
                    "Train the cell again: rerun=true."
                )
            shutil.copyfile(kept, checkpoint)
        check_checkpoint(checkpoint, trust=are_trusted())  # who can write to the store is not who started this
        graph = count_nodes(checkpoint, measuring.imgsz, folder)
        return measure_and_log(run_of(store, run), checkpoint, graph.path, folder, measuring)
    finally:
        checkpoint.unlink(missing_ok=True)
