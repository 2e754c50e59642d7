"""The comparison of a sweep as an MLflow table."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from support.served import load_table_elsewhere
from sweep.tracking import write
from sweep.tracking.comparison import COMPARISON, LOGGED_ARTIFACTS, log_comparison
from sweep.tracking.store import Store, open_store

FRAME = pd.DataFrame(
    {
        "cell": pd.Series(
            ["yolo11n-l4-relu-s0", "셀 <script>", "=cmd()|🚦\n\"'\\", "\ud800" + "x" * 200], dtype=object
        ),
        "level": ["4", "3", None, ""],
        "best/mAP50": [0.1234567890123456, math.nan, math.inf, -0.0],
        "epoch": pd.array([1, None, 3, 4], dtype="Int64"),
        "reused": [True, False, None, True],
        "best_in": [("best/mAP50",), (), None, ("a", "b")],
        "when": [pd.Timestamp("2026-01-02"), pd.NaT, None, pd.Timestamp("2026-01-03")],
    }
).set_index(pd.Index([7, 7, 8, 9]))


@pytest.fixture
def logged(tmp_path: Path) -> tuple[Store, str]:
    store = open_store(tmp_path, "e")
    return store, write.start_sweep(store, sweep_id="s", name="s", command="c", tags={})


def content(store: Store, run_id: str) -> bytes:
    return (store.home / "artifacts" / run_id / "artifacts" / COMPARISON).read_bytes()


def test_mlflow_reads_the_table_back(logged: tuple[Store, str], tmp_path: Path) -> None:
    store, run_id = logged
    log_comparison(store, run_id, FRAME)
    (tmp_path / "cwd").mkdir()
    table = load_table_elsewhere(COMPARISON, run_id, tmp_path / "cwd", store_uri=store.uri)
    assert table["cell"].tolist()[:3] == FRAME["cell"].tolist()[:3]
    assert table["best/mAP50"].tolist()[0] == pytest.approx(0.1234567890123456, abs=1e-15)
    assert math.isnan(table["best/mAP50"][1])
    tag = store.client.get_run(run_id).data.tags[LOGGED_ARTIFACTS]
    assert json.loads(tag) == [{"path": COMPARISON, "type": "table"}], "by this tag MLflow's pages show it as a table"


def test_every_value_is_plain_and_exact(logged: tuple[Store, str]) -> None:
    store, run_id = logged
    log_comparison(store, run_id, FRAME)
    text = content(store, run_id).decode()
    table = json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
    columns = dict(zip(table["columns"], zip(*table["data"], strict=True), strict=True))
    assert columns["cell"] == (*FRAME["cell"][:3], "?" + "x" * 200)
    assert columns["level"] == ("4", "3", None, "")
    assert columns["best/mAP50"] == (0.1234567890123456, None, "inf", 0.0)
    assert columns["epoch"] == (1, None, 3, 4)
    assert columns["reused"] == (True, False, None, True)
    assert columns["best_in"] == ("best/mAP50", "", None, "a, b")
    assert columns["when"] == ("2026-01-02 00:00:00", None, None, "2026-01-03 00:00:00")
    assert "셀" in text, "people can read it"


def test_rebuilding_replaces_the_table_and_gives_the_same_bytes(logged: tuple[Store, str]) -> None:
    store, run_id = logged
    store.client.log_table(run_id, {"other": [1]}, "other.json")
    log_comparison(store, run_id, FRAME)
    first = content(store, run_id)
    log_comparison(store, run_id, FRAME.iloc[:1])
    log_comparison(store, run_id, FRAME.copy())
    assert content(store, run_id) == first
    tag = json.loads(store.client.get_run(run_id).data.tags[LOGGED_ARTIFACTS])
    assert [entry["path"] for entry in tag] == ["other.json", COMPARISON]


def test_a_table_of_nothing(logged: tuple[Store, str]) -> None:
    store, run_id = logged
    log_comparison(store, run_id, pd.DataFrame({"cell": []}))
    assert json.loads(content(store, run_id)) == {"columns": ["cell"], "data": []}
    log_comparison(store, run_id, pd.DataFrame({"x": np.arange(2, dtype=np.float32)}))
    assert json.loads(content(store, run_id))["data"] == [[0.0], [1.0]]


def test_in_a_moved_home(tmp_path: Path) -> None:
    store = open_store(tmp_path / "old", "e")
    run_id = write.start_sweep(store, sweep_id="s", name="s", command="c", tags={})
    log_comparison(store, run_id, FRAME)
    (tmp_path / "old").rename(tmp_path / "new")
    moved = open_store(tmp_path / "new", "e")
    log_comparison(moved, run_id, FRAME.iloc[:1])
    assert len(json.loads(content(moved, run_id))["data"]) == 1
    assert not (tmp_path / "old").exists()
