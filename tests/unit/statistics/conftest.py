"""The simulated world of benchmarks/bootstrap.py, with small sizes."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from sweep.statistics.images import ImageStatistics

THRESHOLDS = np.round(np.arange(0.5, 1.0, 0.05), 2)


@pytest.fixture(scope="session")
def world() -> ModuleType:
    """`scenes` and `detect` of benchmarks/simulated.py."""
    path = Path(__file__).parents[3] / "benchmarks" / "simulated.py"
    spec = importlib.util.spec_from_file_location("simulated_world", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def evaluation() -> Any:
    """Make statistics from lists: detections are (image, confidence, class, IoU), objects (image, class)."""

    def make(
        images: int, detections: list[tuple[int, float, int, float]], objects: list[tuple[int, int]]
    ) -> ImageStatistics:
        found = np.array(detections, dtype=np.float64).reshape(-1, 4)
        real = np.array(objects, dtype=np.int32).reshape(-1, 2)
        return ImageStatistics(
            images=tuple(f"{number}.jpg" for number in range(images)),
            classes={0: "a", 1: "b"},
            thresholds=THRESHOLDS,
            image=found[:, 0].astype(np.int32),
            confidence=found[:, 1].astype(np.float32),
            category=found[:, 2].astype(np.int32),
            correct=found[:, 3:] >= THRESHOLDS,
            object_image=real[:, 0],
            object_category=real[:, 1],
        )

    return make
