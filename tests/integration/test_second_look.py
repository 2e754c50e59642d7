"""Cells that look worse than usual are trained again before anything is said, and looked at on their images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from support.plans import made
from support.sweep_data import detections
from support.sweeps import end_sweep, figures, store_cell, store_sweep
from sweep.nightly.second_look import Ended, SecondLook, trained_again
from sweep.nightly.verdict import judge
from sweep.statistics.images import save_statistics
from sweep.tracking import names, write
from sweep.tracking.read import latest_sweep, sweep_run
from sweep.tracking.store import Store, open_store

CELL = "yolo11n-l4-relu-s0"


@pytest.fixture
def store(home: Path) -> Store:
    return open_store(home, "npu-sweep")


def night(store: Store, sweep_id: str, best: float, statistics: Path | None = None, name: str = CELL) -> str:
    """A sweep of one finished cell, in grid order the only one."""
    parent = store_sweep(store, sweep_id=sweep_id)
    params = {"level": "4", "act": "relu"}
    ends = dict.fromkeys(names.INTERVAL_METRICS, best) if statistics else {}
    cell = store_cell(store, parent, name, sweep_id=sweep_id, params=params, summary=figures(best, **ends))
    if statistics:
        write.log_files(store, cell["run_id"], {names.STATISTICS: statistics})
    end_sweep(store, parent, [cell], sweep_id=sweep_id)
    return sweep_id


def nights(store: Store, *, noise: float = 0.005, statistics: Path | None = None) -> None:
    """A week of them."""
    for number in range(7):
        night(store, f"night{number}", 0.7 + noise * (number % 3 - 1), statistics)


def look(store: Store, home: Path, more: Sequence[float], said: list[str]) -> SecondLook:
    """A second look whose trainings end with these figures; with none of them the night is over."""

    def train(overrides: Sequence[str]) -> Ended:
        assert "rerun=true" in overrides and "seed=1000,2000" in overrides
        if not more:
            return Ended(0, None, over=True)
        parent = store_sweep(store, sweep_id="again")
        for seed, best in enumerate(more):
            store_cell(store, parent, f"again-s{seed}", sweep_id="again", summary=figures(best), params={"seed": seed})
        write.finish(store, parent, "FINISHED")
        return Ended(0, "again", over=False)

    return SecondLook([f"home={home}", "level=4", "act=relu"], 2, train, said.append)


@pytest.mark.parametrize(("more", "worse"), [((0.664, 0.666), True), ((0.699, 0.703), False), ((), False)])
def test_more_trainings_decide(store: Store, home: Path, more: tuple[float, ...], worse: bool) -> None:
    nights(store)
    night(store, "tonight", 0.665)
    said: list[str] = []

    verdict = judge(store, sweep_run(store, "tonight"), look=look(store, home, more, said))

    assert said[0] == f"{CELL} looks worse than usual. To be sure, it is trained 2 times more."
    assert (said[1:] == []) == bool(more)
    assert bool(verdict.regressions) == worse
    if worse:
        assert "best/mAP50 0.665 (mean of 3 trainings), usually 0.7" in "\n".join(verdict.lines())
    latest = latest_sweep(store)
    assert latest is not None and latest.sweep_id == "tonight", "a second look is no sweep that anybody asks for"


def test_who_is_as_ever_is_not_trained_again(store: Store, home: Path) -> None:
    nights(store)
    night(store, "tonight", 0.697)
    said: list[str] = []
    assert not judge(store, sweep_run(store, "tonight"), look=look(store, home, (0.1, 0.1), said)).regressions
    night(store, "terrible", 0.2)
    assert judge(store, sweep_run(store, "terrible"), look=look(store, home, (0.7, 0.7), said)).regressions
    assert said == []


def test_what_is_trained_again(home: Path) -> None:
    """The cell itself, with other seeds, and nothing else; what concerns the grid as a whole is left out."""
    given = (
        "level=2,4",
        "act=relu,leakyrelu",
        "seed=0,7",
        "zip=[level,act]",
        "recipe.epochs=3",
        f"home={home}",
        "npu=none",
    )
    cells = {planned.cell.name: planned for planned in made(*given).cells}
    name = next(name for name in cells if name.startswith("yolo11n-l4-leakyrelu-s7"))

    again = trained_again(["nightly.again=2", *given], [name], 2)

    assert list(again) == [name]
    plan = made(*[text for text in again[name] if not text.startswith("sweeps=")])
    assert [planned.config.seed for planned in plan.cells] == [1007, 2007]
    assert {planned.config.level["name"] for planned in plan.cells} == {"4"}
    assert {planned.config.act["name"] for planned in plan.cells} == {"leakyrelu"}
    assert {planned.config.recipe["epochs"] for planned in plan.cells} == {3}
    assert plan.settings.rerun and plan.settings.report.register is None


@pytest.mark.parametrize(("quality", "worse"), [(0.55, True), (0.89, False)])
def test_where_trainings_repeat_themselves_the_images_decide(
    store: Store, tmp_path: Path, quality: float, worse: bool
) -> None:
    usual, now = tmp_path / "usual.npz", tmp_path / "now.npz"
    save_statistics(detections(0.9), usual)
    save_statistics(detections(quality, seed=1), now)
    nights(store, noise=0.0, statistics=usual)
    night(store, "tonight", 0.67, now)

    verdict = judge(store, sweep_run(store, "tonight"))

    metrics = {one.finding.metric for one in (verdict.regressions if worse else verdict.dismissed)}
    assert {"best/mAP50", "best/mAP50-95"} <= metrics
    text = "\n".join(verdict.lines())
    assert "on the same images" in text
    if not worse:
        assert not verdict.regressions
        assert "not counted, since the images do not tell it from chance" in text


def test_other_images_are_not_compared(store: Store, tmp_path: Path) -> None:
    usual, now = tmp_path / "usual.npz", tmp_path / "now.npz"
    save_statistics(detections(0.9), usual)
    save_statistics(detections(0.89, images=30), now)
    nights(store, noise=0.0, statistics=usual)
    night(store, "tonight", 0.67, now)
    verdict = judge(store, sweep_run(store, "tonight"))
    assert verdict.regressions and all(one.images is None for one in verdict.regressions)
