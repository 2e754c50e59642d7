"""The champion makes way to a cell that is significantly better on the same images, and to no other."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from support.sweep_data import detections
from support.sweeps import end_sweep, figures, store_cell, store_sweep
from sweep.rebuild import register_recommended
from sweep.report.source import read_sweep
from sweep.statistics.images import save_statistics
from sweep.tracking import names, write
from sweep.tracking.models import log_model
from sweep.tracking.read import sweep_run
from sweep.tracking.registry import CHAMPION, champion_run
from sweep.tracking.store import Store, open_store

if TYPE_CHECKING:
    from tests.integration.tracking.conftest import Detector

pytestmark = pytest.mark.slow
MODEL = "road-signs"


class Desk:
    """Sweeps of one cell, each of which wants to be the champion."""

    def __init__(self, folder: Path, detector: Detector) -> None:
        self.store: Store = open_store(folder / "home", "e")
        self.folder, self._detector = folder, detector

    def sweep(self, sweep_id: str, quality: float, *, images: int = 40, seed: int = 0) -> str:
        """Store a sweep whose cell finds that share of the objects; its run."""
        parent = store_sweep(self.store, sweep_id=sweep_id)
        ends = dict.fromkeys(names.INTERVAL_METRICS, quality)
        cell = store_cell(
            self.store, parent, f"cell of {sweep_id}", sweep_id=sweep_id, summary=figures(quality, **ends),
            params={"level": "4", "act": "relu"},
        )  # fmt: skip
        save_statistics(detections(quality, images=images, seed=seed), self.folder / f"{sweep_id}.npz")
        write.log_files(self.store, cell["run_id"], {names.STATISTICS: self.folder / f"{sweep_id}.npz"})
        log_model(self.store, cell["run_id"], self._detector.checkpoint, imgsz=96, names=self._detector.names)
        end_sweep(self.store, parent, [cell], sweep_id=sweep_id)
        return str(cell["run_id"])

    def ends(self, sweep_id: str, *, whatever: bool = False) -> str:
        """What the end of a sweep says of the champion."""
        console = Console(record=True, width=200)
        sweep = read_sweep(self.store, sweep_run(self.store, sweep_id))
        register_recommended(self.store, sweep, MODEL, console, whatever=whatever)
        return console.export_text()


def test_who_becomes_the_champion(detector: Detector, tmp_path: Path) -> None:
    desk = Desk(tmp_path, detector)
    assert champion_run(desk.store, MODEL) is None

    first = desk.sweep("first", 0.6)
    assert "is version 1 and the champion" in desk.ends("first")
    assert champion_run(desk.store, MODEL) == first
    assert "is version 1 and the champion" in desk.ends("first"), "it is the champion already"

    desk.sweep("alike", 0.61)
    said = desk.ends("alike")
    assert "its champion stays cell of first (sweep first): on the same images the difference is" in said
    assert f"python -m sweep report --sweep alike --register {MODEL}" in said
    assert champion_run(desk.store, MODEL) == first

    desk.sweep("worse", 0.3)
    assert "which is not significantly better" in desk.ends("worse")

    desk.sweep("elsewhere", 0.95, images=30)
    assert "both were not evaluated on the same images" in desk.ends("elsewhere")
    assert champion_run(desk.store, MODEL) == first

    better = desk.sweep("better", 0.95)
    assert "is version 2 and the champion" in desk.ends("better")
    assert champion_run(desk.store, MODEL) == better

    assert "and the champion" in desk.ends("alike", whatever=True), "somebody has asked for it"
    assert champion_run(desk.store, MODEL) != better


def test_a_champion_whose_run_is_deleted_makes_way(detector: Detector, tmp_path: Path) -> None:
    desk = Desk(tmp_path, detector)
    first = desk.sweep("first", 0.9)
    desk.ends("first")
    desk.store.client.delete_run(first)
    second = desk.sweep("second", 0.5)
    desk.ends("second")
    assert desk.store.client.get_model_version_by_alias(MODEL, CHAMPION).run_id == second
