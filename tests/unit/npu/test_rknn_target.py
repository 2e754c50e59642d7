"""Which interpreter has the RKNN toolkit, and what is said when none has."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from sweep.npu import rknn_env
from sweep.npu.targets import CompilerMissing, make_target
from sweep.npu.targets.rknn import PYTHON, RknnTarget


def target(home: Path, **options: Any) -> RknnTarget:
    made = make_target("rk3588", {"compiler": "rknn", "platform": "rk3588", **options}, home)
    assert isinstance(made, RknnTarget)
    return made


def environment(root: Path, stamp: Any = None) -> Path:
    """A folder that looks as an environment with the toolkit does; returns its interpreter."""
    (root / "bin").mkdir(parents=True)
    (root / "bin" / "python").symlink_to(sys.executable)
    (root / "lib" / "python3.11" / "site-packages" / "rknn_toolkit2-2.3.2.dist-info").mkdir(parents=True)
    if stamp is not None:
        (root / rknn_env.STAMP).write_text(json.dumps(stamp))
    return root / "bin" / "python"


@pytest.fixture(autouse=True)
def no_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(PYTHON, raising=False)


def test_the_environment_in_home_counts_when_its_set_up_came_to_its_end(tmp_path: Path) -> None:
    assert target(tmp_path).version() is None
    environment(rknn_env.folder(tmp_path), stamp={"torch": None})

    assert target(tmp_path).version() == "2.3.2"
    target(tmp_path).require()


@pytest.mark.parametrize("stamp", [None, [], {}, {"torch": "/no/such/folder"}])
def test_half_an_environment_is_none(stamp: Any, tmp_path: Path) -> None:
    environment(rknn_env.folder(tmp_path), stamp)

    assert target(tmp_path).version() is None
    with pytest.raises(CompilerMissing, match="python -m sweep npu setup rknn"):
        target(tmp_path).require()


def test_an_environment_whose_python_is_gone_is_none(tmp_path: Path) -> None:
    python = environment(rknn_env.folder(tmp_path), stamp={"torch": None})
    python.unlink()
    python.symlink_to(tmp_path / "gone")

    assert target(tmp_path).version() is None


def test_the_option_wins_over_the_variable_and_that_over_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    environment(rknn_env.folder(tmp_path), stamp={"torch": None})
    named, other = environment(tmp_path / "named"), environment(tmp_path / "other")
    assert target(tmp_path).python == rknn_env.interpreter(tmp_path)

    monkeypatch.setenv(PYTHON, str(other))

    assert target(tmp_path).python == other
    assert target(tmp_path, python=str(named)).python == named
    assert target(tmp_path, python=str(named)).version() == "2.3.2"


def test_a_named_interpreter_without_the_toolkit_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CompilerMissing, match=r"npu\.rk3588\.python=/no/python has no rknn-toolkit2"):
        target(tmp_path, python="/no/python").require()
    monkeypatch.setenv(PYTHON, "/no/python")
    with pytest.raises(CompilerMissing, match=f"{PYTHON}=/no/python has no rknn-toolkit2"):
        target(tmp_path).require()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"platform": None}, "npu.rk3588.platform=None must be a Rockchip platform"),
        ({"platform": ""}, "npu.rk3588.platform= must be a Rockchip platform"),
        ({"platform": "foo"}, "npu.rk3588.platform=foo must be a Rockchip platform, such as rk3588."),
        ({"platform": "rk3588-npu"}, "npu.rk3588.platform=rk3588-npu must be a Rockchip platform"),
        ({"python": 3}, "npu.rk3588.python=3 must be the path"),
        ({"timeout_s": 0}, "npu.rk3588.timeout_s=0 must be"),
        ({"plattform": "rk3566"}, "npu.rk3588.plattform is unknown. Options:"),
    ],
)
def test_a_wrong_option_is_named(options: dict[str, Any], said: str, tmp_path: Path) -> None:
    (problem,) = RknnTarget("rk3588", {"platform": "rk3588", **options}, tmp_path).problems()

    assert problem.startswith(said)


@pytest.mark.parametrize("platform", ["rk3562", "RK3588", "rk3588s", "rv1103b", "rk2118"])
def test_platforms_of_the_toolkit_have_no_problem(platform: str, tmp_path: Path) -> None:
    assert RknnTarget("rk3588", {"platform": platform}, tmp_path).problems() == []
