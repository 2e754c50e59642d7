"""A tuned sweep in a real store: its report from one end to the other."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from support.sweeps import curve, end_sweep, figures, store_cell, store_sweep, study_json, tuned, tuned_tags
from sweep.report.build import build_report
from sweep.report.cell import cell_report
from sweep.report.figures import cell_figures
from sweep.report.source import read_sweep
from sweep.report.sweep import sweep_report
from sweep.tracking import names, write
from sweep.tracking.read import sweep_run
from sweep.tracking.store import Store, open_store

GARBAGE = {
    "no JSON": b"{",
    "no text": b"\xff\xfe\x00",
    "empty": b"",
    "no study": b"[1, 2]",
    "too deep": b"[" * 100_000,
    "of other kinds": json.dumps({"trials": {"a": 1}, "importance": [1], "best_trial": "x"}).encode(),
}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(tmp_path / "home", "e")


def tuned_sweep(store: Store, study: bytes | None) -> str:
    """Two tuned cells, the first with this study, and one that was not tuned."""
    sweep = store_sweep(store)
    cells = []
    for name, level, best in (("first", 2, 0.45), ("second", 4, 0.5)):
        summary = figures(best + 0.2) | tuned(0.4, best)
        cells.append(
            store_cell(store, sweep, name, params={"level": level, "act": "relu", "recipe.lr0": 0.002},
                       summary=summary, epochs=curve(best), tags=tuned_tags())
        )  # fmt: skip
    cells.append(store_cell(store, sweep, "plain", params={"level": 3, "act": "relu"}, summary=figures(0.6)))
    write.log_json(store, cells[1]["run_id"], study_json(0.4, 0.5), names.TUNE_STUDY_JSON)
    if study is not None:
        _log(store, cells[0]["run_id"], study)
    end_sweep(store, sweep, cells)
    return sweep


def _log(store: Store, run_id: str, content: bytes) -> None:
    place = store.home / "study.json"
    place.write_bytes(content)
    write.log_files(store, run_id, {names.TUNE_STUDY_JSON: place})


def test_the_report_holds_the_tuning_of_its_cells(store: Store, tmp_path: Path) -> None:
    sweep = tuned_sweep(store, json.dumps(study_json(0.4, 0.45)).encode())
    build_report(store, sweep_run(store, sweep), tmp_path / "out")
    for language in ("en", "ko"):
        text = (tmp_path / f"out/report.{language}.md").read_text("utf-8")
        assert "| first | 0.6000 | 0.6500 | +5.00 | 0.4000 | 0.4500 | +5.00 | 4 | 1 | 33 |" in text
        assert "| plain | – | – | – | – | – | – | – | – | – |" in text
        assert "| lr0 | 0.002 | 0.003457 | 0.003457 |" in text
        own = (tmp_path / f"out/cells/first/report.{language}.md").read_text("utf-8")
        shown = re.findall(r"!\[[^\]]*\]\((figures/(?:study|importance)[^)]*)\)", own)
        assert shown == [f"figures/study.{language}.png", f"figures/importance.{language}.png"]
        assert all((tmp_path / "out/cells/first" / path).stat().st_size for path in shown)
        assert "study." not in (tmp_path / f"out/cells/plain/report.{language}.md").read_text("utf-8")
    logged = {Path(file.path).name for file in store.client.list_artifacts(sweep, names.TABLES)}
    assert {"tuning.csv", "tuning.md", "tuning.tex"} <= logged


@pytest.mark.parametrize("content", [*GARBAGE.values(), None], ids=[*GARBAGE, "none"])
def test_a_study_that_cannot_be_read_fails_no_report(store: Store, content: bytes | None) -> None:
    sweep = read_sweep(store, sweep_run(store, tuned_sweep(store, content)))
    assert [cell.study is None or not cell.study.trials for cell in sweep.cells] == [True, False, True]
    assert [figure.name for figure in cell_figures(sweep.cells[0])] == ["curves", "losses"]
    assert "| **lr0** | 0.002 | 0.003457 |" in cell_report(sweep, sweep.cells[0], {})
    assert "| lr0 | 0.002 | 0.003457 | 0.003457 |" in sweep_report(sweep, {})


def test_the_same_store_gives_the_same_bytes(store: Store, tmp_path: Path) -> None:
    sweep = tuned_sweep(store, json.dumps(study_json(0.4, 0.45)).encode())
    made = []
    for name in ("a", "b"):
        build_report(store, sweep_run(store, sweep), tmp_path / name, log=False)
        files = sorted(path for path in (tmp_path / name).rglob("*") if path.is_file())
        made.append({path.relative_to(tmp_path / name): path.read_bytes() for path in files})
    assert made[0] == made[1]


def test_only_cells_with_figures_of_a_study_are_asked_for_one(store: Store) -> None:
    sweep = tuned_sweep(store, None)
    plain = next(cell for cell in read_sweep(store, sweep_run(store, sweep)).cells if cell.name == "plain")
    assert plain.run_id is not None
    write.log_json(store, plain.run_id, study_json(0.4, 0.5), names.TUNE_STUDY_JSON)
    assert [cell.study is None for cell in read_sweep(store, sweep_run(store, sweep)).cells] == [True, False, True]
