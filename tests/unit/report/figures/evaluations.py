"""Evaluations made by chance, with a seed, and sweeps of them: no store, no training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from sweep.report.data import CellData, SweepData
from sweep.report_settings import ReportSettings
from sweep.statistics.images import ImageStatistics
from sweep.tracking import names

SIGNS = ("stop", "yield", "no entry", "turn left", "turn right", "횡단보도")


def evaluation(seed: int = 0, classes: Sequence[str] = SIGNS, images: int = 60, skill: float = 0.8) -> ImageStatistics:
    """Return an evaluation of a detector that finds about that share of the objects."""
    dice = np.random.default_rng(seed)
    objects, count = images * 8, len(classes)
    object_category = dice.integers(0, count, objects)
    object_image = np.sort(dice.integers(0, images, objects))
    of_class = np.clip(skill + dice.normal(0, 0.12, count), 0.05, 0.98)
    found = dice.random(objects) < of_class[object_category]
    wrong = dice.integers(0, images, objects // 3)
    image = np.concatenate([object_image[found], wrong])
    right = np.arange(len(image)) < found.sum()
    category = np.concatenate([object_category[found], dice.integers(0, count, len(wrong))])
    confidence = np.where(right, dice.beta(5, 2, len(image)), dice.beta(2, 4, len(image)))
    overlap = np.where(right, dice.uniform(0.45, 1.0, len(image)), 0.0)
    thresholds = np.linspace(0.5, 0.95, 10)
    order = np.argsort(image, kind="stable")
    confusion = np.zeros((count + 1, count + 1), dtype=np.int64)
    for true, hit in zip(object_category, found, strict=True):
        seen = true if hit and dice.random() < 0.85 else (dice.integers(0, count) if hit else count)
        confusion[seen, true] += 1
    for false in dice.integers(0, count, objects // 5):
        confusion[false, count] += 1
    return ImageStatistics(
        images=tuple(f"{index:04}.jpg" for index in range(images)),
        classes=dict(enumerate(classes)),
        thresholds=thresholds,
        image=image[order].astype(np.int32),
        confidence=confidence[order].astype(np.float32),
        category=category[order].astype(np.int32),
        correct=overlap[order, None] >= thresholds,
        object_image=object_image.astype(np.int32),
        object_category=object_category.astype(np.int32),
        confusion=confusion,
    )


def curves(best: float = 0.8, epochs: int = 30, seed: int = 0) -> pd.DataFrame:
    """Return metrics over epochs, as `tracking.read.curves` does."""
    dice = np.random.default_rng(seed)
    at = np.arange(1, epochs + 1)
    rise = 1 - np.exp(-at / (epochs / 4))
    columns = {name: np.clip(best * rise + dice.normal(0, 0.01, epochs), 0, 1) for name in names.EPOCH_DETECTION}
    columns["metrics/mAP50-95"] = columns["metrics/mAP50"] * 0.8
    columns |= {name: 0.5 + 4 * np.exp(-at / (epochs / 5)) + dice.normal(0, 0.03, epochs) for name in names.LOSSES}
    return pd.DataFrame(columns, index=pd.Index(at, name="epoch"))


def cell(
    name: str, best: float = 0.8, *, status: str = "finished", values: Mapping[str, Any] | None = None, **others: Any
) -> CellData:
    """Return a finished cell with measured figures, without curves or statistics."""
    measured = {
        "best/mAP50": best,
        "best/mAP50-95": best * 0.8,
        "best/mAP50_lo": best - 0.03,
        "best/mAP50_hi": best + 0.02,
        "best/epoch": 20.0,
        "fp32/mAP50": best,
        "int8/mAP50": best - 0.02 * best,
        "int8/size_mb": 2.0 + best,
        "fp32/latency_ms": 20 + 10 * best,
        "int8/latency_ms": 10 + 10 * best,
        "npu/ethos_u55/latency_ms": 5 + 3 * best,
        "npu/ethos_u55/op_pct": 100 - 5 * best,
    }
    kept = measured if status == "finished" else {}
    chosen = {key: value for key, value in {**kept, **(values or {})}.items() if value is not None}
    return CellData(name, name[:20], f"run-{name}", status, None, chosen, **others)


def sweep(*cells: CellData, left_out: int = 0) -> SweepData:
    """Return a sweep of these cells."""
    rows = [{"cell": it.name, "run_id": it.run_id, "status": it.status, **it.values} for it in cells]
    frame = pd.DataFrame(rows)
    about = {"command": "python -m sweep", "tags": {}, "started": None, "ended": None}
    return SweepData("s", "run", "s", cells=cells, frame=frame, settings=ReportSettings(), left_out=left_out, **about)
