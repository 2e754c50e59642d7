"""Building: the chosen activation is everywhere, or the build fails; Ultralytics' global state stays as it
was.
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from sweep.architecture.activation import ACTIVATIONS, activation_text
from sweep.architecture.build import build_model, check_activations, make_activation
from sweep.architecture.resolve import resolve_model
from sweep.architecture.size import measure_size
from sweep.errors import SweepError

CONF = Path(__file__).parents[3] / "conf"
ACTS = ("relu", "leakyrelu", "silu", "relu6", "hardswish")


def option(group: str, name: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((CONF / group / f"{name}.yaml").read_text(encoding="utf-8"))
    return content


def model_yaml(act: str = "relu", level: str = "4") -> dict[str, Any]:
    return resolve_model(option("base", "yolo11n"), option("levels", level), option("act", act), 6).yaml


@pytest.fixture(autouse=True)
def _default_activation_stays() -> Any:
    from ultralytics.nn.modules.conv import Conv

    before = Conv.default_act
    yield
    assert Conv.default_act is before
    assert type(before) is torch.nn.SiLU


@pytest.mark.parametrize("level", ["0", "2", "3", "4"])
@pytest.mark.parametrize("act", ACTS)
def test_every_activation_is_the_chosen_one(act: str, level: str) -> None:
    from ultralytics.nn.modules.conv import Conv

    model = build_model(model_yaml(act, level))
    chosen = option("act", act)
    counted = check_activations(model, make_activation(chosen["module"], chosen["arguments"]))
    convolutions = [module for module in model.modules() if isinstance(module, Conv)]
    expected = [module for module in convolutions if not isinstance(module.act, torch.nn.Identity)]
    assert dict(counted) == {chosen["module"]: len(expected)}


def test_leakyrelu_has_slope_0_1() -> None:
    assert build_model(model_yaml("leakyrelu")).model[0].act.negative_slope == 0.1


def test_a_wrong_activation_is_named() -> None:
    model = build_model(model_yaml("leakyrelu"))
    model.model[1].act = torch.nn.SiLU()
    model.model[3].act = torch.nn.LeakyReLU(0.2)
    with pytest.raises(SweepError, match=r"2 of \d+ activations .*model\.1\.act is SiLU.*model\.3\.act is Leaky"):
        check_activations(model, torch.nn.LeakyReLU(0.1))


def test_a_block_with_an_activation_of_its_own_fails_the_build() -> None:
    wrong = model_yaml("relu", "0")
    wrong["backbone"][1] = [-1, 1, "ConvTranspose", [128, 2, 2]]
    wrong["backbone"][0] = [-1, 1, "Conv", [64, 3, 4]]
    with pytest.raises(SweepError, match=r"model\.1\.act is SiLU\(\)"):
        build_model(wrong)


def test_an_activation_of_another_origin_is_never_evaluated() -> None:
    wrong = {**model_yaml(), "activation": "(_ for _ in ()).throw(SystemExit('evaluated'))"}
    with pytest.raises(SweepError, match="not written by npu-sweep"):
        build_model(wrong)
    wrong.pop("activation")
    with pytest.raises(SweepError, match="None was not written"):
        build_model(wrong)


def test_the_default_activation_is_restored_when_the_build_raises() -> None:
    wrong = model_yaml()
    wrong["head"][-1] = [[1000], 1, "Detect", ["nc"]]
    with pytest.raises(IndexError):
        build_model(wrong)


def test_the_yaml_is_left_as_it_is() -> None:
    given = model_yaml()
    before = copy.deepcopy(given)
    build_model(given, channels=1)
    assert given == before


def test_channels() -> None:
    assert build_model(model_yaml(), channels=1).model[0].conv.in_channels == 1


@pytest.mark.parametrize("module", sorted(ACTIVATIONS))
def test_every_allowed_activation_exists_and_takes_its_arguments(module: str) -> None:
    arguments = {name: True if name == "inplace" else 2 for name in ACTIVATIONS[module] if name != "min_val"}
    assert type(make_activation(module, arguments)).__name__ == module
    assert activation_text({"name": "a", "module": module, "arguments": arguments})


def test_arguments_that_torch_refuses_are_explained() -> None:
    with pytest.raises(SweepError, match=r"Hardtanh refuses the arguments \{'min_val': 3, 'max_val': 1\}"):
        make_activation("Hardtanh", {"min_val": 3, "max_val": 1})
    with pytest.raises(SweepError, match=r"no activation torch\.nn\.Linear"):
        make_activation("Linear", {})


def test_size_is_what_ultralytics_prints_and_the_model_stays() -> None:
    model = build_model(model_yaml("silu", "0"))
    before = copy.deepcopy(model.state_dict())
    keys = set(vars(model.model[0]))
    params, gflops = measure_size(model, 640)
    _, info_params, _, info_gflops = model.info(imgsz=640)
    assert params == info_params / 1e6
    assert gflops == pytest.approx(info_gflops)
    assert model.training
    assert set(vars(model.model[0])) == keys
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_gflops_grow_with_the_area_of_the_picture() -> None:
    model = build_model(model_yaml("relu", "4"))
    assert measure_size(model, 320)[1] == pytest.approx(measure_size(model, 640)[1] / 4, rel=1e-6)


def test_a_size_that_cannot_be_counted_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="could not count"):
        measure_size(torch.nn.Linear(1, 1), 64)
