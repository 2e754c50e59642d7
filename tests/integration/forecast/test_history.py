"""A plan tells what it will take, from what like cells took before."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from support.command_line import Ended
from support.plans import made
from support.sweeps import figures, store_cell, store_sweep
from sweep.forecast.forecast import Forecast, make_forecast
from sweep.tracking import names
from sweep.tracking.store import Store, open_store


@pytest.fixture
def store(home: Path) -> Store:
    return open_store(home, "npu-sweep")


@pytest.fixture
def cell(store: Store, home: Path) -> Callable[..., None]:
    """`cell(seconds, **params)`: a finished cell of level 2 with ReLU on the built-in data."""
    sweep = store_sweep(store)
    plan = made("level=2", f"home={home}").cells[0]
    recipe = plan.config.recipe
    like = {f"recipe.{name}": recipe[name] for name in ("epochs", "imgsz", "batch")}

    def add(seconds: float, tags: Mapping[str, str] | None = None, **params: object) -> None:
        told = {names.DEVICE: "cpu", names.TRAIN_IMAGES: str(len(plan.data.train))} | dict(tags or {})
        named = {name.replace("_", "."): value for name, value in params.items()}
        store_cell(
            store, sweep, f"c{time.monotonic_ns()}", params={"level": 2, "act": "relu"} | like | named, tags=told,
            summary=figures(0.5) | {names.TRAIN_TIME: seconds, names.BEST_EPOCH: float(recipe["epochs"])},
        )  # fmt: skip

    return add


def forecast(home: Path, store: Store, *arguments: str) -> Forecast:
    return make_forecast(made(*arguments, "device=cpu", f"home={home}"), store)


def test_the_median_of_like_cells(cell: Callable[..., None], home: Path, store: Store) -> None:
    for seconds in (100.0, 110.0, 400.0):
        cell(seconds)
    cell(9.0, level=3)
    cell(9.0, act="silu")
    cell(9.0, recipe_imgsz=32)
    cell(9.0, tags={names.TRAIN_IMAGES: "5"})
    cell(9.0, tags={names.DEVICE: "cuda"})
    cell(9.0, tags={names.RESUMED: "after epoch 3"})
    found = forecast(home, store, "level=2,4", "workers=1")
    assert found.unknown == 1
    span = found.cells[0]
    assert span is not None
    assert span.likely == pytest.approx(110, rel=0.02)
    assert span.low < 100
    assert span.high > 120
    assert found.cells[1] is None
    assert found.wall == span


def test_other_lengths_are_scaled(cell: Callable[..., None], home: Path, store: Store) -> None:
    cell(60.0, recipe_epochs=5, recipe_patience=0)
    (span,) = forecast(home, store, "level=2", "recipe.epochs=20").cells.values()
    assert span is not None
    assert span.likely == pytest.approx(240, rel=0.02)


def test_workers_share_the_work_and_a_price_makes_it_a_cost(
    cell: Callable[..., None], home: Path, store: Store
) -> None:
    cell(3600.0)
    one = forecast(home, store, "level=2", "seed=0,1,2,3", "workers=1", "price_per_hour=2.5")
    two = forecast(home, store, "level=2", "seed=0,1,2,3", "workers=2")
    assert one.cost is not None
    assert one.cost.likely == pytest.approx(10.0, rel=0.01)
    assert two.wall.likely == pytest.approx(one.wall.likely / 2)
    assert two.cost is None
    assert two.disk_mb > 100


def test_a_tuned_cell_takes_its_trials(cell: Callable[..., None], home: Path, store: Store) -> None:
    cell(60.0)
    arguments = ("level=2", "tune=optuna", "tune.trials=10", "workers=2")
    (alone,) = forecast(home, store, *arguments).cells.values()
    shared = forecast(home, store, *arguments, "tune.workers=2")
    assert alone is not None
    assert alone.likely == pytest.approx(600, rel=0.02)
    assert shared.wall.likely == pytest.approx(alone.likely / 2)


def test_what_a_plan_says(cell: Callable[..., None], home: Path, sweep: Callable[..., Ended]) -> None:
    ended = sweep("plan", "level=2", f"home={home}")
    assert ended.rows[0][-1] == "unknown"
    assert "Time: unknown, no like cell was trained" in ended.stdout
    cell(600.0)
    ended = sweep("plan", "level=2,3", "seed=0,1", "workers=1", "price_per_hour=3", f"home={home}")
    assert [row[-1] for row in ended.rows] == ["10 min 00 s", "10 min 00 s", "unknown", "unknown"]
    assert "Time: about 20 min 00 s (" in ended.stdout
    assert "and 2 cells of unknown time; one after the other. Disk: " in ended.stdout
    assert "Cost: at least 1.00 (" in ended.stdout


@pytest.mark.parametrize("price", ["-1", "much", ".inf"])
def test_a_wrong_price(price: str, home: Path, sweep: Callable[..., Ended]) -> None:
    ended = sweep("plan", f"price_per_hour={price}", f"home={home}")
    assert ended.returncode == 2
    assert "price_per_hour=" in ended.stderr
