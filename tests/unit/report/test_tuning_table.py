"""Recipe, tuned, gain and cost in the tables, and nothing of it where nothing was tuned."""

from __future__ import annotations

import csv
import io
import re

import pytest
from rich.console import Console

from support.sweep_data import cell_data, sweep_data
from support.sweeps import tuned
from sweep.report.cells import shown
from sweep.report.compare import Table
from sweep.report.data import SweepData
from sweep.report.formats import to_csv, to_latex, to_markdown
from sweep.report.tables import make_tables
from sweep.report.terminal import print_tables
from sweep.report.texts import speaking


def tables(sweep: SweepData) -> dict[str, Table]:
    return {table.name: table for table in make_tables(sweep.frame, sweep)}


def mixed() -> SweepData:
    return sweep_data(
        cell_data("tuned", 0.8, level="2", **tuned(0.4, 0.425, trials=20, pruned=11, **{"tune/epochs": 166.0})),
        cell_data("equal", 0.8, level="3", **tuned(0.4, 0.4)),
        cell_data("plain", 0.7, level="2"),
        cell_data("dead", status="failed", reason="boom", level="4"),
    )


def read(table: Table) -> dict[str, dict[str, str]]:
    return {row["cell"]: row for row in csv.DictReader(io.StringIO(to_csv(table)))}


def test_a_cell_has_recipe_tuned_gain_in_points_and_cost() -> None:
    table = tables(mixed())["tuning"]
    (row,) = (row for row in table.groups[0].rows if row.values["cell"] == "tuned")
    assert [shown(row, column) for column in table.columns] == [
        "tuned", "0.6000", "0.6250", "+2.50", "0.4000", "0.4250", "+2.50", "20", "11", "166",
    ]  # fmt: skip


def test_a_gain_is_exact_in_the_file() -> None:
    rows = read(tables(mixed())["tuning"])
    assert rows["tuned"]["tune/gain/mAP50-95"] == "2.5"
    assert rows["equal"]["tune/gain/mAP50-95"] == "0"


def test_a_loss_has_its_sign() -> None:
    table = tables(sweep_data(cell_data("a", 0.8, **tuned(0.4, 0.39))))["tuning"]
    assert "| −1.00 |" in to_markdown(table)


def test_an_untuned_cell_has_dashes_and_a_failed_one_says_so() -> None:
    for name in ("tuning", "cells"):
        rows = read(tables(mixed())[name])
        own = [column for column in rows["plain"] if column.startswith("tune/")]
        assert len(own) >= 9
        assert {rows["plain"][column] for column in own} == {"–"}
        assert {rows["dead"][column] for column in own} == {"failed"}


def test_the_table_of_all_cells_has_the_gain_beside_what_it_is_of() -> None:
    names = [column.name for column in tables(mixed())["cells"].columns if column.name.startswith("tune/")]
    assert names[:9] == [
        "tune/recipe/mAP50", "tune/tuned/mAP50", "tune/gain/mAP50",
        "tune/recipe/mAP50-95", "tune/tuned/mAP50-95", "tune/gain/mAP50-95",
        "tune/trials", "tune/pruned", "tune/epochs",
    ]  # fmt: skip
    assert len(names) == len(set(names))


def test_tuned_and_untuned_cells_are_not_compared() -> None:
    groups = {group.shared[-1][1]: group.rows for group in tables(mixed())["series"].groups}
    assert [row.values["level"] for row in groups["yes"]] == ["2", "3"]
    assert [row.values["level"] for row in groups["no"]] == ["2"]


def test_where_all_are_tuned_alike_no_axis_is_added() -> None:
    cells = (cell_data(f"l{level}", 0.8, level=level, **tuned(0.4, 0.5)) for level in ("2", "4"))
    assert [group.shared for group in tables(sweep_data(*cells))["series"].groups] == [()]


def test_without_tuning_there_is_nothing_of_it() -> None:
    sweep = sweep_data(cell_data("a", 0.8, level="2"), cell_data("b", 0.7), cell_data("dead", status="failed"))
    found = tables(sweep)
    assert list(found) == ["series", "activations", "ranking", "cells"]
    for table in found.values():
        for text in (to_csv(table), to_markdown(table), to_latex(table)):
            assert not re.search("tun(e|ed|ing)", text, flags=re.I)


@pytest.mark.parametrize(("spoken", "heading"), [("en", "Gain in mAP50 (points)"), ("ko", "mAP50 향상(%p)")])
def test_every_format_has_it_in_the_language_that_is_spoken(spoken: str, heading: str) -> None:
    with speaking(spoken):
        table = tables(mixed())["tuning"]
        latex = to_latex(table)
        assert heading in to_markdown(table) and heading.replace("%", r"\%") in latex
        assert "+2.50" in latex


def test_a_terminal_shows_gain_and_cost_and_says_that_the_best_was_selected() -> None:
    printed = io.StringIO()
    print_tables([tables(mixed())["tuning"]], Console(file=printed, width=160))
    (row,) = (line for line in printed.getvalue().splitlines() if line.strip().startswith("tuned"))
    assert row.split()[1:] == ["0.6000", "0.6250", "+2.50", "0.4000", "0.4250", "+2.50", "20", "11", "166"]
    assert "optimistic" in printed.getvalue()
