"""The Pareto front: what no other point beats."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.sweep_data import cell_data, sweep_data
from sweep.report.columns import Better
from sweep.report.pareto import front, fronts

LATENCY = "npu/ethos_u55/latency_ms"


def dominates(one: tuple[float, float], other: tuple[float, float], better: tuple[Better, Better]) -> bool:
    sides = [(b - a if way == "down" else a - b) for a, b, way in zip(one, other, better, strict=True)]
    return min(sides) >= 0 and max(sides) > 0


@pytest.mark.parametrize("better", [("up", "down"), ("up", "up"), ("down", "down")])
@given(points=st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=20))
def test_the_front_is_what_nothing_dominates(better: tuple[Better, Better], points: list[tuple[int, int]]) -> None:
    values = [(float(x), float(y)) for x, y in points]
    expected = {i for i, one in enumerate(values) if not any(dominates(other, one, better) for other in values)}
    assert front(values, better) == expected


def test_equal_points_stand_together() -> None:
    assert front([(0.9, 5.0), (0.9, 5.0), (0.8, 5.0), (0.8, 1.0)], ("up", "down")) == {0, 1, 3}


def test_a_point_that_is_no_number_is_not_on_the_front_and_infinity_is_a_number() -> None:
    points = [(math.nan, 1.0), (0.9, math.nan), (0.5, 3.0), (0.7, math.inf), (0.6, math.inf)]
    assert front(points, ("up", "down")) == {2, 3}
    assert front([], ("up", "down")) == set()


def test_a_sweep_has_a_front_for_each_figure_that_was_measured() -> None:
    cells = [
        cell_data("a", 0.9, **{LATENCY: 9.0, "npu/ethos_u55/op_pct": 100.0, "int8/latency_ms": 0.1}),
        cell_data("b", 0.8, **{LATENCY: 5.0, "npu/ethos_u55/op_pct": 100.0}),
        cell_data("c", 0.7, **{LATENCY: 6.0, "npu/ethos_u55/op_pct": 100.0}),
        cell_data("d", None, **{LATENCY: 1.0}),
    ]
    latency, npu = fronts(sweep_data(*cells))
    assert (latency.against, latency.metric) == ("latency", LATENCY)
    assert [cell.name for cell in latency.members] == ["a", "b"]
    assert (latency.of, latency.only) == (3, None)
    assert (npu.against, npu.only) == ("npu", 100.0)


def test_without_a_compiler_the_latency_is_that_of_the_host() -> None:
    cells = [cell_data("a", 0.9, **{"int8/latency_ms": 0.1, "npu/onnx.rk3588/op_pct": 90.0})]
    assert [found.metric for found in fronts(sweep_data(*cells))] == ["int8/latency_ms", "npu/onnx.rk3588/op_pct"]
