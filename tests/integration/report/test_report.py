"""The report of sweeps in a real store: complete, the same twice, and whole whatever the store holds."""

from __future__ import annotations

import csv
import math
import re
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from support.sweep_markdown import tables_are_whole
from support.sweeps import curve, end_sweep, figures, store_cell, store_sweep
from sweep.rebuild import rebuild_report, report_folder
from sweep.report.build import build_report
from sweep.report.source import read_sweep
from sweep.report_settings import ReportSettings, Require
from sweep.tracking import names, write
from sweep.tracking.read import sweep_run
from sweep.tracking.store import Store, open_store

LANGUAGES = ("ko", "en")
NASTY = (
    "<script>window.pwned=1</script>",
    "a|b||c",
    '=cmd()|"/C calc"!A0',
    "long-" + "x" * 195,
    "🚦 셀 하나",
    "line\nbreak `code` **bold** [link](javascript:alert(1))",
)


def grid(store: Store, sweep_id: str = "s") -> str:
    sweep = store_sweep(store, sweep_id=sweep_id)
    cells = []
    for number, (level, act) in enumerate((level, act) for level in (2, 3, 4) for act in ("relu", "leakyrelu")):
        best = 0.8 + number / 50
        cells.append(
            store_cell(
                store,
                sweep,
                f"yolo11n-l{level}-{act}-s0",
                sweep_id=sweep_id,
                params={"level": level, "act": act, "recipe.lr0": 0.01, "recipe.lrf": 0.1, "recipe.epochs": 3},
                summary=figures(best, **{"int8/mAP50": best - 0.01, "int8/size_mb": 3 - number / 10}),
                epochs=curve(best),
            )
        )
    cells.append(
        store_cell(
            store, sweep, "yolo11n-l0-relu-s0", sweep_id=sweep_id, params={"level": 0, "act": "relu"}, reason="E: boom"
        )
    )
    end_sweep(store, sweep, cells, sweep_id=sweep_id)
    return sweep


def build(store: Store, sweep: str, out: Path) -> dict[str, bytes]:
    build_report(store, sweep_run(store, sweep), out)
    return {str(path.relative_to(out)): path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file()}


def test_a_report_is_written_logged_and_the_same_twice(tmp_path: Path) -> None:
    store = open_store(tmp_path / "home", "e")
    sweep = grid(store)
    first = build(store, sweep, tmp_path / "a")
    cells = [cell.folder for cell in read_sweep(store, sweep_run(store, sweep)).cells]
    wanted = {"report.html", "tables/series.csv", "tables/ranking.md", "tables/cells.tex"}
    wanted |= {f"report.{language}.md" for language in LANGUAGES}
    wanted |= {f"cells/{cell}/report.{language}.md" for cell in cells for language in LANGUAGES}
    wanted |= {f"figures/{name}.{language}.png" for name in ("curves", "losses", "pareto") for language in LANGUAGES}
    assert wanted <= set(first)
    logged = {file.path for file in store.client.list_artifacts(sweep, "report")}
    assert {"report/report.html", "report/report.ko.md", "report/report.en.md", "report/comparison.json"} <= logged
    run_id = read_sweep(store, sweep_run(store, sweep)).cells[0].run_id
    own = {file.path for file in store.client.list_artifacts(str(run_id), "report")}
    assert {"report/report.ko.md", "report/report.en.md"} <= own

    assert build(store, sweep, tmp_path / "b") == first


def test_a_report_needs_nothing_but_what_mlflow_holds(tmp_path: Path) -> None:
    """The store alone, moved to another folder, gives the same bytes."""
    store = open_store(tmp_path / "home", "e")
    sweep = grid(store)
    first = build(store, sweep, tmp_path / "a")
    moved = tmp_path / "elsewhere" / "home"
    moved.mkdir(parents=True)
    for name in ("mlflow.db", "artifacts"):
        shutil.move(tmp_path / "home" / name, moved / name)
    shutil.rmtree(tmp_path / "home")
    assert build(open_store(moved, "e"), sweep, tmp_path / "b") == first


def test_every_figure_that_a_document_shows_is_there(tmp_path: Path) -> None:
    store = open_store(tmp_path / "home", "e")
    build(store, grid(store), tmp_path / "out")
    documents = [*tmp_path.glob("out/report.*.md"), *tmp_path.glob("out/cells/*/report.*.md")]
    shown = [
        (document.parent / name)
        for document in documents
        for name in re.findall(r"!\[.*?\]\((.*?)\)", document.read_text("utf-8"))
    ]
    assert shown
    assert all(path.is_file() for path in shown)


def test_links_to_the_reports_of_cells_lead_there(tmp_path: Path) -> None:
    store = open_store(tmp_path / "home", "e")
    build(store, grid(store), tmp_path / "out")
    for language in LANGUAGES:
        text = (tmp_path / f"out/report.{language}.md").read_text("utf-8")
        linked = re.findall(r"\]\((cells/[^)]*)\)", text)
        assert len(linked) >= 7
        assert all((tmp_path / "out" / link).is_file() for link in linked)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_failed_cell_tells_its_reason(tmp_path: Path, language: str) -> None:
    store = open_store(tmp_path / "home", "e")
    build(store, grid(store), tmp_path / "out")
    assert "E: boom" in (tmp_path / f"out/report.{language}.md").read_text("utf-8")
    assert "E: boom" in (tmp_path / f"out/cells/yolo11n-l0-relu-s0/report.{language}.md").read_text("utf-8")


def test_names_that_hold_anything_break_no_format(tmp_path: Path) -> None:
    store = open_store(tmp_path / "home", "e")
    sweep = store_sweep(store)
    cells = [
        store_cell(
            store,
            sweep,
            name,
            params={"level": name, "act": NASTY[number - 1], "data": name},
            summary=figures(0.5 + number / 10),
            epochs=curve(0.5),
            tags={names.LEVEL_TITLE: name},
            reason=name if number == 1 else None,
        )
        for number, name in enumerate(NASTY)
    ]
    end_sweep(store, sweep, cells)
    out = tmp_path / "out"
    files = build(store, sweep, out)
    for path, content in files.items():
        if path.endswith(".md"):
            text = content.decode("utf-8")
            assert tables_are_whole(text), path
            outside = re.sub(r"^```.*?^```$", "", text, flags=re.S | re.M)
            assert "<script" not in outside, path
    for path in out.glob("tables/*.csv"):
        rows = list(csv.reader(path.read_text("utf-8-sig").splitlines()))
        assert len({len(row) for row in rows}) == 1, path.name
        assert not any(cell.startswith(("=", "@")) for row in rows for cell in row), path.name
    page = (out / "report.html").read_text("utf-8")
    assert "<script>window.pwned" not in page
    assert all(path.is_relative_to(out) for path in out.rglob("*"))


SPARSE: list[tuple[str, list[dict[str, Any]]]] = [
    ("one cell", [{"summary": figures(0.5), "epochs": curve(0.5)}]),
    ("one epoch", [{"summary": figures(0.5), "epochs": curve(0.5, 1)}]),
    ("nothing but failures", [{"reason": "E: a"}, {"reason": "E: b"}]),
    ("no metric at all", [{}, {}]),
    ("no curves", [{"summary": figures(0.5)}, {"summary": figures(0.6)}]),
    (
        "losses that are no numbers",
        [
            {
                "summary": figures(0.5, **dict.fromkeys(names.FINAL_LOSSES, math.nan)),
                "epochs": [*curve(0.5, 2), dict.fromkeys(names.EPOCH_METRICS, math.nan)],
            },
            {"summary": dict.fromkeys(names.SUMMARY_METRICS, math.nan)},
        ],
    ),
    ("sixty cells", [{"summary": figures(0.4 + number / 200), "epochs": curve(0.5)} for number in range(60)]),
]  # fmt: skip


@pytest.mark.parametrize("cells", [cells for _, cells in SPARSE], ids=[name for name, _ in SPARSE])
def test_sweeps_of_all_kinds_are_readable(tmp_path: Path, cells: Sequence[dict[str, Any]]) -> None:
    store = open_store(tmp_path / "home", "e")
    sweep = store_sweep(store)
    entries = [
        store_cell(store, sweep, f"c{number}", params={"level": 4, "act": "relu", "seed": number}, **content)
        for number, content in enumerate(cells)
    ]
    end_sweep(store, sweep, entries)
    files = build(store, sweep, tmp_path / "out")
    texts = {path: content.decode("utf-8") for path, content in files.items() if path.endswith(".md")}
    assert len([path for path in texts if path.startswith("cells/")]) == 2 * len(cells)
    for path, text in texts.items():
        assert not re.search(r"\bnan\b|\bNone\b|Undefined|\{\w+\}", text), path
        assert tables_are_whole(text), path
    assert len(files["report.html"]) < 8_000_000


def test_a_language_alone(tmp_path: Path) -> None:
    store = open_store(tmp_path / "home", "e")
    sweep = grid(store)
    settings = replace(ReportSettings(), lang=("en",))
    build_report(store, sweep_run(store, sweep), tmp_path / "out", settings=settings)
    assert {path.name for path in tmp_path.glob("out/report.*")} == {"report.en.md", "report.html"}


def test_the_settings_of_the_sweep_are_those_of_its_report(tmp_path: Path) -> None:
    store = open_store(tmp_path / "home", "e")
    sweep = grid(store)
    write.set_tags(store, sweep, {names.REPORT_SETTINGS: replace(ReportSettings(), lang=("ko",)).as_text()})
    build(store, sweep, tmp_path / "out")
    assert {path.name for path in tmp_path.glob("out/report.*")} == {"report.ko.md", "report.html"}


def test_a_baseline_gives_differences(tmp_path: Path) -> None:
    store = open_store(tmp_path / "home", "e")
    before, after = grid(store, "before"), grid(store, "after")
    build_report(store, sweep_run(store, after), tmp_path / "out", baseline=sweep_run(store, before))
    header = next(csv.reader((tmp_path / "out/tables/ranking.csv").read_text("utf-8-sig").splitlines()))
    assert any("baseline" in name for name in header)


def test_another_view_of_a_sweep_changes_nothing_of_what_mlflow_holds(tmp_path: Path) -> None:
    """A baseline or other languages are for the one who asked."""
    store = open_store(tmp_path / "home", "e")
    before, after = grid(store, "before"), grid(store, "after")
    run = sweep_run(store, after)
    rebuild_report(store, run, Console(quiet=True))
    artifacts = Path(run.artifact_uri.removeprefix("file://"))
    held = {path: path.read_bytes() for path in artifacts.rglob("*") if path.is_file()}
    assert any(path.name == "report.ko.md" for path in held)

    rebuild_report(store, run, Console(quiet=True), baseline=sweep_run(store, before), out=tmp_path / "out")
    rebuild_report(store, run, Console(quiet=True), languages=["en"])

    assert {path: path.read_bytes() for path in artifacts.rglob("*") if path.is_file()} == held
    own = report_folder(store.home, "after")
    assert {path.name for path in own.glob("report.*")} == {"report.en.md", "report.html"}


def test_a_report_registers_nothing(tmp_path: Path) -> None:
    """Only the end of a sweep, or a wish for it, moves the champion."""
    store = open_store(tmp_path / "home", "e")
    sweep = grid(store)
    write.set_tags(store, sweep, {names.REPORT_SETTINGS: replace(ReportSettings(), register="signs").as_text()})
    rebuild_report(store, sweep_run(store, sweep), Console(quiet=True))
    assert not store.client.search_registered_models()


def test_cells_that_meet_the_requirements_are_read_in_detail_however_many_are_better(tmp_path: Path) -> None:
    store = open_store(tmp_path / "home", "e")
    sweep = store_sweep(store)
    cells = [
        store_cell(
            store,
            sweep,
            f"c{number}",
            params={"level": 4, "act": "relu", "seed": number},
            summary=figures(0.9 - number / 100, **{"int8/size_mb": 3.0 if number < 25 else 2.0}),
            epochs=curve(0.5, 1),
        )
        for number in range(27)
    ]
    end_sweep(store, sweep, cells)
    settings = replace(ReportSettings(), require=Require(size_mb=2.5))
    found = read_sweep(store, sweep_run(store, sweep), settings=settings).cells
    assert {index for index, cell in enumerate(found) if cell.curves is not None} == {*range(20), 25, 26}
