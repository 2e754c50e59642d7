"""A wrong option of an Ethos target is a sentence that names it; layers are called as in the checkpoint."""

from __future__ import annotations

from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest
import yaml

from sweep.errors import SweepError
from sweep.npu.targets import make_target, vela
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


OWN = "[System_Config.Mine]\ncore_clock=1e9\n[Memory_Mode.Mine]\nconst_mem_area=Axi1\n"


def problems(home: Path, **changed: object) -> list[str]:
    return VelaTarget("ethos_u55", options() | changed, home).problems()


@pytest.fixture
def with_vela(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed Vela, of which there are no more than its files."""
    files = tmp_path / "site" / "ethosu" / "config_files" / "Arm"
    files.mkdir(parents=True)
    sections = ("System_Config.Ethos_U55_High_End_Embedded", "System_Config.Other", "Memory_Mode.Shared_Sram")
    (files / "vela.ini").write_text("".join(f"[{section}]\n" for section in sections))
    (files / "broken.ini").write_text("no section\n")
    spec = ModuleSpec("ethosu", None, is_package=True)
    spec.submodule_search_locations = [str(files.parents[1])]
    monkeypatch.setattr(vela, "find_spec", {"ethosu": spec}.get)


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A file of the user's, in the working directory."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.ini").write_text(OWN)
    return "own.ini"


MINE = {"system_config": "Mine", "memory_mode": "Mine"}
COMES = "It must be the path of an .ini file, or one that comes with Vela: Arm/broken.ini, Arm/vela.ini."


@pytest.mark.usefixtures("with_vela")
@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"vela_config": "/nonexistent.ini"}, f"vela_config=/nonexistent.ini is no file of Vela's. {COMES}"),
        ({"vela_config": "Arm/nope.ini"}, f"vela_config=Arm/nope.ini is no file of Vela's. {COMES}"),
        ({"vela_config": "./Arm/vela.ini"}, f"vela_config=./Arm/vela.ini is no file of Vela's. {COMES}"),
        ({"vela_config": "Arm"}, f"vela_config=Arm is no file of Vela's. {COMES}"),
        ({"vela_config": "Arm/broken.ini"}, "vela_config=Arm/broken.ini cannot be read: File contains no section"),
        (
            {"system_config": "Nope"},
            "system_config=Nope is not in Arm/vela.ini. It has: Ethos_U55_High_End_Embedded, Other.",
        ),
        ({"memory_mode": "Nope"}, "memory_mode=Nope is not in Arm/vela.ini. It has: Shared_Sram."),
        ({"memory_mode": "Nope", "vela_config": None}, "memory_mode=Nope is not in Arm/vela.ini."),
        ({"memory_mode": None}, "memory_mode=null goes with vela_config=null only. Arm/vela.ini has: Shared_Sram."),
        (
            {**MINE, "memory_mode": "Nope", "vela_config": "own.ini"},
            "memory_mode=Nope is not in own.ini. It has: Mine.",
        ),
    ],
)
def test_what_vela_would_find_missing_is_said_at_once(
    changed: dict[str, object], said: str, own: str, tmp_path: Path
) -> None:
    (problem,) = problems(tmp_path, **changed)
    assert problem.startswith(f"npu.ethos_u55.{said}")
    assert "\n" not in problem


@pytest.mark.usefixtures("with_vela")
def test_names_are_looked_up_where_vela_looks(own: str, tmp_path: Path) -> None:
    assert problems(tmp_path) == []
    assert problems(tmp_path, vela_config=None, system_config=None, memory_mode=None) == []
    assert problems(tmp_path, vela_config=own, **MINE) == []
    assert problems(tmp_path, vela_config=str(tmp_path / own), **MINE) == []


def test_without_vela_only_files_of_the_users_are_looked_into(
    own: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vela, "find_spec", lambda _: None)
    assert problems(tmp_path, system_config="Anything") == []
    assert problems(tmp_path, vela_config=own, **MINE) == []
    (problem,) = problems(tmp_path, vela_config="/nonexistent.ini")
    assert problem.endswith("It must be the path of an .ini file.")


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
