"""Sweeps as reports see them, made of figures instead of a store."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

import pandas as pd

from sweep.report.data import CellData, SweepData
from sweep.report.study import parse_study
from sweep.report_settings import ReportSettings
from sweep.tracking import names
from sweep.tracking.measured import measured_facts

if TYPE_CHECKING:
    from sweep.statistics.images import ImageStatistics

AXES = {"base": "yolo11n", "level": "4", "act": "relu", "seed": "0", "recipe": "quick", "data": "signs"}
HEAD = ("run_id", "cell", "key", "status", "reused", "reason", "data_digest", "weights_digest", "level_title")
START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def cell_data(
    name: str,
    best: float | None = None,
    *,
    statistics: ImageStatistics | None = None,
    status: str = "finished",
    reason: str | None = None,
    folder: str = "",
    link: str | None = None,
    tags: Mapping[str, str] | None = None,
    study: object = None,
    **values: Any,
) -> CellData:
    """A cell of this mAP50, or of what its statistics give; its mAP50-95 is 0.3 below, its interval 0.02 to each side.

    Names of metrics in `values` are written as they are; tags that say what was measured are read. `study`: the content
    of a `tune/study.json`.
    """
    if statistics is not None:
        from sweep.statistics.ap import average_precision

        found = average_precision(statistics)
        values = {"best/mAP50": found.map50, "best/mAP50-95": found.map5095} | values
        best = values["best/mAP50"]
        for metric, (low, high) in names.INTERVALS.items():
            values |= {low: values[metric] - 0.02, high: values[metric] + 0.02}
    elif best is not None:
        values = {"best/mAP50": best, "best/mAP50-95": best - 0.3} | values
    row = {"run_id": f"run {name}", "cell": name, "status": status, "reason": reason, **AXES, **values, **(tags or {})}
    return CellData(
        name=name,
        folder=folder or (name if name.isidentifier() else f"cell-{zlib.crc32(name.encode())}"),
        run_id=f"run {name}",
        status=status,
        reason=reason,
        values={key: value for key, value in row.items() if value is not None},
        facts=measured_facts(tags or {}),
        tags=tags or {},
        started=START,
        ended=START + timedelta(minutes=3),
        statistics=statistics,
        study=parse_study(study),
        link=link,
    )


def sweep_data(*cells: CellData, settings: ReportSettings | None = None, **more: Any) -> SweepData:
    """A sweep of these cells."""
    frame = pd.DataFrame([dict(cell.values) for cell in cells])
    for column in HEAD:
        if column not in frame:
            frame[column] = None
    content: dict[str, Any] = {
        "id": "s1",
        "run_id": "r1",
        "name": "sweep s1",
        "command": "python -m sweep level=2,4",
        "tags": {},
        "started": START,
        "ended": START + timedelta(hours=1),
    }
    return SweepData(**(content | more), cells=cells, frame=frame, settings=settings or ReportSettings())


@cache  # an evaluation's replicates take half a second
def detections(quality: float, *, seed: int = 0, images: int = 40) -> ImageStatistics:
    """An evaluation: of two objects an image each is found with this probability, and one detection more is wrong.

    Evaluations of the same seed find the same objects as far as they can: the better one finds what the worse one does.
    """
    import numpy as np

    from sweep.statistics.bootstrap import with_replicates
    from sweep.statistics.images import ImageStatistics

    rng = np.random.default_rng(seed)
    count = images * 2
    found = rng.random(count) < quality
    image = np.repeat(np.arange(images, dtype=np.int32), 2)
    right, wrong = image[found], np.arange(images, dtype=np.int32)
    overlap = rng.integers(4, 11, count)[found]
    correct = np.concatenate([np.arange(10)[None, :] < overlap[:, None], np.zeros((images, 10), bool)])
    confidence = np.concatenate([rng.random(count)[found] * 0.7 + 0.3, rng.random(images) * 0.5])
    statistics = ImageStatistics(
        images=tuple(f"image{index:04}.jpg" for index in range(images)),
        classes={0: "sign"},
        thresholds=np.linspace(0.5, 0.95, 10),
        image=np.concatenate([right, wrong]),
        confidence=confidence.astype(np.float32),
        category=np.zeros(len(confidence), np.int32),
        correct=correct,
        object_image=image,
        object_category=np.zeros(count, np.int32),
    )
    return with_replicates(statistics)
