"""Cells and sweeps made of plain values, as their reader would give them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import pytest

from sweep.report.data import CellData, SweepData
from sweep.report_settings import ReportSettings
from sweep.tracking.measured import measured_facts

AXES = {"base": "yolo11n", "level": "4", "act": "relu", "seed": "0", "recipe": "quick", "data": "signs"}
ENDED = datetime(2025, 10, 1, 13, 29, tzinfo=UTC)

MakeCell = Callable[..., CellData]
MakeSweep = Callable[..., SweepData]


@pytest.fixture
def make_cell() -> MakeCell:
    """`make_cell("name", {"best/mAP50": 0.8}, curves={"metrics/mAP50": [0.1, 0.2]}, status="failed", …)`."""

    def make(
        name: str = "yolo11n-l4-relu-s0",
        values: Mapping[str, Any] | None = None,
        *,
        status: str = "finished",
        curves: Mapping[str, Sequence[float]] | None = None,
        tags: Mapping[str, str] | None = None,
        axes: bool = True,
        **others: Any,
    ) -> CellData:
        run_id = others.pop("run_id", "0123456789abcdef")
        content = {"cell": name, "status": status, "run_id": run_id, **(AXES if axes else {}), **(values or {})}
        frame = pd.DataFrame(curves) if curves else None
        if frame is not None:
            frame.index = pd.Index(range(1, len(frame) + 1), name="epoch")
        told = tags or {}
        facts = measured_facts({**content, **told})
        defaults: dict[str, Any] = {"folder": "cell", "reason": None, "ended": ENDED, "facts": facts}
        return CellData(
            name=name,
            run_id=run_id,
            status=status,
            values=content,
            curves=frame,
            tags=told,
            **{**defaults, **others},
        )

    return make


@pytest.fixture
def make_sweep() -> MakeSweep:
    """`make_sweep(cell, other)`: a sweep of these cells."""

    def make(*cells: CellData, **others: Any) -> SweepData:
        rows = [dict(cell.values) for cell in cells]
        columns = list(dict.fromkeys(name for row in rows for name in row))
        defaults: dict[str, Any] = {"command": "python -m sweep level=4", "settings": ReportSettings()}
        return SweepData(
            id="20251001-122011",
            run_id="f" * 32,
            name="sweep",
            tags={},
            started=ENDED,
            ended=ENDED,
            cells=cells,
            frame=pd.DataFrame(rows, columns=columns),
            **{**defaults, **others},
        )

    return make
