"""The graph target on real exports of the levels: cost, placement under the shipped profiles, digests, files."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import onnx
import pytest
import torch
import yaml

from sweep.architecture.build import build_model
from sweep.architecture.resolve import resolve_model
from sweep.architecture.size import measure_size
from sweep.errors import SweepError
from sweep.npu.cache import measured_once
from sweep.npu.digest import graph_digest
from sweep.npu.graph import count_nodes
from sweep.npu.operators import Operator, count_by_type, read_operators
from sweep.npu.profiles import Placement, load_profiles, placement
from sweep.npu.targets import CompilerFailed, Subject, make_target
from sweep.npu.targets.onnx import OnnxTarget

CONF = Path(__file__).parents[3] / "conf"
LEVELS, ACTS = ("0", "2", "3", "4"), ("relu", "leakyrelu", "silu")
GRID = [(level, act) for level in LEVELS for act in ACTS]
SHIPPED = ["generic_int8", "ethos_u55", "rk3588"]

pytestmark = pytest.mark.slow
Export = Callable[..., Path]


def model_for(level: str, act: str, nc: int = 6, seed: int = 0) -> torch.nn.Module:
    files = [CONF / "base" / "yolo11n.yaml", CONF / "levels" / f"{level}.yaml", CONF / "act" / f"{act}.yaml"]
    torch.manual_seed(seed)
    return build_model(resolve_model(*(yaml.safe_load(file.read_text("utf-8")) for file in files), nc).yaml)


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Export:
    """`export("4", "relu", imgsz=64)`: the ONNX file, exported once for all tests."""
    folder = tmp_path_factory.mktemp("exports")

    def exported(level: str, act: str, imgsz: int = 64, nc: int = 6, seed: int = 0) -> Path:
        path = folder / f"{level}-{act}-{imgsz}-{nc}-{seed}"
        if not path.exists():
            count_nodes(model_for(level, act, nc, seed), imgsz, path)
        return path / "model.onnx"

    return exported


def place(path: Path) -> dict[str, Placement]:
    operators = read_operators(path)
    return {profile.name: placement(operators, profile) for profile in load_profiles(SHIPPED)}


def left(placed: Placement) -> list[str]:
    return [f"{item.operator.op} ({item.operator.layer})" for item in placed.unsupported]


def subject(path: Path) -> Subject:
    return Subject(path.with_name("best.pt"), path, None, path.with_name("calibration.npy"), 64)


def options(**changes: Any) -> dict[str, Any]:
    return dict(yaml.safe_load((CONF / "npu" / "onnx.yaml").read_text("utf-8"))) | changes


@pytest.mark.parametrize(("level", "act"), GRID)
def test_operators_of_an_export(level: str, act: str, export: Export) -> None:
    operators = read_operators(export(level, act))
    nodes = onnx.load(export(level, act)).graph.node
    assert sum(count_by_type(operators).values()) == len(nodes), "an export has no nodes that an NPU need not run"
    assert all(re.match(r"model\.\d+", operator.layer) for operator in operators)
    assert all(shape is not None for operator in operators for shape in operator.outputs)
    assert {operator.op for operator in operators if operator.macs} <= {"Conv", "MatMul"}
    _, gflops = measure_size(model_for(level, act), 64)
    assert 2 * sum(operator.macs for operator in operators) / 1e9 == pytest.approx(gflops, rel=0.03)


@pytest.mark.parametrize(("level", "act"), GRID)
def test_placement_of_the_levels(level: str, act: str, export: Export) -> None:
    placed = place(export(level, act))
    assert not any(result.unknown for result in placed.values()), "the profiles know all operators of the levels"
    for name in ("ethos_u55", "rk3588"):
        assert (placed[name].op_pct, placed[name].mac_pct) == (100, 100)
    generic = placed["generic_int8"]
    kinds = {item.operator.op for item in generic.unsupported}
    attention = [name for name in left(generic) if ".attn" in name]
    if level == "0":
        assert kinds == {"MatMul", "Softmax", "Transpose"}
        assert len(attention) == 5
        assert generic.mac_pct is not None
        assert generic.mac_pct < 100
    else:
        assert kinds == {"Softmax", "Transpose"}
        assert attention == []
        assert generic.mac_pct == 100


def test_at_640_px_the_figures_are_those_measured_before_the_project(export: Export) -> None:
    stock = place(export("0", "silu", imgsz=640, nc=80))
    assert stock["generic_int8"].mac_pct == pytest.approx(99.06, abs=0.005)
    assert stock["rk3588"].op_pct is not None
    assert 99.4 <= stock["rk3588"].op_pct < 100
    assert left(stock["rk3588"]) == ["Transpose (model.23.dfl)"]
    assert left(stock["ethos_u55"]) == []
    assert left(place(export("4", "relu", imgsz=640))["rk3588"]) == [], "8 bins instead of 16 stay on the NPU"


def test_at_960_px_ethos_leaves_what_vela_left(export: Export) -> None:
    assert left(place(export("4", "relu", imgsz=960))["ethos_u55"]) == ["Softmax (model.20.dfl)"]


def test_an_upsampling_by_three_is_not_for_ethos(export: Export) -> None:
    operators = read_operators(export("4", "relu"))
    (ethos,) = load_profiles(["ethos_u55"])
    resizes = [operator for operator in operators if operator.op == "Resize"]
    assert all(ethos.reason_against(operator) is None for operator in resizes)
    changed = [Operator("up", "Resize", "", 0, (), (), (), dict(resizes[0].attributes) | {"scale": (3.0, 3.0)})]
    assert "scale 3×3 is not" in placement(changed, ethos).unsupported[0].reason


@pytest.mark.skipif(find_spec("ethosu") is None, reason="ethos-u-vela is not installed: pip install 'npu-sweep[npu]'")
def test_the_ethos_profile_is_what_vela_lists(tmp_path: Path) -> None:
    vela = [sys.executable, "-m", "ethosu.vela", "--supported-ops-report"]
    subprocess.run(vela, cwd=tmp_path, check=True, capture_output=True, timeout=120)
    report = (tmp_path / "SUPPORTED_OPS.md").read_text("utf-8")
    tables = {
        core: set(re.findall(r"^\| ([A-Z0-9_]+) \|", part, re.MULTILINE))
        for core, part in re.findall(
            r"^## (Ethos-U\S+).*? TFLite Summary Table$(.*?)(?=^## )", report, re.MULTILINE | re.DOTALL
        )
    }
    assert set(tables) == {"Ethos-U55", "Ethos-U85"}
    (ethos,) = load_profiles(["ethos_u55"])
    for op, entry in ethos.supported.items():
        assert set(re.split(r",\s*", entry.vendor)) <= tables["Ethos-U55"], op
    for op, reason in ethos.unsupported.items():
        vendor = reason.split()[0]
        if "Ethos-U85 only" in reason:
            assert vendor in tables["Ethos-U85"] - tables["Ethos-U55"], op
        elif "not in the list" in reason:
            assert vendor not in tables["Ethos-U55"], op


def test_checkpoints_of_one_architecture_have_one_digest(export: Export, tmp_path: Path) -> None:
    trained = model_for("4", "relu", seed=1)
    for module in trained.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.normal_(module.weight)
            torch.nn.init.normal_(module.bias)
            module.running_mean.normal_()  # type: ignore[union-attr, operator]
            module.running_var.uniform_(0.5, 2)  # type: ignore[union-attr, operator]
    other = count_nodes(trained, 64, tmp_path).path
    first = export("4", "relu")
    assert graph_digest(first, weights=False) == graph_digest(other, weights=False)
    assert graph_digest(first, weights=True) != graph_digest(other, weights=True)


def test_level_act_size_and_classes_change_the_digest(export: Export) -> None:
    paths = [export(level, act) for level, act in GRID]
    paths += [export("4", "relu", imgsz=96), export("4", "relu", nc=7)]
    assert len({graph_digest(path, weights=False) for path in paths}) == len(paths)


def test_the_target_states_a_placement_for_each_profile(export: Export, tmp_path: Path) -> None:
    target = make_target("onnx", options(), tmp_path)
    measurement = target.measure(subject(export("0", "silu")), tmp_path)
    assert set(measurement.figures) == {f"onnx.{name}/{kind}" for name in SHIPPED for kind in ("op_pct", "mac_pct")}
    assert measurement.figures["onnx.generic_int8/op_pct"] == pytest.approx(100 * 313 / 320)
    assert measurement.kinds == {"op_pct": "count", "mac_pct": "count"}
    assert measurement.compiler.startswith("npu-sweep profiles ")
    assert measurement.decode is True
    assert "generic_int8: MatMul (model.10.m.0.attn)" in measurement.fallbacks
    assert {path.parent for path in measurement.files.values()} == {tmp_path}
    with measurement.files["operators.csv"].open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 320
    assert list(rows[0]) == ["name", "op", "layer", "macs", *SHIPPED]
    assert rows[0] | {"macs": ""} == {
        "name": "/model.0/conv/Conv",
        "op": "Conv",
        "layer": "model.0.conv",
        "macs": "",
        **dict.fromkeys(SHIPPED, "yes"),
    }
    assert sum(row["generic_int8"] != "yes" for row in rows) == 7
    summary = json.loads(measurement.files["operators.json"].read_text("utf-8"))
    assert next(iter(summary["operators_by_type"].items())) == ("Conv", 88)
    assert summary["macs"] == sum(int(row["macs"]) for row in rows)
    for name in SHIPPED:
        assert summary["profiles"][name]["sources"]
        assert summary["profiles"][name]["unknown"] == []
    assert len(summary["profiles"]["generic_int8"]["unsupported"]) == 7


def test_an_operator_that_no_profile_knows_is_listed_as_such(export: Export, tmp_path: Path) -> None:
    model = onnx.load(export("4", "relu"))
    node = next(node for node in model.graph.node if node.op_type == "Sigmoid")
    node.op_type, node.domain = "Quux", "vendor"
    model.opset_import.append(onnx.helper.make_opsetid("vendor", 1))
    onnx.save(model, tmp_path / "model.onnx")
    work = tmp_path / "work"
    work.mkdir()
    measurement = make_target("onnx", options(), tmp_path).measure(subject(tmp_path / "model.onnx"), work)
    for name in SHIPPED:
        assert f"{name}: vendor.Quux (model.20), unknown to the profile" in measurement.fallbacks
        assert measurement.figures[f"onnx.{name}/op_pct"] < 100
    summary = json.loads((work / "operators.json").read_text("utf-8"))
    assert all(profile["unknown"] == ["vendor.Quux"] for profile in summary["profiles"].values())


def test_a_graph_of_open_size_is_refused_in_a_sentence(export: Export, tmp_path: Path) -> None:
    model = onnx.load(export("4", "relu"))
    del model.graph.value_info[:]
    for side in model.graph.input[0].type.tensor_type.shape.dim[2:]:
        side.dim_param = "side"
    onnx.save(model, tmp_path / "model.onnx")
    with pytest.raises(CompilerFailed, match="fixed image size"):
        make_target("onnx", options(), tmp_path).measure(subject(tmp_path / "model.onnx"), tmp_path)


def test_a_changed_profile_is_measured_anew(export: Export, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / "conf" / "npu" / "profile"
    own.mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    content: dict[str, Any] = {"title": "Mine", "sources": {"page": "https://example.org"}, "supported": {"Conv": {}}}

    def measured() -> tuple[float, bool]:
        (own / "mine.yaml").write_text(yaml.safe_dump(content), "utf-8")
        target = make_target("onnx", options(profiles=["mine"]), tmp_path / "home")
        folder = tmp_path / "folder"
        folder.mkdir(exist_ok=True)
        given = subject(export("4", "relu"))
        result, cached = measured_once(target, given, folder)
        return result.figures["onnx.mine/op_pct"], cached

    first = measured()
    assert measured() == (first[0], True)
    content["supported"] |= {"Relu": {}}
    again = measured()
    assert again[0] > first[0]
    assert again[1] is False


@pytest.mark.parametrize(
    ("profiles", "said"),
    [
        ([], "npu.onnx.profiles=[] must be a list"),
        ("rk3588", "npu.onnx.profiles=rk3588 must be a list"),
        (["rk358"], "npu.onnx.profiles: There is no NPU profile `rk358`. Did you mean `rk3588`?"),
    ],
)
def test_wrong_profiles_are_named(profiles: object, said: str, tmp_path: Path) -> None:
    with pytest.raises(SweepError) as raised:
        make_target("onnx", options(profiles=profiles), tmp_path)
    assert said in str(raised.value)


def test_an_unknown_option_is_named(tmp_path: Path) -> None:
    with pytest.raises(SweepError, match=r"npu\.onnx\.profile is unknown\. Options: compiler, title, .*profiles\."):
        make_target("onnx", options(profile=["rk3588"]), tmp_path)


def test_the_shipped_target_is_always_there(tmp_path: Path) -> None:
    target = make_target("onnx", options(), tmp_path)
    assert isinstance(target, OnnxTarget)
    target.require()
    assert target.needs == ()
    assert not target.weights_matter
