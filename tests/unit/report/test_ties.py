"""Ties in the tables, intervals beside the figures, ranks and seeds: what a reader sees, and what the files hold."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from rich.console import Console

from support.sweep_data import cell_data, detections, sweep_data
from sweep.report.compare import Table
from sweep.report.data import CellData, SweepData
from sweep.report.formats import to_csv, to_latex, to_markdown
from sweep.report.tables import make_tables
from sweep.report.terminal import print_tables
from sweep.report.texts import load_texts, speaking

BEST = "best/mAP50"


def tables(sweep: SweepData) -> dict[str, Table]:
    return {table.name: table for table in make_tables(sweep.frame, sweep)}


def grouped() -> list[CellData]:
    """Levels 2 and 3 are the same, level 4 is clearly worse; at another activation there is one cell."""
    return [
        cell_data("l2", statistics=detections(0.9), level="2"),
        cell_data("l3", statistics=detections(0.9), level="3", **{BEST: 0.5}),
        cell_data("l4", statistics=detections(0.4), level="4"),
        cell_data("other", statistics=detections(0.4), level="4", act="relu6"),
    ]


def marks(table: Table, column: str) -> list[list[tuple[bool, bool]]]:
    return [[(column in row.best_in, column in row.tied_in) for row in group.rows] for group in table.groups]


def read_csv(table: Table) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(to_csv(table))))


def test_what_cannot_be_told_from_the_best_of_its_group_is_best_too() -> None:
    found = tables(sweep_data(*grouped()))
    assert marks(found["series"], BEST) == [[(True, False), (True, True), (False, False)], [(False, False)]]
    assert marks(found["activations"], BEST)[2] == [(True, False), (True, False)]
    assert marks(found["cells"], BEST) == [[(True, False), (True, True), (False, False), (False, False)]]


def test_without_a_sweep_only_the_best_figure_is_marked() -> None:
    table = make_tables(sweep_data(*grouped()).frame)[0]
    assert marks(table, BEST) == [[(True, False), (False, False), (False, False)], [(False, False)]]


@pytest.mark.parametrize("language", ["en", "ko"])
def test_marks_are_explained_in_every_format(language: str) -> None:
    with speaking(language):
        table = tables(sweep_data(*grouped()))["series"]
        told = load_texts()["marks"]
        assert table.marks == (told["best"], told["ties"], told["only_map"])
        assert "| **0.5000 ≈** |" in to_markdown(table)
        assert all(mark.split(":")[0] in to_markdown(table) for mark in table.marks)
        assert r"\textbf{0.5000 \ensuremath{\approx}}" in to_latex(table)
        assert f"% {told['ties']}" in to_latex(table)


def test_csv_names_ties_and_stays_exact() -> None:
    rows = read_csv(tables(sweep_data(*grouped()))["series"])
    assert rows[1][BEST] == "0.5"
    assert [BEST in row["best_in"].split() for row in rows] == [True, True, False, False]
    assert [BEST in row["tied_in"].split() for row in rows] == [False, True, False, False]


def test_it_is_said_that_nothing_could_be_tested() -> None:
    untested = [cell_data("a", 0.9), cell_data("b", 0.8, level="3")]
    told = load_texts()["marks"]
    assert told["untested"] in tables(sweep_data(*untested))["series"].marks
    partly = [*grouped(), cell_data("c", 0.1, level="9")]
    assert any("4 cells" in mark for mark in tables(sweep_data(*partly))["cells"].marks)


def test_an_interval_is_one_column_for_people_and_two_for_programs() -> None:
    table = tables(sweep_data(cell_data("a", statistics=detections(0.9)), cell_data("b", 0.5, level="2")))["cells"]
    headings = [column.heading for column in table.columns]
    assert headings[headings.index("mAP50") + 1] == "mAP50 95 % CI"
    rows = read_csv(table)
    value = float(rows[0][BEST])
    assert (float(rows[0]["best/mAP50_lo"]), float(rows[0]["best/mAP50_hi"])) == (value - 0.02, value + 0.02)
    assert rows[1]["best/mAP50_lo"] == "not measured"
    assert f"| {value - 0.02:.4f}–{value + 0.02:.4f} |" in to_markdown(table)


def test_the_ranking_tells_place_distance_and_cost() -> None:
    cells = [
        cell_data("light", statistics=detections(0.9), **{"int8/size_mb": 1.0, BEST: 0.8}),
        cell_data("worse", statistics=detections(0.4), **{"int8/size_mb": 2.0}),
        cell_data("first", statistics=detections(0.9), **{"int8/size_mb": 3.0}),
        cell_data("gone", None),
        cell_data("dead", status="failed", reason="E: boom"),
    ]
    rows = read_csv(tables(sweep_data(*cells))["ranking"])
    assert [(row["rank"], row["cell"], row["leader/verdict"], row["pareto"]) for row in rows] == [
        ("1", "first", "leader", "size"),
        ("1", "light", "tied", "size"),
        ("3", "worse", "worse", "–"),
        ("–", "gone", "–", "–"),
    ]
    assert float(rows[2]["leader/difference"]) < float(rows[2]["leader/difference_hi"]) + 1 < 1
    assert float(rows[2]["leader/p_holm"]) < 0.05 <= float(rows[1]["leader/p_holm"])
    assert rows[0]["leader/difference"] == "–"


def test_a_ranking_without_tests_has_no_columns_of_tests() -> None:
    table = tables(sweep_data(cell_data("a", 0.9), cell_data("b", 0.8)))["ranking"]
    assert [column.name for column in table.columns] == ["rank", "cell", BEST, "best/mAP50-95", "leader/difference"]
    assert tables(sweep_data(cell_data("a", None, status="failed")))["ranking"].groups == ()


def seeds(*values: float, **more: Any) -> list[CellData]:
    return [cell_data(f"s{n}", value, seed=str(n), **more) for n, value in enumerate(values)]


def test_seeds_have_mean_spread_and_interval() -> None:
    table = tables(sweep_data(*seeds(0.5, 0.6, 0.7), *seeds(0.9, level="2")))["seeds"]
    first, alone = read_csv(table)
    assert (first["level"], first["seeds"]) == ("4", "0, 1, 2")
    assert float(first["seeds/mAP50_mean"]) == pytest.approx(0.6)
    assert float(first["seeds/mAP50_std"]) == pytest.approx(0.1)
    # t(0.975, 2) = 4.302653 of any table of Student's t
    assert float(first["seeds/mAP50_lo"]) == pytest.approx(0.6 - 4.302653 * 0.1 / 3**0.5, abs=1e-6)
    assert (alone["seeds"], alone["seeds/mAP50_std"], alone["seeds/mAP50_lo"]) == ("0", "–", "–")
    assert "| 0.3516–0.8484 |" in to_markdown(table)


def test_no_table_of_seeds_where_no_cell_has_another_seed() -> None:
    assert "seeds" not in tables(sweep_data(*seeds(0.5), cell_data("a", 0.5, level="2")))
    failed = cell_data("f", None, status="failed", seed="7")
    assert "seeds" not in tables(sweep_data(*seeds(0.5), failed))


@pytest.mark.parametrize("width", [80, 110, 200])
def test_the_terminal_shows_ranks_and_ties(width: int) -> None:
    out = io.StringIO()
    sweep = sweep_data(*grouped(), *seeds(0.3, 0.4, level="9"))
    print_tables(make_tables(sweep.frame, sweep), Console(file=out, width=width, force_terminal=False))
    text = out.getvalue()
    assert max(map(len, text.splitlines())) <= width
    assert "0.5000 ≈*" in text
    assert "Ranking" in text and "tied" in text and "Over seeds" in text
    assert "Bold" not in text
