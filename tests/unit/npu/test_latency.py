"""Latency is the median of repeated runs: as many as asked for, fewer for a slow model, never fewer than ten."""

from __future__ import annotations

from pathlib import Path

import pytest
from onnx import TensorProto, helper, save

from sweep.npu import latency
from sweep.npu.latency import host_latency


@pytest.fixture
def model(tmp_path: Path) -> Path:
    shape = [1, 3, 32, 32]
    graph = helper.make_graph(
        [helper.make_node("Relu", ["images"], ["output0"])],
        "tiny",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("output0", TensorProto.FLOAT, shape)],
    )
    path = tmp_path / "tiny.onnx"
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8), path)
    return path


def test_it_times_as_many_runs_as_asked_for(model: Path) -> None:
    timed = host_latency(model, runs=30)
    assert timed.runs == 30
    assert timed.threads == 1
    assert timed.median_ms > 0
    assert timed.spread_ms >= 0
    assert list(model.parent.iterdir()) == [model]


def test_a_slow_model_is_timed_ten_times(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(latency, "BUDGET_S", 0.0)
    assert host_latency(model).runs == 10


def test_figures_are_median_and_interquartile_range_in_milliseconds(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Clock:
        """Every second reading lies 1, 2, 3 … 9 ms after the one before it."""

        readings, now, step = 0, 0.0, 0

        def perf_counter(self) -> float:
            self.readings += 1
            if self.readings > 1 and self.readings % 2:
                self.step += 1
                self.now += self.step * 1e-3
            return self.now

    monkeypatch.setattr(latency, "time", Clock())
    timed = host_latency(model, runs=9)
    assert timed.median_ms == pytest.approx(5)
    assert timed.spread_ms == pytest.approx(4)
