"""The recommendation: requirements first, then accuracy, then the lighter of what is tied; and what would change it."""

from __future__ import annotations

from typing import Any

from support.sweep_data import cell_data, detections, sweep_data
from sweep.report.data import CellData, SweepData
from sweep.report.recommend import Recommendation, chosen_target, recommend
from sweep.report_settings import ReportSettings, Require

OPS, LATENCY, SIZE = "npu/ethos_u55/op_pct", "npu/ethos_u55/latency_ms", "int8/size_mb"


def grid(require: Require | None = None, **more: Any) -> SweepData:
    """A heavy accurate cell, a medium one, a light weak one, and one that was never measured."""
    cells = [
        cell_data("heavy", 0.9, **{OPS: 90.0, LATENCY: 20.0, SIZE: 4.0}),
        cell_data("medium", 0.8, **{OPS: 99.0, LATENCY: 12.0, SIZE: 3.0}),
        cell_data("light", 0.6, **{OPS: 100.0, LATENCY: 4.0, SIZE: 1.0}),
        cell_data("unmeasured", 0.95),
    ]
    return sweep_data(*cells, settings=ReportSettings(require=require or Require(), **more))


def name(cell: CellData | None) -> str | None:
    return None if cell is None else cell.name


def changes(found: Recommendation) -> list[tuple[str, str | None, str | None]]:
    return [(change.sort, change.rule, name(change.cell)) for change in found.changes]


def test_without_requirements_accuracy_decides() -> None:
    found = recommend(grid())
    assert name(found.cell) == "unmeasured"
    assert (found.excluded, found.heavier, found.compared) == ((), (), False)
    assert changes(found) == [("same_metric", None, "unmeasured")]


def test_a_cell_that_misses_a_requirement_or_was_not_measured_is_out_and_says_why() -> None:
    found = recommend(grid(Require(npu_pct=95.0, latency_ms=15.0)))
    assert name(found.cell) == "medium"
    told = {
        entry.cell.name: [(miss.rule, miss.metric, miss.limit, miss.value) for miss in entry.misses]
        for entry in found.excluded
    }
    assert told == {
        "heavy": [("npu_pct", OPS, 95.0, 90.0), ("latency_ms", LATENCY, 15.0, 20.0)],
        "unmeasured": [("npu_pct", OPS, 95.0, None), ("latency_ms", LATENCY, 15.0, None)],
    }


def test_a_limit_is_met_by_what_reaches_it() -> None:
    found = recommend(grid(Require(npu_pct=99.0, latency_ms=12.0, size_mb=3.0)))
    assert name(found.cell) == "medium"


def test_what_would_change_it_names_the_requirement_and_what_it_costs() -> None:
    found = recommend(grid(Require(latency_ms=15.0)))
    assert changes(found) == [("without", "latency_ms", "unmeasured"), ("same_metric", None, "medium")]
    assert found.changes[0].gain is not None
    assert round(found.changes[0].gain, 9) == 0.15
    found = recommend(grid(Require(size_mb=2.0, latency_ms=5.0)))
    assert name(found.cell) == "light"
    assert changes(found) == [("accuracy", None, "unmeasured"), ("same_metric", None, "light")]


def test_a_requirement_that_no_cell_meets_is_told_with_the_nearest() -> None:
    found = recommend(grid(Require(latency_ms=1.0)))
    assert found.cell is None
    assert changes(found) == [("without", "latency_ms", "unmeasured"), ("nobody", "latency_ms", "light")]
    nobody = found.changes[1]
    assert (nobody.metric, nobody.limit, nobody.value, nobody.gain) == (LATENCY, 1.0, 4.0, None)


def test_a_requirement_on_what_nobody_measured_is_told() -> None:
    found = recommend(grid(Require(target="rk3588", npu_pct=50.0)))
    assert found.cell is None
    assert [(change.sort, change.metric, change.value) for change in found.changes if change.sort == "nobody"] == [
        ("nobody", "npu/rk3588/op_pct", None)
    ]
    nothing = sweep_data(cell_data("a", 0.5), settings=ReportSettings(require=Require(latency_ms=5.0)))
    assert recommend(nothing).target is None
    assert recommend(nothing).excluded[0].misses[0].metric is None


def test_the_other_metric_may_choose_another_cell() -> None:
    cells = [cell_data("a", 0.9, **{"best/mAP50-95": 0.5}), cell_data("b", 0.8, **{"best/mAP50-95": 0.6})]
    found = recommend(sweep_data(*cells))
    assert changes(found) == [("metric", None, "b")]
    assert found.changes[0].metric == "best/mAP50-95"
    assert found.changes[0].gain is not None and round(found.changes[0].gain, 9) == 0.1


def test_of_tied_cells_the_lighter_one_is_recommended() -> None:
    sizes = [("first", 3.0), ("light", 2.0), ("last", 2.5)]
    cells = [cell_data(n, statistics=detections(0.8), **{SIZE: size, "model/params_m": 1.0}) for n, size in sizes]
    cells.append(cell_data("weak", statistics=detections(0.3), **{SIZE: 0.1}))
    found = recommend(sweep_data(*cells))
    assert name(found.cell) == "light"
    assert found.compared
    assert [(entry.cell.name, entry.metric, entry.own, entry.other) for entry in found.heavier] == [
        ("first", SIZE, 2.0, 3.0),
        ("last", SIZE, 2.0, 2.5),
    ]
    assert ("accuracy", None, "first") in changes(found)


def test_equal_weights_go_on_to_parameters_then_gflops_then_the_grid() -> None:
    def winner(*weights: tuple[float | None, float, float]) -> str | None:
        keys = (SIZE, "model/params_m", "model/gflops")
        cells = [cell_data(f"c{n}", 0.9, **dict(zip(keys, one, strict=True))) for n, one in enumerate(weights)]
        return name(recommend(sweep_data(*cells)).cell)

    assert winner((2.0, 3.0, 1.0), (2.0, 2.0, 9.0)) == "c1"
    assert winner((2.0, 2.0, 9.0), (2.0, 2.0, 8.0)) == "c1"
    assert winner((2.0, 2.0, 9.0), (2.0, 2.0, 9.0)) == "c0"
    assert winner((None, 2.0, 9.0), (1.0, 3.0, 9.0)) == "c0"  # a size that was not measured decides nothing


def test_the_target_is_the_one_required_or_the_first_measured_by_a_compiler() -> None:
    assert chosen_target(grid()) == "ethos_u55"
    assert chosen_target(grid(Require(target="mine"))) == "mine"
    profile = cell_data("a", 0.5, **{"npu/onnx.rk3588/op_pct": 98.0})
    assert chosen_target(sweep_data(profile)) == "onnx.rk3588"
    assert chosen_target(sweep_data(profile, cell_data("b", 0.5, **{"npu/zz/op_pct": 1.0}))) == "zz"
    assert chosen_target(sweep_data(cell_data("a", 0.5))) is None


def test_nothing_finished_gives_nothing() -> None:
    found = recommend(sweep_data(cell_data("a", None, status="failed", reason="boom")))
    assert (found.cell, found.excluded, found.changes) == (None, (), ())


def test_a_finished_cell_without_the_metric_is_out() -> None:
    found = recommend(sweep_data(cell_data("a", None), cell_data("b", 0.5)))
    assert name(found.cell) == "b"
    assert [(entry.cell.name, entry.misses[0].rule) for entry in found.excluded] == [("a", "metric")]
