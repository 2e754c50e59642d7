"""With what a night compares its cells: trainings of the same cell, under the same circumstances where times count."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from support.sweeps import end_sweep, figures, store_cell, store_sweep
from sweep.nightly.past import Past, cells_of
from sweep.tracking import names
from sweep.tracking.expected import Expected
from sweep.tracking.read import sweep_run
from sweep.tracking.store import Store, open_store

PARAMS = {"level": "4", "act": "relu"}


@pytest.fixture
def store(home: Path) -> Store:
    return open_store(home, "npu-sweep")


def night(store: Store, sweep_id: str, *cells: Mapping[str, Any], tags: Mapping[str, str] | None = None) -> None:
    """A sweep; a cell is the arguments of `store_cell`, or the entry of one that is taken over."""
    parent = store_sweep(store, sweep_id=sweep_id, tags=tags)
    listed = [
        cell
        if "run_id" in cell
        else store_cell(store, parent, sweep_id=sweep_id, **{"name": "cell", "params": PARAMS, **cell})
        for cell in cells
    ]
    end_sweep(store, parent, listed, sweep_id=sweep_id)


def cells(store: Store, sweep_id: str) -> list[Past]:
    return cells_of(store, sweep_run(store, sweep_id), 21)


def values(cell: Past, metric: str = "best/mAP50") -> tuple[tuple[float, ...], tuple[float, ...]]:
    (series,) = [one for one in cell.series() if one.metric == metric]
    return series.earlier, series.now


def test_a_cell_that_was_begun_in_an_earlier_night_is_judged_in_that_which_ended_it(store: Store) -> None:
    """Its run stays under the sweep that began it."""
    night(store, "first", {"summary": figures(0.5)})
    parent = store_sweep(store, sweep_id="second")
    entry = store_cell(store, parent, "cell", sweep_id="second", params=PARAMS, summary=figures(0.6))
    end_sweep(store, parent, [entry | {"state": "killed"}], sweep_id="second")
    night(store, "third", entry)
    (cell,) = cells(store, "third")
    assert cell.trained
    assert values(cell) == ((0.5,), (0.6,))


def test_a_cell_that_was_taken_over_or_has_failed_is_not_judged(store: Store) -> None:
    night(store, "first", {"summary": figures(0.5)})
    parent = store_sweep(store, sweep_id="second")
    entry = store_cell(store, parent, "cell", sweep_id="second", params=PARAMS, summary=figures(0.6))
    failed = store_cell(store, parent, "cell", sweep_id="second", params={**PARAMS, "act": "silu"}, reason="boom")
    end_sweep(store, parent, [entry, failed], sweep_id="second")
    night(store, "third", entry | {"reused": True}, {"reason": "boom"})
    taken, broken = cells(store, "third")
    for cell in (taken, broken):
        assert not cell.trained
        assert values(cell) == ((0.5, 0.6), ())
    assert [cell.run.params["act"] for cell in cells(store, "second")] == ["relu"], "the other was never trained"


def test_cells_that_differ_in_a_swept_parameter_are_not_mixed(store: Store) -> None:
    """Also in a night that trains but one of them."""
    entries = []
    for number in range(3):
        parent = store_sweep(store, sweep_id=f"night{number}")
        entries = [
            store_cell(
                store, parent, f"cell-{lr0}", sweep_id=f"night{number}", summary=figures(best + number / 100),
                params={**PARAMS, "recipe.lr0": lr0},
            )
            for lr0, best in ((0.01, 0.7), (0.001, 0.5))
        ]  # fmt: skip
        end_sweep(store, parent, entries, sweep_id=f"night{number}")
    canary = {"summary": figures(0.73), "params": {**PARAMS, "recipe.lr0": 0.01}}
    night(store, "tonight", canary, entries[1] | {"reused": True})
    first, second = cells(store, "tonight")
    assert values(first) == ((0.7, 0.71, 0.72), (0.73,))
    assert values(second) == ((0.5, 0.51, 0.52), ())


def test_times_are_compared_where_as_many_ran_beside_each_other(store: Store) -> None:
    for number, side_by_side in enumerate((1, 2, 1, 2)):
        seconds = 60.0 + 40 * (side_by_side - 1) + number
        night(
            store, f"night{number}", {"summary": figures(0.7, **{names.TRAIN_TIME: seconds})},
            tags={names.FORECAST: Expected(side_by_side, 0).as_tag()},
        )  # fmt: skip
    (cell,) = cells(store, "night3")
    assert values(cell, names.TRAIN_TIME) == ((101.0,), (103.0,))
    assert len(values(cell)[0]) == 3


def test_second_looks_are_no_history(store: Store) -> None:
    night(store, "first", {"summary": figures(0.5)})
    night(store, "look", {"summary": figures(0.1)}, tags={names.SECOND_LOOK: "first"})
    night(store, "second", {"summary": figures(0.6)})
    (cell,) = cells(store, "second")
    assert values(cell) == ((0.5,), (0.6,))


def test_suspects_name_compilers(store: Store) -> None:
    facts = '{"state": "measured", "compiler": "vela %s"}'
    tag = names.npu_tag("ethos_u55")
    night(store, "first", {"summary": figures(0.5), "tags": {tag: facts % "4.1"}})
    night(store, "second", {"summary": figures(0.5), "tags": {tag: facts % "4.2", names.GIT_DIRTY: "true"}})
    (cell,) = cells(store, "second")
    assert cell.suspects([]) == ["uncommitted changes: none → true", "compiler of ethos_u55: vela 4.1 → vela 4.2"]
