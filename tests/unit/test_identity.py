"""What makes two cells the same cell."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sweep import identity
from sweep.config import CellConfig
from sweep.data.dataset import Dataset
from sweep.identity import identify

DATA = Dataset(
    name="set", yaml=Path("/a/data.yaml"), digest="d1", names={0: "stop", 1: "yield"}, train=(), val=(), test=(),
    warnings=(),
)  # fmt: skip
CELL = CellConfig(
    base={"name": "yolo11n", "model": "yolo11.yaml", "scale": "n"},
    level={"name": "2", "transforms": [{"replace": {"module": "C2PSA", "by": "C2f"}}]},
    act={"name": "relu", "module": "ReLU", "arguments": {}},
    data={"name": "set", "path": "/a/data.yaml"},
    recipe={"name": "quick", "epochs": 2, "lr0": 0.01, "workers": 0},
    seed=0,
    weights=None,
)


def key(cell: CellConfig = CELL, data: Dataset = DATA, device: str = "cpu") -> str:
    return identify(cell, data, device).key


@pytest.mark.parametrize(
    "change",
    [
        {"base": {"name": "other", "model": "yolo11.yaml", "scale": "n"}},
        {"base": {"name": "yolo11n", "model": "yolo11.yaml", "scale": "s"}},
        {"level": {"name": "3", "transforms": [{"replace": {"module": "C2PSA", "by": "C2f"}}]}},
        {"level": {"name": "2", "transforms": [{"remove": {"module": "C2PSA"}}]}},
        {"act": {"name": "mine", "module": "ReLU", "arguments": {}}},
        {"act": {"name": "relu", "module": "ReLU6", "arguments": {}}},
        {"recipe": {"name": "quick", "epochs": 3, "lr0": 0.01, "workers": 0}},
        {"recipe": {"name": "quick", "epochs": 2, "lr0": 0.01, "workers": 4}},
        {"recipe": {"name": "quick", "epochs": 2, "lr0": 0.01, "workers": 0, "cos_lr": True}},
        {"seed": 1},
    ],
    ids=str,
)
def test_what_decides_the_result_changes_the_key(change: dict[str, Any]) -> None:
    assert key(replace(CELL, **change)) != key()


def test_the_data_and_the_device_type_change_the_key() -> None:
    assert len({key(), key(data=replace(DATA, digest="d2")), key(device="cuda")}) == 3
    assert key(data=replace(DATA, names={0: "stop"})) != key(), "another number of classes is another model"


def test_initial_weights_count_by_their_content(tmp_path: Path) -> None:
    for name, content in (("a.pt", b"1"), ("b.pt", b"1"), ("c.pt", b"2")):
        (tmp_path / name).write_bytes(content)
    a, b, c = (key(replace(CELL, weights=tmp_path / name)) for name in ("a.pt", "b.pt", "c.pt"))
    assert a == b
    assert len({a, c, key()}) == 3


@pytest.mark.parametrize("package", ["torch", "torchvision", "ultralytics"])
def test_versions_of_what_trains_change_the_key(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = key()
    real = identity.installed_version
    monkeypatch.setattr(identity, "installed_version", lambda name: "0.0" if name == package else real(name))
    assert key() != before


def test_the_version_of_our_transforms_changes_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    before = key()
    monkeypatch.setattr("sweep.architecture.resolve.TRANSFORMS_VERSION", -1)
    assert key() != before


def test_paths_names_of_files_and_ways_to_write_a_number_do_not_change_the_key() -> None:
    assert key(data=replace(DATA, name="else", yaml=Path("/b/data.yaml"), train=(Path("/b/1.png"),))) == key()
    assert key(replace(CELL, data={"name": None, "path": "/b/data.yaml"})) == key()
    assert key(replace(CELL, recipe=dict(reversed(CELL.recipe.items())))) == key()
    assert key(replace(CELL, recipe={**CELL.recipe, "name": "other"})) == key(), "a recipe counts by its values"
    one = key(replace(CELL, recipe={**CELL.recipe, "warmup_epochs": 1}))
    assert one == key(replace(CELL, recipe={**CELL.recipe, "warmup_epochs": 1.0}))
