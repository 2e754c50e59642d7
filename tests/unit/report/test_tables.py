"""Comparison groups, best values, ties and missing values."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweep.report.columns import direction
from sweep.report.compare import Table
from sweep.report.formats import to_markdown
from sweep.report.tables import activations, all_cells, make_tables, series


def cell(level: object = 2, act: str = "relu", map50: float | None = 0.5, **more: Any) -> dict[str, Any]:
    base = {
        "run_id": f"{level}{act}",
        "cell": f"l{level}-{act}",
        "status": "finished",
        "reason": None,
        "base": "yolo11n",
        "level": str(level),
        "act": act,
        "seed": "0",
        "recipe": "quick",
        "data": "signs",
        "recipe.lr0": "0.01",
        "best/mAP50": map50,
        "model/gflops": 6.0,
    }
    return base | more


def values(table: Table, column: str) -> list[list[Any]]:
    return [[row.values[column] for row in group.rows] for group in table.groups]


def best(table: Table, column: str) -> list[list[bool]]:
    return [[column in row.best_in for row in group.rows] for group in table.groups]


def captions(table: Table) -> list[dict[str, str]]:
    return [{column.name: value for column, value in group.shared} for group in table.groups]


def test_series_compares_levels_at_one_activation() -> None:
    cells = pd.DataFrame([cell(level, act, level / 10) for level in (10, 2, 4) for act in ("relu", "leakyrelu")])
    table = series(cells)
    assert captions(table) == [{"act": "relu"}, {"act": "leakyrelu"}]
    assert values(table, "level") == [["2", "4", "10"]] * 2
    assert values(table, "level_title")[0] == ["basic", "full", None]
    assert best(table, "best/mAP50") == [[False, False, True]] * 2


def test_activations_are_compared_at_one_level() -> None:
    cells = pd.DataFrame([cell(level, act, len(act) / 10) for level in (2, 3) for act in ("relu", "relu6")])
    table = activations(cells)
    assert captions(table) == [{"level": "2"}, {"level": "3"}]
    assert best(table, "best/mAP50") == [[False, True]] * 2


@pytest.mark.parametrize("axis", ["base", "seed", "data", "recipe.lr0"])
def test_only_cells_that_differ_in_nothing_else_are_compared(axis: str) -> None:
    cells = pd.DataFrame([cell(2, map50=0.5), cell(2, map50=0.9, **{axis: "7"})])
    for table in (series(cells), all_cells(cells)):
        assert captions(table)[1][axis] == "7"
        assert best(table, "best/mAP50") == [[False], [False]]


def test_what_follows_from_the_recipe_is_not_shown_again() -> None:
    cells = pd.DataFrame([cell(2), cell(2, recipe="v3", **{"recipe.lr0": "0.003", "recipe.batch": "16"})])
    assert captions(all_cells(cells)) == [{"recipe": "quick"}, {"recipe": "v3"}]


def test_ties_are_all_best_and_failed_cells_do_not_compete() -> None:
    rows = [cell(2, map50=0.8), cell(3, map50=0.8), cell(4, map50=0.9, status="failed", reason="boom")]
    table = all_cells(pd.DataFrame(rows))
    assert best(table, "best/mAP50") == [[True, True, False]]
    assert values(table, "reason") == [[None, None, "boom"]]


def test_nan_is_missing_and_infinity_is_never_best_among_losses() -> None:
    name = "final/val/box_loss"
    rows = [cell(2, **{name: math.nan}), cell(3, **{name: math.inf}), cell(4, **{name: 1.0})]
    table = all_cells(pd.DataFrame(rows))
    assert values(table, name)[0][0] is None
    assert best(table, name) == [[False, False, True]]


def test_cell_that_died_before_its_run_stands_among_the_others() -> None:
    dead = {"run_id": None, "cell": "dead", "status": "failed", "reason": "killed by SIGKILL"}
    cells = pd.DataFrame([dead, cell(2), cell(3)])
    assert values(all_cells(cells), "cell") == [["dead", "l2-relu", "l3-relu"]]
    assert values(series(cells), "level") == [["2", "3"]]


def test_cell_that_never_started_is_a_row_that_says_so() -> None:
    skipped = {"run_id": None, "cell": "l4-relu", "status": "skipped", "reason": "not started"}
    axes = {name: cell(4)[name] for name in ("base", "level", "act", "seed", "recipe", "data")}
    cells = pd.DataFrame([cell(2, level_title="Basic"), cell(2, "relu6"), skipped | axes])
    for table, compared in ((series(cells), "level"), (activations(cells), "act")):
        rows = [row for group in table.groups for row in group.rows if row.status == "skipped"]
        assert [row.values[compared] for row in rows] == [axes[compared]]
        assert "| skipped |" in to_markdown(table)
    assert values(series(cells), "level") == [["2", "4"], ["2"]]


def test_a_sweep_that_never_started_has_a_row_for_every_cell() -> None:
    axes = [{name: cell(level)[name] for name in ("base", "level", "act", "seed")} for level in (2, 4)]
    cells = pd.DataFrame([{"run_id": None, "cell": f"c{row['level']}", "status": "skipped"} | row for row in axes])
    assert values(series(cells), "level") == [["2", "4"]]


WEIGHTS = {"run_id": "r", "weights_digest": None, "model.weights": "None"}


def test_cells_that_began_with_other_weights_are_not_compared() -> None:
    first = cell(2, map50=0.5) | WEIGHTS
    second = cell(2, map50=0.9) | WEIGHTS | {"model.weights": "yolo11n.pt", "weights_digest": "a" * 64}
    for table in (series(pd.DataFrame([first, second])), all_cells(pd.DataFrame([first, second]))):
        assert captions(table) == [{"model.weights": "none"}, {"model.weights": "yolo11n.pt"}]
        assert best(table, "best/mAP50") == [[False], [False]]


def test_weights_are_what_is_in_the_file_and_not_its_name() -> None:
    old = cell(2)  # a run from before the parameter was logged: it began with none
    copies = [{"model.weights": name, "weights_digest": "a" * 64} for name in ("yolo11n.pt", "copy.pt")]
    others = [{"model.weights": "yolo11n.pt", "weights_digest": "b" * 64}]
    rows = [old, *(cell(level) | more for level, more in zip((3, 4, 3), [*copies, *others], strict=True))]
    rows.append(cell(3) | WEIGHTS)
    table = series(pd.DataFrame(rows))
    assert captions(table) == [
        {"model.weights": "none"},
        {"model.weights": "yolo11n.pt aaaaaaaa"},
        {"model.weights": "yolo11n.pt bbbbbbbb"},
    ]
    assert values(table, "level") == [["2", "3"], ["3", "4"], ["3"]]


def test_without_weights_nothing_is_said_of_them() -> None:
    table = all_cells(pd.DataFrame([cell(2) | WEIGHTS, cell(3)]))
    assert captions(table) == [{}]
    assert values(table, "cell") == [["l2-relu", "l3-relu"]]


def test_empty_sweep_has_empty_tables() -> None:
    columns = ["run_id", "cell", "key", "status", "reused", "reason"]
    assert [table.groups for table in make_tables(pd.DataFrame(columns=columns))] == [(), (), ()]


@given(st.lists(st.one_of(st.none(), st.floats(0, 1), st.just(math.nan)), min_size=1, max_size=12))
def test_best_is_the_maximum_and_nothing_else(maps: list[float | None]) -> None:
    rows = [cell(level, map50=value) for level, value in enumerate(maps)]
    table = all_cells(pd.DataFrame(rows))
    known = [value for value in maps if value is not None and not math.isnan(value)]
    expected = [len(known) > 1 and value is not None and value == max(known) for value in maps]
    assert best(table, "best/mAP50") == [expected]


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        ("best/mAP50-95", "up"),
        ("final/recall", "up"),
        ("npu/ethos/op_pct", "up"),
        ("npu/onnx.rk3588/mac_pct", "up"),
        ("npu/ethos/latency_ms", "down"),
        ("npu/ethos/sram_kb", "down"),
        ("npu/rk3588/conv_cycles", "down"),
        ("int8/mAP50", "up"),
        ("int8/mAP50_drop", "down"),
        ("int8/size_mb", "down"),
        ("int8/latency_iqr_ms", None),
        ("transfer/carried_pct", None),
        ("final/val/dfl_loss", "down"),
        ("model/nodes", "down"),
        ("time/train_s", "down"),
        ("int8/latency_ms", "down"),
        ("best/epoch", None),
    ],
)
def test_direction(metric: str, expected: str | None) -> None:
    assert direction(metric) == expected
