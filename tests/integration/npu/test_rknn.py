"""Rockchip with the real toolkit, where SWEEP_RKNN_PYTHON names its interpreter; and the set-up with the real pip."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from sweep.architecture.build import build_model
from sweep.architecture.resolve import resolve_model
from sweep.errors import SweepError
from sweep.npu import rknn_env
from sweep.npu.graph import count_nodes
from sweep.npu.rknn_env import set_up
from sweep.npu.targets import CompilerFailed, CompilerHung, Measurement, Subject, make_target
from sweep.npu.targets.rknn import PYTHON, RknnTarget

CONF = Path(__file__).parents[3] / "conf"
IMGSZ = 64

pytestmark = pytest.mark.slow
needs_toolkit = pytest.mark.skipif(
    RknnTarget("rk3588", {}, Path("/nonexistent")).version() is None,
    reason=f"{PYTHON} names no interpreter with rknn-toolkit2: {RknnTarget.install}",
)


def export(folder: Path, seed: int) -> Subject:
    """Level 4 with LeakyReLU and random weights, exported."""
    files = [CONF / "base" / "yolo11n.yaml", CONF / "levels" / "4.yaml", CONF / "act" / "leakyrelu.yaml"]
    torch.manual_seed(seed)
    model = build_model(resolve_model(*(yaml.safe_load(file.read_text("utf-8")) for file in files), 6).yaml)
    graph = count_nodes(model, IMGSZ, folder)
    pictures = np.random.default_rng(seed).random((4, 3, IMGSZ, IMGSZ), dtype=np.float32)
    np.save(folder / "calibration.npy", pictures)
    return Subject(folder / "best.pt", graph.path, None, folder / "calibration.npy", IMGSZ)


@pytest.fixture(scope="module")
def subject(tmp_path_factory: pytest.TempPathFactory) -> Subject:
    return export(tmp_path_factory.mktemp("subject"), seed=0)


@pytest.fixture
def measured(subject: Subject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Measurement]:
    """Measure with the options of `conf/npu/rk3588.yaml`, some of them changed, from an empty working directory."""
    (tmp_path / "cwd").mkdir()
    monkeypatch.chdir(tmp_path / "cwd")

    def measure(model: Subject = subject, **options: Any) -> Measurement:
        content = yaml.safe_load((CONF / "npu" / "rk3588.yaml").read_text("utf-8"))
        folder = tmp_path / "out"
        folder.mkdir()
        return make_target("rk3588", {**content, **options}, tmp_path / "home").measure(model, folder)

    return measure


@needs_toolkit
def test_it_states_placement_memory_and_cycles_and_no_latency(
    measured: Callable[..., Measurement], tmp_path: Path
) -> None:
    result = measured()

    assert set(result.figures) == {"rk3588/op_pct", "rk3588/memory_kb", "rk3588/conv_cycles"}
    assert set(result.kinds) == {"op_pct", "memory_kb", "conv_cycles"}
    assert 90 < result.figures["rk3588/op_pct"] <= 100
    assert (result.figures["rk3588/op_pct"] == 100) == (not result.fallbacks)
    assert all(name.startswith(("Reshape (", "Transpose (")) for name in result.fallbacks), "the decode's only"
    assert 1700 < result.figures["rk3588/memory_kb"] < 2200, "1.7 million weights of a byte, and tensors of 64 px"
    assert result.figures["rk3588/conv_cycles"] > 0
    assert "no latency" in result.kinds["conv_cycles"]
    assert result.compiler == "RKNN toolkit 2.3.2"
    assert result.compiled == ("model_rk3588.rknn",)
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"model_rk3588.rknn", "rknn.log"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cwd", "out"], "and nothing anywhere else"
    assert not list((tmp_path / "cwd").iterdir())


@needs_toolkit
def test_figures_do_not_depend_on_the_weights(
    measured: Callable[..., Measurement], subject: Subject, tmp_path: Path
) -> None:
    other = export(tmp_path / "other", seed=1)
    assert subject.onnx.read_bytes() != other.onnx.read_bytes()

    first = measured()
    (tmp_path / "out").rename(tmp_path / "first")
    second = measured(other)

    assert (first.figures, first.fallbacks, first.kinds) == (second.figures, second.fallbacks, second.kinds)
    assert not RknnTarget.weights_matter


@needs_toolkit
def test_a_platform_that_the_toolkit_does_not_know(measured: Callable[..., Measurement], tmp_path: Path) -> None:
    with pytest.raises(CompilerFailed, match=r"RKNN toolkit ended with code 1: .*Invalid target_platform 'rk9999'"):
        measured(platform="rk9999")

    assert [path.name for path in (tmp_path / "out").iterdir()] == ["rknn.log"]


@needs_toolkit
def test_the_time_limit_holds(measured: Callable[..., Measurement], tmp_path: Path) -> None:
    with pytest.raises(CompilerHung, match=r"stopped after 0\.1 s"):
        measured(timeout_s=0.1)

    assert [path.name for path in (tmp_path / "out").iterdir()] == ["rknn.log"]


@pytest.fixture
def no_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, ...]:
    """Arguments with which pip finds nothing, whatever this machine's own settings are."""
    empty = tmp_path / "index"
    empty.mkdir()
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_FIND_LINKS", str(empty))
    return ("--no-index",)


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="RKNN toolkit has no build for this Python")
def test_a_set_up_without_packages_says_what_pip_said_and_leaves_nothing(
    no_packages: tuple[str, ...], tmp_path: Path
) -> None:
    home = tmp_path / "home"

    with pytest.raises(SweepError, match=r"pip did not succeed.*No matching distribution found for numpy==1\.26\.4"):
        set_up(home, say=print, pip_arguments=no_packages)

    assert not rknn_env.is_ready(home)
    assert not rknn_env.folder(home).exists()
    assert sorted(path.name for path in home.rglob("*")) == ["envs", "rknn.lock", "rknn.log"]


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="RKNN toolkit has no build for this Python")
def test_a_killed_set_up_is_not_taken_for_a_finished_one(no_packages: tuple[str, ...], tmp_path: Path) -> None:
    home = tmp_path / "home"
    code = (
        "import sys; from pathlib import Path; from sweep.npu.rknn_env import set_up; "
        "set_up(Path(sys.argv[1]), say=lambda text: print(text, flush=True), pip_arguments=sys.argv[2:])"
    )
    command = [sys.executable, "-c", code, str(home), *no_packages]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as started:
        assert started.stdout
        next(line for line in started.stdout if line.startswith("Installing"))
        started.kill()

    assert rknn_env.interpreter(home).exists()
    assert not rknn_env.is_ready(home)
    with pytest.raises(SweepError, match="pip did not succeed"):
        set_up(home, say=print, pip_arguments=no_packages)
    assert not rknn_env.folder(home).exists()
