"""The tables of a sweep in a real store."""

from __future__ import annotations

import io
from pathlib import Path

import pandas as pd

from sweep.report.build import build_tables
from sweep.tracking import names, write
from sweep.tracking.store import Store, open_store


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


def test_three_tables_in_three_formats_are_written_logged_and_printed(tmp_path: Path) -> None:
    from rich.console import Console

    store = open_store(tmp_path / "home", "e")
    sweep = six_cells(store)
    printed = io.StringIO()
    paths = build_tables(store, sweep, tmp_path / "out", Console(file=printed, width=120))
    expected = {f"{name}.{kind}" for name in ("series", "activations", "cells") for kind in ("csv", "md", "tex")}
    assert {path.name for path in paths} == expected
    assert {path.parent for path in paths} == {tmp_path / "out" / "tables"}
    assert {Path(file.path).name for file in store.client.list_artifacts(sweep, names.TABLES)} == expected
    assert "yolo11n-l4-leakyrelu-s0" in printed.getvalue()
    frame = pd.read_csv(tmp_path / "out/tables/cells.csv")
    assert len(frame) == 6
    assert frame.loc[3, "reason"] == "E: boom"
    assert set(names.SUMMARY_METRICS) <= set(frame.columns)


def test_same_store_same_bytes(tmp_path: Path) -> None:
    store = open_store(tmp_path / "home", "e")
    sweep = six_cells(store)
    first = [path.read_bytes() for path in build_tables(store, sweep, tmp_path / "a")]
    assert [path.read_bytes() for path in build_tables(store, sweep, tmp_path / "b")] == first
