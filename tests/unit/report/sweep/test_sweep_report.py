"""The sweep's report: what it tells, in two languages."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from support.sweep_data import cell_data, detections, sweep_data
from support.sweep_markdown import checked as check
from sweep.report.data import CellData
from sweep.report.sweep import sweep_report
from sweep.report.sweep.document import MAX_ROWS
from sweep.report.texts import load_texts, speaking
from sweep.report_settings import ReportSettings, Require
from sweep.tracking import names
from sweep.tracking.expected import Expected
from sweep.tracking.measured import tag_of, tag_text

LANGUAGES = ("en", "ko")
LATENCY, OPS, SIZE = "npu/ethos_u55/latency_ms", "npu/ethos_u55/op_pct", "int8/size_mb"
VELA = {tag_of("ethos_u55"): tag_text({"state": "measured", "compiler": "Vela 5", "kinds": {"latency_ms": "estimate"}})}


@pytest.fixture(params=LANGUAGES)
def language(request: pytest.FixtureRequest) -> Iterator[str]:
    with speaking(request.param):
        yield request.param


def grid() -> list[CellData]:
    cells = []
    for number, (level, act) in enumerate((level, act) for level in ("2", "4") for act in ("relu", "leakyrelu")):
        figures = {LATENCY: 10.0 - number, OPS: 99.0, SIZE: 3.0 - number / 2, "model/params_m": 2.5}
        name = f"l{level}-{act}"
        values: dict[str, Any] = {"level": level, "act": act, **figures}
        cells.append(cell_data(name, 0.8 + number / 50, folder=name, tags=VELA, link="http://h:5/#/r/1", **values))
    return cells


def section(text: str, name: str) -> str:
    """The text under a heading of the second level, by the name of its texts."""
    title = load_texts("sweep")[name]["title"]
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", text, flags=re.S | re.M)
    assert found, title
    return found[1]


def test_the_report_has_its_sections_in_order(language: str) -> None:
    text = check(sweep_data(*grid()))
    texts = load_texts("sweep")
    shown = re.findall(r"^## (.*)$", text, flags=re.M)
    order = ("recommendation", "ranking", "pareto", "comparison", "npu", "reports", "reproduce", "notes")
    assert shown == [texts["glance"], *(texts[name]["title"] for name in order)]
    assert [len(line.split()[0]) for line in re.findall(r"^#+ .*$", text, flags=re.M)].count(1) == 1


def test_the_same_sweep_gives_the_same_text(language: str) -> None:
    assert sweep_report(sweep_data(*grid()), {}) == sweep_report(sweep_data(*grid()), {})


def test_cells_lead_to_their_own_reports_and_runs(language: str) -> None:
    text = check(sweep_data(*grid()))
    for cell in grid():
        assert f"](cells/{cell.folder}/report.{language}.md)" in section(text, "reports")
    assert section(text, "reports").count("](http://h:5/#/r/1)") == 4


def test_the_recommendation_is_explained(language: str) -> None:
    require = Require(latency_ms=8.5, npu_pct=95.0)
    told = section(check(sweep_data(*grid(), settings=ReportSettings(require=require))), "recommendation")
    assert "[l4-leakyrelu]" in told.split("\n")[1]
    assert "8.5 ms" in told and "95 %" in told and "7.00" in told
    assert "[l2-relu]" in told and "10.00" in told


def test_english_sentences_hold_the_figures() -> None:
    cells = [
        cell_data("heavy", statistics=detections(0.9), tags=VELA, **{SIZE: 4.0, LATENCY: 20.0}),
        cell_data("light", statistics=detections(0.9), tags=VELA, **{SIZE: 2.0, LATENCY: 9.0}),
        cell_data("weak", statistics=detections(0.3), tags=VELA, **{SIZE: 1.0, LATENCY: 5.0, "test/mAP50": 0.25}),
    ]
    told = section(check(sweep_data(*cells)), "recommendation")
    assert "**Recommended: [light]" in told
    assert "The recommended cell, at" in told and "is tied with it" in told
    assert "It is lighter than [heavy](cells/heavy/report.en.md), which it is tied with. INT8 size (MB): 2.00" in told
    assert "If accuracy alone counted: [heavy]" in told
    assert "0.2500" not in told  # of a cell that is not recommended
    require = ReportSettings(require=Require(latency_ms=6.0))
    told = section(check(sweep_data(*cells, settings=require)), "recommendation")
    assert "**Recommended: [weak]" in told
    assert "| Test mAP50 | 0.2500 |" in told
    assert "Ethos-U55 latency (ms, est.): 20.00, allowed at most 6" in told
    assert "Without the requirement “latency on Ethos-U55 of 6 ms or less”: [light]" in told
    none = section(
        check(sweep_data(*cells, settings=ReportSettings(require=Require(latency_ms=1.0)))), "recommendation"
    )
    assert "**No cell is recommended:** not one of the 3 finished cells" in none
    assert "The nearest is [weak](cells/weak/report.en.md) (Ethos-U55 latency (ms, est.): 5.00)." in none


def test_nothing_is_claimed_without_statistics() -> None:
    text = check(sweep_data(*grid()))
    assert "Not tested: there are no per-image statistics" in section(text, "recommendation")
    assert "No cell could be tested" in section(text, "ranking")
    assert "no intervals and no tests" in section(text, "notes")


def test_figures_stand_in_their_sections_and_none_is_lost(language: str) -> None:
    names_ = ("pareto", "curves", "losses", "int8_drop", "latency", "something")
    text = sweep_report(sweep_data(*grid()), {f"figures/{name}.{language}.png": f"캡션 {name}" for name in names_})
    places = {"pareto": "pareto", "curves": "training", "losses": "training", "int8_drop": "npu", "latency": "npu"}
    for name, place in (places | {"something": "other"}).items():
        assert f"](figures/{name}.{language}.png)" in section(text, place)
        assert text.count(f"figures/{name}.") == 1
    assert "![캡션 pareto]" in text


def test_how_to_reproduce_is_told(language: str) -> None:
    tags = {names.GIT_COMMIT: "abc123", names.GIT_DIRTY: "true", names.HOST: "vm", names.DEVICE: "cuda:0"}
    tags |= {f"{names.VERSION_PREFIX}torch": "2.14.1"}
    cells = [cell_data("a", 0.5, data_digest="d" * 64)]
    told = section(check(sweep_data(*cells, tags=tags, link="http://127.0.0.1:5000/#/c?runs=[1|2]")), "reproduce")
    for fact in ("```console\npython -m sweep level=2,4\n```", "--sweep s1", "abc123", "vm", "cuda:0", "torch 2.14.1"):
        assert fact in told
    assert "d" * 64 in told and "python -m sweep ui" in told
    clean = section(check(sweep_data(*cells, tags=tags | {names.GIT_DIRTY: "false"}, link="https://h/")), "reproduce")
    assert "| abc123 |" in clean and "sweep ui" not in clean


def test_a_failed_cell_tells_its_state_and_its_reason(language: str) -> None:
    failed = cell_data("dead", status="failed", reason="Traceback (most recent call last):\n  x\nE: boom | <b>")
    killed = cell_data("gone", status="killed")
    told = section(check(sweep_data(*grid(), failed, killed)), "failed")
    assert "E: boom \\| &lt;b&gt;" in told
    states = load_texts("sweep")["states"]
    assert (
        f"| {states['failed']} |" in told
        and f"| {states['killed']} | {load_texts('sweep')['failed']['unknown']} |" in told
    )


def test_a_sweep_of_failures_is_readable(language: str) -> None:
    cells = [cell_data(name, status="failed", reason="E: boom") for name in ("a", "b")]
    text = check(sweep_data(*cells, settings=ReportSettings(require=Require(size_mb=1.0))))
    assert load_texts("sweep")["recommendation"]["none_finished"] in text
    assert "## " + load_texts("sweep")["ranking"]["title"] not in text


def test_a_sweep_of_one_cell_is_readable(language: str) -> None:
    text = check(sweep_data(cell_data("only", 0.9)))
    titles = re.findall(r"^## (.*)$", text, flags=re.M)
    assert load_texts("sweep")["comparison"]["title"] not in titles
    assert load_texts("sweep")["pareto"]["title"] not in titles
    assert "[only](cells/only/" in section(text, "recommendation")


def test_a_sweep_without_cells_without_times_and_without_a_name_is_readable(language: str) -> None:
    sweep = sweep_data(name="", command=" ", started=None, ended=None, id="x")
    assert load_texts("sweep")["reproduce"]["no_command"] in check(sweep)
    check(replace(sweep, started=sweep_data().started))


def test_missing_figures_and_those_that_are_no_numbers_say_so(language: str) -> None:
    cells = [
        cell_data("a", math.nan, **{LATENCY: math.nan, SIZE: math.inf}),
        cell_data("b", None),
        cell_data("half", 0.5, **{"best/mAP50-95": math.nan}),
        cell_data("new", 0.4, status="another state"),
    ]
    text = check(sweep_data(*cells))
    assert load_texts()["missing"]["not_measured"] in section(text, "reports")


def test_a_baseline_has_its_section(language: str) -> None:
    before = [cell_data("old", 0.7, level="2", act="relu", data_digest="1"), cell_data("gone", 0.5, level="9")]
    cells = grid()
    first = replace(cells[0], values={**cells[0].values, "data_digest": "2"})
    told = section(check(sweep_data(first, *cells[1:], baseline=sweep_data(*before, name="sweep before"))), "baseline")
    assert "sweep before" in told and "| old |" in told and "+0.1000" in told
    assert load_texts()["missing"]["unmatched"] in told
    assert "gone" in told and "[l4-relu]" in told
    ranking = section(check(sweep_data(*cells, baseline=sweep_data(*before))), "ranking")
    assert load_texts()["columns"]["baseline"] not in ranking
    check(sweep_data(*cells, baseline=sweep_data()))


def test_seeds_have_their_section(language: str) -> None:
    cells = [cell_data(f"s{seed}", 0.5 + seed / 10, seed=str(seed)) for seed in range(3)]
    assert "| 0, 1, 2 | 0.6000 | 0.1000 |" in section(check(sweep_data(*cells)), "seeds")


@pytest.mark.parametrize("count", [60, 1000])
def test_many_cells_are_cut_and_the_rest_is_counted(count: int) -> None:
    cells = [
        cell_data(f"c{n}", 0.1 + n / 2000, level=str(n // 2), act=f"a{n % 2}", folder=f"c{n}") for n in range(count)
    ]
    text = check(sweep_data(*cells))
    assert all(len(table.split("\n")) <= MAX_ROWS + 3 for table in re.findall(r"(?:^\|.*\n)+", text, flags=re.M))
    assert (f"{count - MAX_ROWS} more rows in tables/ranking.csv" in text) == (count > MAX_ROWS)
    assert len(text) < 200_000


@pytest.mark.parametrize("tag", ['{"side_by_side": 2, "unknown": 1}', "no JSON", '{"side_by_side": "2"}'])
def test_it_states_what_was_expected_where_something_was(language: str, tag: str) -> None:
    heading = load_texts("sweep")["expected"]
    told = Expected(2, 0, low_s=3000.0, likely_s=3661.0, high_s=4000.0).as_tag()
    known, unknown = (replace(sweep_data(*grid()), tags={names.FORECAST: text}) for text in (told, tag))
    (line,) = re.findall(rf"^\| {re.escape(heading)} \|.*$", check(known), flags=re.M)
    assert "1:01:01" in line and "0:50:00" in line and "1:06:40" in line
    assert heading not in check(unknown)
