"""args.yaml of a training: what is kept of it, and what it says of weights and device."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from sweep.errors import SweepError
from sweep.importing.arguments_yaml import (
    device_of,
    initial_weights,
    read_arguments,
    recipe_differences,
    recipe_of,
    with_counts,
)
from sweep.recipe import OURS, resolved_recipe, ultralytics_folder

V3 = {
    "name": "v3", "epochs": 100, "batch": 16, "imgsz": 640, "optimizer": "SGD", "lr0": 0.003, "lrf": 1 / 30,
    "momentum": 0.9, "weight_decay": 0.001, "warmup_epochs": 5.0, "box": 7.5, "cls": 0.5, "workers": 8,
}  # fmt: skip


def arguments(**changed: Any) -> dict[str, Any]:
    """All arguments of a training, as Ultralytics writes them."""
    default = yaml.safe_load((ultralytics_folder() / "cfg" / "default.yaml").read_text("utf-8"))
    return {**default, "model": "yolo11n.yaml", "data": "d.yaml", "save_dir": "/x/runs/train", **changed}


def test_a_training_with_a_recipe_has_the_parameters_of_a_cell_with_it() -> None:
    trained = arguments(**{name: value for name, value in V3.items() if name != "name"})
    assert recipe_of(trained, V3) == resolved_recipe(V3)
    assert recipe_differences(recipe_of(trained, V3), V3) == []


def test_what_differs_from_the_defaults_is_kept_and_places_are_not() -> None:
    kept = recipe_of(arguments(optimizer="SGD", mosaic=0.5, project="/x/runs", name="train", device="0"), V3)
    assert kept["mosaic"] == 0.5
    assert "degrees" not in kept
    assert not kept.keys() & {*OURS, "name", "project", "save_dir", "data", "device", "model"}


def test_a_text_that_is_a_number_is_the_number() -> None:
    assert "lr0" not in [text.partition("=")[0] for text in recipe_differences({"lr0": "1e-3"}, {"lr0": 0.001})]


def test_what_the_automatic_optimizer_ignored_is_not_told_as_used() -> None:
    kept = recipe_of(arguments(optimizer="auto", lr0=0.5, momentum=0.1), V3)
    assert kept["optimizer"] == "auto"
    assert not kept.keys() & {"lr0", "momentum"}


def test_differences_name_both_values() -> None:
    trained = arguments(**{name: value for name, value in V3.items() if name != "name"} | {"lr0": 0.01, "mosaic": 0.0})
    assert recipe_differences(recipe_of(trained, V3), V3) == ["lr0=0.01 (not 0.003)", "mosaic=0.0 (not the default)"]


def test_an_automatic_batch_is_what_the_checkpoint_says() -> None:
    assert with_counts({"imgsz": 640, "batch": -1}, {"batch": 12}) == {"imgsz": 640, "batch": 12}
    assert with_counts({"imgsz": 100, "batch": 16}, {"imgsz": 128, "batch": 16}) == {"imgsz": 128, "batch": 16}
    with pytest.raises(SweepError) as error:
        with_counts({"imgsz": "big", "batch": 0.7}, {})
    assert len(error.value.problems) == 2


@pytest.mark.parametrize(
    ("told", "weights"),
    [
        ({"model": "yolo11n.yaml"}, None),
        ({"model": "yolo11n.yaml", "pretrained": "/w/mine.pt"}, "mine.pt"),
        ({"model": r"C:\w\yolo11n.pt", "pretrained": True}, "yolo11n.pt"),
        ({"model": "yolo11n.pt", "pretrained": False}, None),
        ({"model": "/x/last.pt", "resume": "/x/last.pt"}, "unknown (resumed)"),
        ({"model": None}, None),
    ],
)
def test_the_weights_that_it_began_with(told: dict[str, Any], weights: str | None) -> None:
    assert initial_weights(told) == weights


@pytest.mark.parametrize(
    ("device", "kind"),
    [
        ("cpu", "cpu"),
        ("mps", "mps"),
        (0, "cuda"),
        ("0,1", "cuda"),
        ("[0, 1]", "cuda"),
        ("cuda:0", "cuda"),
        (None, None),
        ("", None),
    ],
)
def test_the_kind_of_device(device: object, kind: str | None) -> None:
    assert device_of({"device": device}) == kind


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "names no task"),
        ("- 1\n", "names no task"),
        ("task: segment\nmode: train\n", "task: segment"),
        ("task: detect\nmode: val\n", "mode: val"),
        ("task: [detect\n", "cannot be read"),
        ("task: !!python/object/apply:os.getcwd []\n", "cannot be read"),
        ("task: \x00\n", "cannot be read"),
    ],
)
def test_a_file_that_is_none_is_refused(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "args.yaml"
    path.write_text(text, "utf-8")
    with pytest.raises(SweepError, match=said):
        read_arguments(path)
