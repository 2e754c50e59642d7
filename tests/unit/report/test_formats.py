"""CSV, Markdown and LaTeX stay whole whatever is in a name, and nothing in them is executed."""

from __future__ import annotations

import csv
import io
import re
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sweep.report.formats import to_csv, to_latex, to_markdown
from sweep.report.tables import all_cells, make_tables
from sweep.report.terminal import print_tables
from sweep.tracking.measured import tag_of, tag_text

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


def measured(name: str) -> pd.DataFrame:
    """Cells measured on a target of that name, which says of itself what a user may write anywhere."""
    facts = {"state": "measured", "compiler": name, "title": name, "options": {name: name}, "kinds": {"op_pct": name}}
    gone = {"state": "missing", "reason": f"{name} is not installed. Install it: pip install a|b  # 100 % {name}"}
    tags = {tag_of(name or "x"): tag_text(facts), tag_of("rk3588"): tag_text(gone), tag_of("int8"): tag_text(facts)}
    figures = {f"npu/{name or 'x'}/op_pct": 99.5, f"npu/{name or 'x'}/latency_ms": 1.5, "int8/mAP50": 0.2}
    figures["fp32/mAP50"] = 0.3
    return frame(cell=name, act=name, **tags, **figures)


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


@settings(deadline=None)  # a busy machine is no fault
@given(st.text(max_size=30))
def test_any_name(name: str) -> None:
    check_formats(name)


def check_formats(name: str) -> None:
    for table in (*make_tables(frame(cell=name, act=name, base=name)), *make_tables(measured(name))):
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
        below = to_latex(table).split(r"\end{tabular}")[1].split("\n")
        assert all(line.startswith("%") for line in below if line not in ("", "}"))


def balanced(latex: str) -> bool:
    bare = re.sub(r"(?m)^% .*$|\\[\\{}&%$#_]", "", latex)
    return bare.count("{") == bare.count("}")


def test_percent_signs_and_bars_of_headings_and_notes_are_escaped() -> None:
    table = next(table for table in make_tables(measured("표|지_1")) if table.name == "npu")
    assert r"표\textbar{}지\_1 ops (\%)" in to_latex(table)
    assert r"표\|지\_1 ops (%)" in to_markdown(table)
    assert r"pip install a\|b \# 100 %" in to_markdown(table)
    assert "npu/표|지_1/op_pct" in read_csv(to_csv(table))[0]


@pytest.mark.parametrize("width", [60, 80, 110, 140, 400])
@pytest.mark.parametrize("name", ["ethos_u55", "My own accelerator, second revision"])
def test_terminal_shows_what_decides_at_any_width(width: int, name: str) -> None:
    from rich.console import Console

    out = io.StringIO()
    print_tables(make_tables(measured(name)), Console(file=out, width=width, force_terminal=False))
    text = out.getvalue()
    assert max(map(len, text.splitlines())) <= width
    readiness = text[text.index("NPU readiness") :]
    for figure in ("99.50", "1.50", "0.2000", "+0.1000", "not measured", "Install it:"):
        assert figure in " ".join(readiness.split())


def test_terminal_is_narrow_and_takes_no_markup_from_names() -> None:
    from rich.console import Console

    out = io.StringIO()
    print_tables(make_tables(frame(cell="[red]x[/]")), Console(file=out, width=110, force_terminal=False))
    text = out.getvalue()
    assert "[red]x[/]" in text
    assert "0.3000*" in text
    assert "failed" in text
    assert max(map(len, text.splitlines())) <= 110
