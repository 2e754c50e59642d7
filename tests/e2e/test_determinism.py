"""On the CPU the same cell gives bit-identical metrics, whatever runs beside or before it."""

from __future__ import annotations

from pathlib import Path

import pytest

from e2e.conftest import TINY, figures, make_desk

pytestmark = pytest.mark.slow
CELL = ("act=relu", *TINY, "recipe.epochs=3", "recipe.mosaic=0.5")
NAME = "yolo11n-l4-relu-s0"


def test_alone_beside_another_and_second_in_a_warm_worker(tmp_path: Path, signs: Path) -> None:
    ways = {
        "alone": ("level=4", "workers=1"),
        "beside": ("level=3,4", "workers=2"),
        "second": ("level=2,4", "workers=1"),
    }
    results = {}
    for way, arguments in ways.items():
        desk = make_desk(tmp_path / way, signs)
        code, output = desk.run(*arguments, *CELL)
        assert code == 0, output
        results[way] = figures(desk, NAME)
    assert len(results["alone"]["train/box_loss"]) == 3
    assert {"int8/mAP50", "int8/size_mb", "npu/onnx.rk3588/op_pct"} <= results["alone"].keys()
    assert results["beside"] == results["alone"]
    assert results["second"] == results["alone"]
