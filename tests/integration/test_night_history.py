"""The history page of a night: the trend of each cell over all nights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.sweeps import end_sweep, figures, store_cell, store_sweep
from sweep.nightly.history import read_history, update_history
from sweep.nightly.verdict import judge
from sweep.tracking import names
from sweep.tracking.read import sweep_run
from sweep.tracking.store import Store, open_store

RELU, LEAKY = "yolo11n-l4-relu-s0", "yolo11n-l4-leakyrelu-s0"
HOSTILE = "<script>alert(1)</script>|[x](javascript:y)"


@pytest.fixture
def nights(home: Path) -> Store:
    """Eight nights of two cells, of which one falls in the last; the other was not trained in that one."""
    store, listed = open_store(home, "npu-sweep"), []
    for number in range(8):
        sweep_id = f"night{number}"
        parent = store_sweep(store, sweep_id=sweep_id)
        fallen = number == 7
        relu = store_cell(
            store, parent, RELU, sweep_id=sweep_id, params={"level": "4", "act": "relu"},
            summary=figures(0.6 if fallen else 0.7 + 0.004 * (number % 3 - 1)),
            tags={names.DATA_DIGEST: "bbb" if fallen else "aaa"},
        )  # fmt: skip
        if not fallen:
            leaky = store_cell(
                store, parent, LEAKY, sweep_id=sweep_id, params={"level": "4", "act": "leakyrelu"},
                summary=figures(0.8, **{"npu/ethos_u55/latency_ms": 4.0}),
            )  # fmt: skip
        listed = [relu, leaky | {"reused": fallen}]
        end_sweep(store, parent, listed, sweep_id=sweep_id)
        judge(store, sweep_run(store, sweep_id))
    return store


def test_the_cells_of_a_night_with_all_their_trainings(nights: Store) -> None:
    relu, leaky = read_history(nights, sweep_run(nights, "night7"))
    assert (relu.name, len(relu.trainings)) == (RELU, 8)
    assert (leaky.name, len(leaky.trainings)) == (LEAKY, 7), "taken over by the last night, not trained"
    assert relu.last.worse == {"best/mAP50", "best/mAP50-95"}
    assert not any(training.worse for training in relu.trainings[:-1])
    assert relu.last.changed == ("data set: aaa → bbb",)
    assert relu.usual("best/mAP50") == [None] * 5 + [pytest.approx(0.7), pytest.approx(0.7), pytest.approx(0.7)]
    assert relu.metrics(["best/mAP50", "npu/ethos_u55/latency_ms"]) == ["best/mAP50"]


def test_the_page(nights: Store) -> None:
    page = update_history(nights, sweep_run(nights, "night7"))
    folder = page.parent
    korean, english = ((folder / f"report.{language}.md").read_text("utf-8") for language in ("ko", "en"))
    assert f"[{RELU}](cells/{RELU}/report.ko.md) | 8 |" in korean
    assert "| 0.6000 | 0.7000 | 0.6000 | 0.7000 | mAP50, mAP50-95 |" in english
    cell = (folder / "cells" / RELU / "report.en.md").read_text("utf-8")
    assert "| mAP50 | 0.6000 | 0.7000 | 0.6000 | 0.7040 |" in cell
    assert "data set: aaa → bbb" in cell
    assert "Ethos-U55 latency" in (folder / "cells" / LEAKY / "report.en.md").read_text("utf-8")
    for language in ("ko", "en"):
        assert (folder / "figures" / f"trends.{language}.png").stat().st_size > 5000
        assert (folder / "cells" / RELU / "figures" / f"trend.{language}.png").stat().st_size > 5000
    html = page.read_text("utf-8")
    assert html.count("<article") == 6, "all cells and each of two, in two languages"
    before = page.read_bytes()
    assert update_history(nights, sweep_run(nights, "night7")).read_bytes() == before


def test_a_hostile_name_stays_text(home: Path) -> None:
    store = open_store(home, "npu-sweep")
    parent = store_sweep(store)
    cell = store_cell(store, parent, HOSTILE, params={"level": "4", "act": "relu"}, summary=figures(0.5))
    end_sweep(store, parent, [cell])
    page = update_history(store, sweep_run(store))
    assert page.is_file()
    assert "<script>alert(1)" not in page.read_text("utf-8")
    assert all(path.resolve().is_relative_to(page.parent.resolve()) for path in page.parent.rglob("*"))


def test_the_verb(nights: Store, home: Path, sweep: Callable[..., Any]) -> None:
    ended = sweep("nightly", "history", f"home={home}")
    assert ended.returncode == 0, ended.stderr
    assert f"History: {home / 'nightly' / 'history' / 'history.html'}" in ended.stdout
    assert sweep("nightly", "history", f"home={home}", "--sweep", "nosuch").returncode == 2
