"""A baseline: which cells are the same, by how much they differ, and what says so."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from support.sweep_data import cell_data, detections, sweep_data
from sweep.report.baseline import Match, matches
from sweep.report.data import CellData
from sweep.report.formats import to_csv
from sweep.report.tables import make_tables

BEST = "best/mAP50"


def matched(cells: list[CellData], before: list[CellData]) -> list[Match]:
    return list(matches(sweep_data(*cells, baseline=sweep_data(*before, id="before"))))


def before_of(found: list[Match]) -> dict[str, str | None]:
    return {match.cell.name: match.before.name if match.before else None for match in found}


@pytest.mark.parametrize("axis", ["base", "level", "act", "seed", "recipe", "data", "model.weights"])
def test_cells_are_the_same_that_agree_in_their_axes(axis: str) -> None:
    cells = [cell_data("a", 0.9), cell_data("b", 0.8, **{axis: "other"})]
    before = [cell_data("B", 0.7, **{axis: "other"}), cell_data("A", 0.6)]
    assert before_of(matched(cells, before)) == {"a": "A", "b": "B"}
    assert before_of(matched(cells[:1], before[:1])) == {"a": None}


def test_no_weights_are_no_weights_however_that_was_recorded() -> None:
    assert before_of(matched([cell_data("a", 0.9, **{"model.weights": "None"})], [cell_data("A", 0.9)])) == {"a": "A"}


def test_recipes_tell_cells_apart_where_several_are_the_same() -> None:
    rates = ("0.1", "0.2")
    cells = [cell_data(f"new {rate}", 0.9, **{"recipe.lr0": rate}) for rate in rates]
    before = [cell_data(f"old {rate}", 0.8, **{"recipe.lr0": rate}) for rate in reversed(rates)]
    assert before_of(matched(cells, before)) == {"new 0.1": "old 0.1", "new 0.2": "old 0.2"}
    more = [*cells, cell_data("new 0.3", 0.9, **{"recipe.lr0": "0.3"})]
    assert before_of(matched(more, before))["new 0.3"] is None


def test_a_cell_alone_is_the_same_in_spite_of_its_recipe_and_its_data_and_says_so() -> None:
    (found,) = matched(
        [cell_data("a", 0.9, data_digest="x", **{"recipe.lr0": "0.1", "recipe.new": "1"})],
        [cell_data("A", 0.8, data_digest="y", **{"recipe.lr0": "0.2"})],
    )
    assert found.before is not None
    assert (found.recipe, found.other_data) == (("recipe.lr0",), True)


def test_differences_are_new_less_old() -> None:
    more: dict[str, Any] = {"npu/ethos_u55/latency_ms": 5.0, "int8/size_mb": 2.0, "model/params_m": 1.5}
    less: dict[str, Any] = {"npu/ethos_u55/latency_ms": 7.0, "int8/size_mb": 1.5, "model/params_m": 1.5}
    (found,) = matched([cell_data("a", 0.9, **more)], [cell_data("A", 0.8, **less)])
    told = {metric: None if d.value is None else round(d.value, 9) for metric, d in found.differences.items()}
    assert told == {
        BEST: 0.1,
        "best/mAP50-95": 0.1,
        "npu/ethos_u55/latency_ms": -2.0,
        "int8/size_mb": 0.5,
        "model/params_m": 0.0,
    }
    assert (found.verdict, found.p) == ("untested", None)


def test_new_is_tested_against_old_where_the_images_are_the_same() -> None:
    cells = [
        cell_data("better", statistics=detections(0.9)),
        cell_data("worse", statistics=detections(0.4), level="2"),
        cell_data("same", statistics=detections(0.7), level="3"),
        cell_data("other", statistics=detections(0.7, images=30), level="5"),
    ]
    before = [
        cell_data("1", statistics=detections(0.4)),
        cell_data("2", statistics=detections(0.9), level="2"),
        cell_data("3", statistics=detections(0.7), level="3"),
        cell_data("4", statistics=detections(0.7), level="5"),
    ]
    found = matched(cells, before)
    assert [match.verdict for match in found] == ["better", "worse", "tied", "untested"]
    better = found[0].differences[BEST]
    assert better.lo is not None and better.lo > 0
    assert found[0].p is not None and better.p is not None
    assert found[0].p >= better.p  # Holm


def test_the_ranking_has_the_differences_and_says_which_cell_has_none() -> None:
    baseline = sweep_data(cell_data("old", 0.8))
    sweep = sweep_data(cell_data("new", 0.9), cell_data("alone", 0.7, level="9"), baseline=baseline)
    table = next(table for table in make_tables(sweep.frame, sweep) if table.name == "ranking")
    first, second = csv.DictReader(io.StringIO(to_csv(table)))
    assert (first["baseline"], second["baseline"]) == ("old", "no matching cell")
    assert float(first["baseline/best/mAP50"]) == pytest.approx(0.1)
    assert second["baseline/best/mAP50"] == "–"
    assert "Baseline: " in table.marks[-1]


def test_without_a_baseline_there_is_nothing() -> None:
    sweep = sweep_data(cell_data("a", 0.9))
    assert matches(sweep) == ()
    assert not any("baseline" in column.name for table in make_tables(sweep.frame, sweep) for column in table.columns)
