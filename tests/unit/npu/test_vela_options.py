"""A wrong option of an Ethos target is a sentence that names it; layers are called as in the checkpoint."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from sweep.errors import SweepError
from sweep.npu.targets import make_target
from sweep.npu.targets.vela import VelaTarget, layer_of

CONF = Path(__file__).parents[3] / "conf" / "npu"
SHIPPED = ("ethos_u55", "ethos_u65", "ethos_u85")


def options(name: str = "ethos_u55") -> dict[str, object]:
    return dict(yaml.safe_load((CONF / f"{name}.yaml").read_text("utf-8")))


@pytest.mark.parametrize("name", SHIPPED)
def test_the_shipped_targets_are_vela_targets_without_problems(name: str, tmp_path: Path) -> None:
    target = make_target(name, options(name), tmp_path)
    assert isinstance(target, VelaTarget)
    assert target.title.startswith("Arm Ethos-U")


@pytest.mark.parametrize(
    ("wrong", "place"),
    [
        ({"accelerator": "ethos-u55-512"}, "npu.ethos_u55.accelerator=ethos-u55-512"),
        ({"decode": "yes please"}, "npu.ethos_u55.decode"),
        ({"imgsz": 100}, "npu.ethos_u55.imgsz=100"),
        ({"least_imgsz": 100}, "npu.ethos_u55.least_imgsz=100"),
        ({"memory_mode": 3}, "npu.ethos_u55.memory_mode"),
        ({"system_config": "--help"}, "npu.ethos_u55.system_config"),
        ({"acelerator": "ethos-u55-256"}, "npu.ethos_u55.acelerator"),
        ({"timeout_s": 0}, "npu.ethos_u55.timeout_s"),
    ],
)
def test_a_wrong_option_is_named(wrong: dict[str, object], place: str, tmp_path: Path) -> None:
    with pytest.raises(SweepError) as raised:
        make_target("ethos_u55", options() | wrong, tmp_path)
    assert place in str(raised.value)


LAYERS = {
    "conv.Conv_0": "model.0",
    "block.C2f_4": "model.4",
    "block.C2f_4/conv.Conv_cv1": "model.4.cv1",
}


@pytest.mark.parametrize(
    ("tensor", "layer"),
    [
        (
            "sweep.npu.litert.network.Network/block.C2f_4/conv.Conv_cv1/act.LeakyReLU_act;;x/conv.Conv_0;2",
            "model.4.cv1",
        ),
        ("sweep.npu.litert.network.Network/block.C2f_4;1_dequant", "model.4"),
        ("serving_default_output_0_output", "serving_default_output_0_output"),
        ("", ""),
    ],
)
def test_a_tensor_is_of_the_innermost_known_layer(tensor: str, layer: str) -> None:
    assert layer_of(tensor, LAYERS) == layer
