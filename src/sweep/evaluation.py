"""What a checkpoint is worth on its data: its figures, how certain they are, and what they were made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sweep.data.dataset import Dataset
    from sweep.training.train import Evaluation


@dataclass(frozen=True)
class Evaluated:
    """An evaluation as a run logs it.

    Attributes:
        metrics: by MLflow name: `best/…` with the ends of their 95 % intervals, and `test/…` where there is a test
            split with objects.
        files: by artifact path: the statistics of each validation image.
    """

    metrics: dict[str, float]
    files: dict[str, Path]


def evaluate_best(
    checkpoint: Path, data: Dataset, view: Path, recipe: Mapping[str, Any], device: str, folder: Path
) -> Evaluated:
    """Evaluate a cell's best checkpoint, once on each split. The test split is told, and never chosen by.

    Args:
        checkpoint: An Ultralytics checkpoint.
        data: The data set, checked.
        view: `data.yaml` of its view in home.
        recipe: Of it `imgsz`, `batch` and `workers` are read, as resolved or as text from a run's params.
        device: `cpu`, `mps` or `cuda`.
        folder: Where everything is written.
    """
    from sweep.statistics.bootstrap import interval, with_replicates
    from sweep.statistics.images import save_statistics
    from sweep.tracking import names
    from sweep.training.train import evaluate

    def on(split: str, pictures: Sequence[Path]) -> Evaluation:
        return evaluate(
            checkpoint,
            view=view,
            imgsz=int(recipe["imgsz"]),
            batch=int(recipe["batch"]),
            workers=int(recipe.get("workers", 0)),
            device=device,
            folder=folder,
            split=split,
            originals=_originals(view, split, pictures),
        )

    best = on("val", data.val)
    statistics = with_replicates(best.statistics)
    path = folder / Path(names.STATISTICS).name
    save_statistics(statistics, path)
    metrics = {f"best/{name}": value for name, value in best.figures.items()}
    certain = interval(statistics)
    for metric, ends in (("best/mAP50", certain.map50), ("best/mAP50-95", certain.map5095)):
        metrics |= dict(zip(names.INTERVALS[metric], map(float, ends), strict=True))
    if data.test:
        test = on("test", data.test)
        if len(test.statistics.object_image):  # without labels there is nothing to be right about
            metrics |= {name: test.figures[name.removeprefix("test/")] for name in names.TEST}
    return Evaluated(metrics, {names.STATISTICS: path})


def _originals(view: Path, split: str, pictures: Sequence[Path]) -> dict[str, str]:
    """The user's picture of each file that the view lists: a few are copies in home."""
    listed = (view.parent / f"{split}.txt").read_text("utf-8").splitlines()
    return dict(zip(listed, map(str, pictures), strict=True))
