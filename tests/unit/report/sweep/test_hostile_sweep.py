"""Nothing that a name, a reason, a command or an address holds breaks the sweep's report."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.sweep_data import cell_data, sweep_data
from support.sweep_markdown import checked
from sweep.report.render import fenced
from sweep.report.sweep.wording import link
from sweep.report.texts import speaking
from sweep.report_settings import ReportSettings, Require
from sweep.tracking import names

NASTY = [
    "<script>alert(1)</script>",
    "a|b||c",
    "=cmd()|' /C calc'!A0",
    "표지판 🚦",
    "x" * 200,
    "a\nb\r\n# c",
    "[x](javascript:alert(1))",
    "`code` **bold** ```",
    "{cell} {0} {{ x }} {% y %}",
    "\\",
]


@pytest.mark.parametrize("name", NASTY)
@pytest.mark.parametrize("spoken", ("en", "ko"))
def test_names_that_hold_anything(name: str, spoken: str) -> None:
    with speaking(spoken):
        check_hostile(name)


@settings(deadline=None, max_examples=25)
@given(st.text(max_size=30))
def test_any_name(name: str) -> None:
    check_hostile(name)


def check_hostile(name: str) -> None:
    figures = {f"npu/{name or 'x'}/op_pct": 50.0, f"npu/{name or 'x'}/latency_ms": 1.5, "int8/size_mb": 1.0}
    values: dict[str, Any] = {
        "level": name,
        "act": name,
        "data": name,
        "recipe.lr0": name,
        "data_digest": name,
        **figures,
    }
    cells = [
        cell_data(name, 0.9, folder="a", link=f"http://h/{name}", tags={names.HOST: name}, **values),
        cell_data(f"{name}2", 0.8, folder="b", link=name, **(values | {"level": "4", "seed": name})),
        cell_data(name, status=name or "failed", folder="c", reason=name),
    ]
    before = sweep_data(cell_data(name, 0.9, **(values | {"recipe.lr0": "1"})), name=name, id=name)
    require = ReportSettings(require=Require(target=name, npu_pct=60.0, latency_ms=1.0))
    for chosen in (require, ReportSettings()):
        tags = {names.GIT_COMMIT: name, f"{names.VERSION_PREFIX}{name}": name}
        sweep = sweep_data(*cells, name=name, id=name, command=name, tags=tags, settings=chosen, link=name)
        checked(replace(sweep, baseline=before))


def test_an_address_is_safe_or_no_link() -> None:
    assert link("a|b", "https://h/#/x?y=[1]&z=(2)|<3> 4") == r"[a\|b](https://h/#/x?y=%5B1%5D&z=%282%29%7C%3C3%3E%204)"
    assert [link("a", address) for address in ("javascript:alert(1)", "", None, "file:///etc", "http://[")] == [
        None
    ] * 5


@given(st.text(alphabet="`a\n|~\r", max_size=40))
def test_a_block_of_code_ends_where_it_should(text: str) -> None:
    first, *body, last = fenced(text).split("\n")
    assert first == last and set(last) == {"`"} and len(last) >= 3
    assert not any(line.strip().startswith(last) for line in body)
