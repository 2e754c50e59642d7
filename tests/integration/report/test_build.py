"""The tables of a sweep in a real store."""

from __future__ import annotations

import io
from pathlib import Path

import pandas as pd
from rich.console import Console

from sweep.report.build import build_tables
from sweep.tracking import names, write
from sweep.tracking.measured import tag_of, tag_text
from sweep.tracking.read import sweep_cells, sweep_run
from sweep.tracking.store import Store, open_store

VELA = {
    "state": "measured",
    "compiler": "Vela 5.2.0",
    "kinds": {"latency_ms": "estimate"},
    "imgsz": 96,
    "decode": False,
}
MISSING = {"state": "missing", "reason": "Install it: python -m sweep npu setup rknn", "imgsz": 96}


def measure(store: Store, sweep: str) -> None:
    """Give the finished cells of a sweep what a measurement logs."""
    cells = sweep_cells(store, sweep)
    finished = [row["run_id"] for row in cells.to_dict("records") if row["status"] == "finished"]
    for number, run_id in enumerate(finished):
        write.log_summary(store, run_id, {"npu/ethos_u55/latency_ms": 2.0 - number / 10, "int8/mAP50": 0.25})
        facts = {"ethos_u55": VELA, "rk3588": MISSING, "int8": VELA}
        write.set_tags(store, run_id, {tag_of(name): tag_text(content) for name, content in facts.items()})


def build(store: Store, sweep: str, out: Path, console: Console | None = None) -> list[Path]:
    build_tables(store, sweep_run(store, sweep), out, console)
    return sorted((out / "tables").iterdir())


def six_cells(store: Store) -> str:
    sweep = write.start_sweep(store, sweep_id="s", name="s", command="c", tags={})
    cells = []
    for level in (2, 3, 4):
        for act in ("relu", "leakyrelu"):
            name, number = f"yolo11n-l{level}-{act}-s0", len(cells)
            params = {
                "base": "yolo11n",
                "level": level,
                "act": act,
                "seed": 0,
                "recipe": "quick",
                "data": "signs",
            }
            run_id = write.start_cell(
                store,
                parent_run_id=sweep,
                sweep_id="s",
                cell_name=name,
                cell_key=name,
                params=params,
                tags={},
            )
            failed = number == 3
            if not failed:
                summary = {metric: (number * 7 + index) % 13 / 13 for index, metric in enumerate(names.SUMMARY_METRICS)}
                write.log_summary(store, run_id, summary)
            write.finish(store, run_id, "FAILED" if failed else "FINISHED", reason="E: boom" if failed else None)
            state = "failed" if failed else "finished"
            cells.append({"cell": name, "key": name, "run_id": run_id, "state": state, "reused": False, "reason": None})
    write.log_cells(store, sweep, sweep_id="s", cells=cells)
    return sweep


def test_tables_in_three_formats_are_written_logged_and_printed(tmp_path: Path) -> None:
    store = open_store(tmp_path / "home", "e")
    sweep = six_cells(store)
    printed = io.StringIO()
    paths = build(store, sweep, tmp_path / "out", Console(file=printed, width=120))
    expected = {
        f"{name}.{kind}" for name in ("series", "activations", "ranking", "cells") for kind in ("csv", "md", "tex")
    }
    assert {path.name for path in paths} == expected
    assert {path.parent for path in paths} == {tmp_path / "out" / "tables"}
    assert {Path(file.path).name for file in store.client.list_artifacts(sweep, names.TABLES)} == expected
    assert "yolo11n-l4-leakyrelu-s0" in printed.getvalue()
    frame = pd.read_csv(tmp_path / "out/tables/cells.csv")
    assert len(frame) == 6
    assert frame.loc[3, "reason"] == "E: boom"
    assert set(names.SUMMARY_METRICS) <= set(frame.columns)


def test_a_measured_sweep_has_the_table_of_npu_readiness(tmp_path: Path) -> None:
    store = open_store(tmp_path / "home", "e")
    sweep = six_cells(store)
    measure(store, sweep)
    printed = io.StringIO()
    paths = build(store, sweep, tmp_path / "out", Console(file=printed, width=120))
    assert {"npu.csv", "npu.md", "npu.tex"} <= {path.name for path in paths}
    assert "npu.csv" in {Path(file.path).name for file in store.client.list_artifacts(sweep, names.TABLES)}
    frame = pd.read_csv(tmp_path / "out/tables/npu.csv")
    assert frame["npu/ethos_u55/latency_ms"].tolist() == ["2", "1.9", "1.8", "failed", "1.7", "1.6"]
    assert frame["npu/rk3588/op_pct"].tolist() == [*["not measured"] * 3, "failed", *["not measured"] * 2]
    assert "Install it: python -m sweep npu setup rknn" in (tmp_path / "out/tables/npu.md").read_text("utf-8")
    assert "Install it: python -m sweep npu setup rknn" in printed.getvalue()
    assert "npu/ethos_u55/latency_ms" in pd.read_csv(tmp_path / "out/tables/series.csv").columns


def test_same_store_same_bytes(tmp_path: Path) -> None:
    store = open_store(tmp_path / "home", "e")
    sweep = six_cells(store)
    measure(store, sweep)
    first = [path.read_bytes() for path in build(store, sweep, tmp_path / "a")]
    assert [path.read_bytes() for path in build(store, sweep, tmp_path / "b")] == first
