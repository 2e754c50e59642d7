"""How good an imported checkpoint is: evaluated as our cells are, or else as its own training saw it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sweep.importing.cell import ImportedCell
from sweep.tracking import names

EVALUATION, RESULTS_CSV = "evaluation", "results.csv"  # values of the tag `names.BEST_FROM`
FAR = 0.05  # an evaluation and the training's own validation of the same pictures differ by precision and batch only


@dataclass(frozen=True)
class Accuracy:
    """The figures of the best checkpoint.

    Attributes:
        metrics: by MLflow name: `best/…`, with intervals and `test/…` where it was evaluated.
        files: by artifact path.
        source: EVALUATION or RESULTS_CSV.
        warning: that both sources disagree, as a sentence; None where they do not.
    """

    metrics: Mapping[str, float]
    source: str
    files: Mapping[str, Path] = field(default_factory=dict)
    warning: str | None = None


def accuracy_of(cell: ImportedCell, device: str, folder: Path, home: Path, say: Callable[[str], None]) -> Accuracy:
    """Evaluate the best checkpoint where its data is there, and otherwise take its epoch's row of results.csv.

    Args:
        cell: What is imported.
        device: `cpu`, `mps` or `cuda`.
        folder: Where files are written.
        home: The folder that holds all state.
        say: Told what is done.
    """
    from sweep.data.ultralytics_yaml import write_view
    from sweep.evaluation import evaluate_best

    run, dataset = cell.folder, cell.data.dataset
    row = run.results.epochs[run.results.best_epoch(run.best.metrics)]
    told = {name.replace("metrics/", "best/"): row[name] for name in names.EPOCH_DETECTION if name in row}
    if dataset is None:
        return Accuracy(told, RESULTS_CSV)
    say(f"validating best.pt on {len(dataset.val)} pictures ({device})")
    sizes = {name: run.arguments[name] for name in ("imgsz", "batch")}
    evaluated = evaluate_best(run.best.path, dataset, write_view(dataset, home), sizes, device, folder)
    return Accuracy(evaluated.metrics, EVALUATION, evaluated.files, _disagreement(evaluated.metrics, told))


def _disagreement(evaluated: Mapping[str, float], told: Mapping[str, float]) -> str | None:
    name = "best/mAP50"
    here, there = evaluated.get(name, math.nan), told.get(name, math.nan)
    if not abs(here - there) > FAR:  # NaN is no disagreement
        return None
    return (
        f"best.pt reaches mAP50 {here:.3f} on this data, results.csv says {there:.3f}: are these the pictures that it "
        "was validated on?"
    )
