"""One contract, one suite: a compiler's absence, failure or silence is a sentence and takes nothing along."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import psutil
import pytest
import torch
import yaml

from sweep.architecture.build import build_model
from sweep.architecture.resolve import resolve_model
from sweep.npu.graph import count_nodes
from sweep.npu.measure import FAILED, MEASURED, MISSING, Measured, measure
from sweep.npu.targets import CompilerFailed, CompilerMissing, Subject, Target, make_target, qnn
from sweep.npu_settings import target_options
from sweep.paths import option_names

CONF = Path(__file__).parents[3] / "conf"
IMGSZ = 64
ALL = [name for name in option_names("npu") if name != "none"]
VENDORS = [name for name in ALL if name != "onnx"]
PROFILES = {"onnx": target_options("onnx")["profiles"], "qnn_htp": [], "rk3588": []}
STATED = {  # what a compiler may state, and nothing else
    "onnx": {"op_pct", "mac_pct"},
    "vela": {"op_pct", "latency_ms", "npu_part_ms", "sram_kb", "flash_kb", "dram_kb"},
    "qnn": {"op_pct"},
    "rknn": {"op_pct", "memory_kb", "conv_cycles"},
}


def conf(path: str) -> dict[str, Any]:
    return dict(yaml.safe_load((CONF / f"{path}.yaml").read_text("utf-8")))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A level-4 LeakyReLU checkpoint with random weights, and its ONNX export."""
    folder = tmp_path_factory.mktemp("model")
    torch.manual_seed(0)
    resolved = resolve_model(conf("base/yolo11n"), conf("levels/4"), conf("act/leakyrelu"), 6)
    torch.save({"model": build_model(resolved.yaml).half(), "train_args": {"imgsz": IMGSZ}}, folder / "best.pt")
    return folder / "best.pt", count_nodes(folder / "best.pt", IMGSZ, folder).path


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


def images() -> np.ndarray:
    return np.random.default_rng(0).random((4, 3, IMGSZ, IMGSZ), dtype=np.float32)


def made(name: str, home: Path, **options: Any) -> Target:
    return make_target(name, dict(target_options(name)) | options, home)


def installed(name: str, home: Path, **options: Any) -> Target:
    """The target, or a skip that says what to install."""
    target = made(name, home, **options)
    try:
        target.require()
    except CompilerMissing as error:
        pytest.skip(str(error))
    return target


Run = Callable[..., Measured]


@pytest.fixture
def run(model: tuple[Path, Path], tmp_path: Path) -> Run:
    """Measure targets of the model, or of another checkpoint or ONNX file; `onnx` beside them must always succeed."""

    def measured(
        *targets: Target, checkpoint: Path | None = None, graph: Path | None = None, folder: str = "out"
    ) -> Measured:
        return measure(
            checkpoint or model[0],
            graph or model[1],
            images=images,
            imgsz=IMGSZ,
            targets=targets,
            folder=tmp_path / folder,
            evaluate=None,
        )

    return measured


@pytest.mark.parametrize("name", ALL)
def test_a_target_states_what_its_compiler_does_and_says_what_it_is(name: str, run: Run, home: Path) -> None:
    target = installed(name, home)
    measured = run(target)
    facts = measured.facts[name]
    assert facts["state"] == MEASURED, facts["reason"]
    figures = {key.rpartition("/")[2]: value for key, value in measured.metrics.items() if key.startswith("npu/")}
    assert "op_pct" in figures
    assert figures.keys() <= STATED[str(target.options["compiler"])]
    assert all(math.isfinite(value) and value >= 0 for value in figures.values())
    assert 0 <= figures["op_pct"] <= 100
    assert facts["kinds"].keys() >= figures.keys(), "every figure has a word for what it is"
    assert any(char.isdigit() for char in facts["compiler"]), "the compiler is named with its version"
    assert isinstance(facts["decode"], bool)
    assert facts["imgsz"] >= IMGSZ
    reports = [path for path in measured.files if path.startswith(f"export/{name}/")]
    assert reports, "its reports are kept"
    assert all(measured.files[path].is_file() for path in reports)


@pytest.mark.parametrize("name", VENDORS)
def test_a_missing_compiler_is_said_with_the_line_that_installs_it(
    name: str, run: Run, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = made(name, home)
    monkeypatch.setenv("SWEEP_RKNN_PYTHON", "")
    monkeypatch.setattr(type(target), "needs", ("a-package-that-nobody-has",))
    measured = run(target, made("onnx", home))
    assert measured.facts[name]["state"] == MISSING
    assert "pip install" in measured.facts[name]["reason"] or "npu setup rknn" in measured.facts[name]["reason"]
    assert not [key for key in measured.metrics if key.startswith(f"npu/{name}/")], "a missing figure is no figure"
    assert measured.facts["onnx"]["state"] == MEASURED


@pytest.mark.parametrize("name", ALL)
def test_a_compiler_that_ends_with_an_error_takes_nothing_along(
    name: str, run: Run, home: Path, tmp_path: Path
) -> None:
    target = installed(name, home)
    broken = tmp_path / "broken"
    broken.write_bytes(b"neither a checkpoint nor a graph")
    measured = run(target, checkpoint=broken, graph=broken)
    assert measured.facts[name]["state"] == FAILED
    assert measured.facts[name]["reason"]
    assert "\n" not in measured.facts[name]["reason"]
    assert not [key for key in measured.metrics if key.startswith(f"npu/{name}/")]
    assert measured.facts["int8"]["state"] == FAILED


@pytest.fixture
def broken(tmp_path: Path) -> Subject:
    """Files of the right names with nothing right in them, but for the calibration pictures."""
    for name in ("best.pt", "model.onnx", "int8.onnx"):
        (tmp_path / name).write_bytes(b"neither a checkpoint nor a graph")
    np.save(tmp_path / "calibration.npy", images())
    files = (tmp_path / name for name in ("best.pt", "model.onnx", "int8.onnx", "calibration.npy"))
    return Subject(*files, imgsz=IMGSZ)


def refusal(target: Target, subject: Subject, folder: Path) -> str:
    """What the error says with which the target's compiler ends; nothing that it started is left."""
    folder.mkdir()
    with pytest.raises(CompilerFailed) as raised:
        target.measure(subject, folder)
    assert "\n" not in str(raised.value)
    folders = (str(folder), str(target.home))
    left = [process for process in psutil.process_iter(["cwd"]) if str(process.info["cwd"]).startswith(folders)]
    assert not left, "compilers run in their folders"
    return str(raised.value)


@pytest.mark.parametrize("name", VENDORS)
def test_a_real_compiler_that_ends_with_an_error_is_a_sentence(
    name: str, broken: Subject, home: Path, tmp_path: Path
) -> None:
    target = installed(name, home)
    who = {"vela": "LiteRT", "qnn": "onnxruntime-qnn", "rknn": "RKNN toolkit"}[str(target.options["compiler"])]
    assert refusal(target, broken, tmp_path / "out").startswith(f"{who} ended with code 1: ")


@pytest.mark.parametrize("name", VENDORS)
def test_a_compiler_that_hangs_is_stopped(name: str, run: Run, tmp_path: Path) -> None:
    fresh_home = tmp_path / "fresh-home"  # where no conversion or measurement is cached
    target = installed(name, fresh_home, timeout_s=0.1)
    measured = run(target, made("onnx", fresh_home))
    assert measured.facts[name]["state"] == FAILED
    assert "was stopped after 0.1 s" in measured.facts[name]["reason"]
    assert measured.facts["onnx"]["state"] == MEASURED
    assert measured.facts["int8"]["state"] == MEASURED


@pytest.mark.parametrize("name", [name for name in ALL if not name.startswith("ethos")])  # Ethos reads the checkpoint
def test_an_op_that_no_profile_knows_costs_placement_and_nothing_else(
    name: str, run: Run, home: Path, model: tuple[Path, Path], tmp_path: Path
) -> None:
    target = installed(name, home)
    graph = onnx.load(model[1])
    output = graph.graph.output[0].name
    for node in graph.graph.node:
        node.output[:] = ["before" if text == output else text for text in node.output]
    graph.graph.node.append(onnx.helper.make_node("CumSum", ["before", "axis"], [output], name="/strange/CumSum"))
    graph.graph.initializer.append(onnx.numpy_helper.from_array(np.array(2, dtype=np.int64), "axis"))
    strange = tmp_path / "strange.onnx"
    onnx.save(graph, strange)
    measured = run(target, graph=strange)
    facts = measured.facts[name]
    assert facts["state"] == MEASURED, facts["reason"]
    shares = [value for key, value in measured.metrics.items() if key.endswith("/op_pct")]
    assert all(0 < share <= 100 for share in shares)
    # The compilers do run it: the HTP as it is, the RKNN toolkit as a matrix product.
    unplaced = [text for text in facts["fallbacks"] if "CumSum" in text]
    assert unplaced == [f"{profile}: CumSum (strange), unknown to the profile" for profile in PROFILES[name]]
    assert len(shares) == max(1, len(PROFILES[name]))
    if name == "onnx":
        assert all(share < 100 for share in shares)


@pytest.mark.parametrize("name", VENDORS)
def test_one_compilation_serves_a_graph_where_weights_do_not_matter(
    name: str, run: Run, home: Path, tmp_path: Path
) -> None:
    target = installed(name, home)
    first = run(target)
    torch.manual_seed(1)
    resolved = resolve_model(conf("base/yolo11n"), conf("levels/4"), conf("act/leakyrelu"), 6)
    other = tmp_path / "other.pt"
    torch.save({"model": build_model(resolved.yaml).half(), "train_args": {"imgsz": IMGSZ}}, other)
    second = run(target, checkpoint=other, graph=count_nodes(other, IMGSZ, tmp_path).path, folder="again")
    assert second.facts[name]["cached"] is not target.weights_matter
    for key, value in first.metrics.items():
        if key.startswith(f"npu/{name}/"):
            tolerance = 0.02 if target.weights_matter else 0
            assert second.metrics[key] == pytest.approx(value, rel=tolerance, abs=0)
    compiled = [path for path in second.files if path.endswith((".rknn", ".bin", ".tflite"))]
    assert bool(compiled) is target.weights_matter, "a cached measurement has no compiled file: it is another model's"


def test_the_int8_file_of_the_model_is_what_qnn_gets(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[bytes] = []

    def compiler(_: str, command: list[str], **__: Any) -> str:
        given.append(Path(command[3]).read_bytes())
        raise CompilerFailed("it was only asked what it is given")

    monkeypatch.setattr(qnn, "run_compiler", compiler)
    monkeypatch.setattr(qnn.QnnTarget, "version", lambda _: "0")
    measured = run(made("qnn_htp", tmp_path / "fresh-home"))
    assert given == [measured.files["export/model_int8.onnx"].read_bytes()]
    assert given[0] != measured.files["export/model.onnx"].read_bytes()
