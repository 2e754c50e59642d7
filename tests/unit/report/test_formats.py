"""CSV, Markdown and LaTeX stay whole whatever is in a name, and nothing in them is executed."""

from __future__ import annotations

import csv
import io
import re
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweep.report.formats import to_csv, to_latex, to_markdown
from sweep.report.tables import all_cells, make_tables
from sweep.report.terminal import print_tables

NASTY = [
    "<script>alert(1)</script>",
    "a|b",
    "=cmd()",
    "+1+cmd|' /C calc'!A0",
    "@x",
    "표지판 🚦",
    "x" * 200,
    "a\nb\r\t",
    "\\",
]


def frame(**more: Any) -> pd.DataFrame:
    row = {"run_id": "r", "cell": "c", "status": "finished", "reason": None, "level": "2", "act": "relu"}
    rows = [row | {"best/mAP50": 0.1 + 0.2, "model/nodes": 320.0} | more]
    rows.append(row | {"cell": "other", "best/mAP50": 0.25, "model/nodes": 320.0})
    rows.append(row | {"cell": "bad", "status": "failed", "reason": "Traceback (most recent call last):\n  x\nE: boom"})
    return pd.DataFrame(rows)


def read_csv(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def columns_of(line: str) -> int:
    return len(re.findall(r"(?<!\\)\|", line)) - 1


def test_csv_is_exact_and_names_the_best() -> None:
    rows = read_csv(to_csv(all_cells(frame())))
    assert float(rows[0]["best/mAP50"]) == 0.1 + 0.2
    assert rows[0]["model/nodes"] == "320"
    assert rows[0]["best_in"].split() == ["best/mAP50", "model/nodes"]
    assert rows[1]["best_in"] == "model/nodes"


def test_missing_says_why() -> None:
    table = all_cells(frame())
    rows = read_csv(to_csv(table))
    assert rows[0]["time/train_s"] == "not measured"
    assert rows[2]["best/mAP50"] == "failed"
    assert rows[2]["reason"] == "E: boom"
    for text in (to_csv(table), to_markdown(table), to_latex(table)):
        assert not re.search(r"\b(nan|None|NaT)\b", text, re.IGNORECASE)


def test_best_is_bold() -> None:
    table = all_cells(frame())
    assert "| **0.3000** |" in to_markdown(table)
    assert r"\textbf{0.3000}" in to_latex(table)


def test_a_small_number_is_never_shown_as_zero() -> None:
    assert "1.0e-06" in to_markdown(all_cells(frame(**{"best/precision": 1e-6})))


@pytest.mark.parametrize("name", NASTY)
def test_nasty_names(name: str) -> None:
    check_formats(name)


@given(st.text(max_size=30))
def test_any_name(name: str) -> None:
    check_formats(name)


def check_formats(name: str) -> None:
    for table in make_tables(frame(cell=name, act=name, base=name)):
        rows = list(csv.reader(io.StringIO(to_csv(table))))
        assert {len(row) for row in rows} == {len(rows[0])}
        for value in (value for row in rows for value in row):
            assert not value.startswith(("=", "+", "@", "\t", "\r")) or re.fullmatch(r"[+-]?[\d.e+-]+", value)
        lines = [line for line in to_markdown(table).split("\n") if line.startswith("|")]
        assert {columns_of(line) for line in lines} == {len(table.columns)}
        assert "<" not in to_markdown(table)
        body = [line for line in to_latex(table).split("\n") if line.endswith(r"\\") and "multicolumn" not in line]
        assert {len(re.findall(r"(?<!\\)&", line)) for line in body} == {len(table.columns) - 1}
        assert balanced(to_latex(table))


def balanced(latex: str) -> bool:
    bare = re.sub(r"\\[\\{}&%$#_]", "", latex)
    return bare.count("{") == bare.count("}")


def test_terminal_is_narrow_and_takes_no_markup_from_names() -> None:
    from rich.console import Console

    out = io.StringIO()
    print_tables(make_tables(frame(cell="[red]x[/]")), Console(file=out, width=110, force_terminal=False))
    text = out.getvalue()
    assert "[red]x[/]" in text
    assert "0.3000*" in text
    assert "failed" in text
    assert max(map(len, text.splitlines())) <= 110
