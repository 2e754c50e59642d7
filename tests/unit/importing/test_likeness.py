"""Comparing a checkpoint's model YAML and activations with what base, level and activation give."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from sweep.architecture.build import build_model
from sweep.architecture.resolve import resolve_model
from sweep.importing.likeness import activation_difference, network_differences

CONF = Path(__file__).parents[3] / "conf"


def content(group: str, name: str) -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load((CONF / group / f"{name}.yaml").read_text("utf-8"))
    return {"name": name, **read}


def model_yaml(level: str, act: str = "relu", base: str = "yolo11n") -> dict[str, Any]:
    return resolve_model(content("base", base), content("levels", level), content("act", act), nc=3).yaml


@pytest.mark.parametrize("level", ["0", "2", "3", "4"])
def test_what_a_level_gives_is_what_it_gives(level: str) -> None:
    assert network_differences(model_yaml(level), model_yaml(level)) == ()


def test_a_stock_yaml_with_all_its_scales_is_level_0() -> None:
    stock = yaml.safe_load(Path(_installed("yolo11.yaml")).read_text("utf-8"))
    assert network_differences({**stock, "nc": 3, "scale": "n"}, model_yaml("0")) == ()
    (difference,) = network_differences({**stock, "nc": 3, "scale": "s"}, model_yaml("0"))
    assert difference.startswith("its scale is s [0.5, 0.5, 1024")


def test_sources_may_be_written_in_another_way() -> None:
    other = copy.deepcopy(model_yaml("0"))
    assert other["backbone"][1][0] == -1
    other["backbone"][1][0] = 0
    assert network_differences(other, model_yaml("0")) == ()


def test_levels_differ_in_sentences() -> None:
    text = "; ".join(network_differences(model_yaml("0"), model_yaml("4")))
    assert "it has 24 layers, not 21" in text
    assert "layer 2 is C3k2" in text
    assert "more layers differ" in text
    assert "its head has 16 DFL bins, not 8" in text


@pytest.mark.parametrize("broken", [{}, {"backbone": 3, "head": []}, {"backbone": [[1]], "head": []}])
def test_a_yaml_that_is_none_is_a_difference(broken: dict[str, Any]) -> None:
    (difference,) = network_differences(broken, model_yaml("0"))
    assert "cannot be read" in difference


def test_activations_are_those_of_the_modules() -> None:
    model = build_model(model_yaml("4", "leakyrelu"))
    assert activation_difference(model, content("act", "leakyrelu")) is None
    steeper = {"name": "steep", "module": "LeakyReLU", "arguments": {"negative_slope": 0.2}}
    assert "LeakyReLU(negative_slope=0.1)" in str(activation_difference(model, steeper))
    assert str(activation_difference(model, content("act", "relu"))).endswith(", not ReLU")


def _installed(name: str) -> Path:
    from sweep.recipe import ultralytics_folder

    return next((ultralytics_folder() / "cfg" / "models").rglob(name))
