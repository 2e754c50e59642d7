"""Every option is checked, and the sentence about a wrong one names it and what would be right."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import pytest

from sweep.config import read_cell, read_settings, sweep_wide_axes
from sweep.errors import SweepError

SETTINGS: dict[str, Any] = {
    "home": "mlruns", "experiment": "npu-sweep", "tracking": {"uri": None}, "workers": "auto", "device": "auto",
    "on_error": "continue", "retries": 0, "timeout_min": None, "nan_patience": 3, "grace_s": 25, "rerun": False,
    "price_per_hour": None,
    "zip": [], "exclude": [],
}  # fmt: skip
CELL: dict[str, Any] = {
    "base": {"name": "yolo11n"}, "level": 4, "act": {"name": "relu"}, "data": {"name": "signs"},
    "recipe": {"name": "quick", "epochs": 1, "batch": 8, "imgsz": 32, "optimizer": "SGD"},
    "seed": 0, "model": {"weights": None},
}  # fmt: skip


def problems_of_settings(**changes: Any) -> tuple[str, ...]:
    with pytest.raises(SweepError) as caught:
        read_settings(SETTINGS | changes)
    return caught.value.problems


def problems_of_cell(home: Path = Path("/nowhere"), **changes: Any) -> tuple[str, ...]:
    with pytest.raises(SweepError) as caught:
        read_cell(CELL | changes, home)
    return caught.value.problems


def test_the_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    settings = read_settings(SETTINGS)
    assert settings.home == tmp_path / "mlruns"
    assert (settings.workers, settings.timeout_min, settings.tracking_uri, settings.zip) == (None, None, None, ())


@pytest.mark.parametrize(
    ("key", "value", "wanted"),
    [
        ("workers", 0, "at least 1"),
        ("workers", -2, "at least 1"),
        ("workers", 1.5, "whole number"),
        ("workers", True, "whole number"),
        ("workers", "many", "auto"),
        ("retries", -1, "at least 0"),
        ("retries", "no", "whole number"),
        ("nan_patience", 0, "whole number of epochs"),
        ("nan_patience", 1.5, "whole number of epochs"),
        ("grace_s", -1, "seconds"),
        ("grace_s", "long", "seconds"),
        ("price_per_hour", -1, "at least 0"),
        ("price_per_hour", "much", "at least 0"),
        ("timeout_min", 0, "above 0"),
        ("timeout_min", "soon", "minutes"),
        ("timeout_min", True, "minutes"),
        ("on_error", "stop", "continue, fail_fast"),
        ("rerun", "maybe", "true, false or changed"),
        ("device", "gpu", "auto, cpu, cuda"),
        ("device", -1, "auto, cpu, cuda"),
        ("zip", "level", "zip=[level,act]"),
        ("exclude", 3, "exclude=[{level: 2, act: leakyrelu}]"),
    ],
)
def test_a_wrong_setting_is_named_with_what_would_be_right(key: str, value: Any, wanted: str) -> None:
    (problem,) = problems_of_settings(**{key: value})
    assert f"{key}={value}" in problem
    assert wanted in problem


@pytest.mark.parametrize("value", [None, "", "  "])
def test_the_experiment_needs_a_name(value: str | None) -> None:
    (problem,) = problems_of_settings(experiment=value)
    assert "experiment" in problem


def test_home_must_not_be_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (problem,) = problems_of_settings(home=str(tmp_path / "file"))
    assert str(tmp_path / "file") in problem
    assert "folder" in problem


def test_all_wrong_settings_are_named_at_once() -> None:
    assert len(problems_of_settings(workers=0, retries=-1, on_error="x", rerun=1, timeout_min=-1, experiment="")) == 6


@pytest.mark.parametrize(
    ("typed", "read"),
    [("auto", "auto"), ("cpu", "cpu"), ("mps", "mps"), (0, "0"), ([0, 1], "0,1"), ("0, 1", "0,1"), ("cuda:1", "1"),
     ("cuda", "cuda")],
)  # fmt: skip
def test_devices_may_be_written_in_several_ways(typed: Any, read: str) -> None:
    assert read_settings(SETTINGS | {"device": typed}).device == read


def test_values_are_taken_over() -> None:
    settings = read_settings(SETTINGS | {"workers": 3, "timeout_min": 2, "retries": 1, "tracking": {"uri": "http://h"}})
    assert (settings.workers, settings.timeout_min, settings.retries) == (3, 2.0, 1)
    assert settings.tracking_uri == "http://h"


@pytest.mark.parametrize("level", [4, "4"])
def test_only_the_chosen_level_is_read(level: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "conf/levels").mkdir(parents=True)
    (tmp_path / "conf/levels/5.yaml").write_text("a: [", "utf-8")
    monkeypatch.chdir(tmp_path)
    assert read_cell(CELL | {"level": level}, tmp_path).level["name"] == "4"


@pytest.mark.parametrize("level", [1, 7, "../4", "4.yaml", None, 2.0, [2]])
def test_an_unknown_level_is_named_with_the_choices(level: object) -> None:
    (problem,) = problems_of_cell(level=level)
    assert str(level) in problem
    assert "0, 2, 3, 4" in problem


@pytest.mark.parametrize("content", ["a: [", "- 1", "transforms: 3", "!!python/object/apply:os.getcwd []"])
def test_a_broken_level_file_is_named(content: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "conf/levels").mkdir(parents=True)
    (tmp_path / "conf/levels/9.yaml").write_text(content, "utf-8")
    monkeypatch.chdir(tmp_path)
    (problem,) = problems_of_cell(level=9)
    assert str(tmp_path / "conf/levels/9.yaml") in problem


@pytest.mark.parametrize("seed", [-1, 1.5, "a", True, None, 2**32])
def test_a_wrong_seed_is_named(seed: object) -> None:
    (problem,) = problems_of_cell(seed=seed)
    assert f"seed={seed}" in problem


def test_missing_weights_are_named_with_the_places_and_the_two_ways_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (problem,) = problems_of_cell(tmp_path / "h", model={"weights": "yolo11n.pt"})
    for part in (tmp_path / "yolo11n.pt", tmp_path / "h/weights/yolo11n.pt", "model.weights=/", "model.weights=null"):
        assert str(part) in problem


def write_detector(path: Path) -> None:
    """The least that is taken for the checkpoint of a detector."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x/data.pkl", b"\x80\x02cultralytics.nn.tasks\nDetectionModel\n.")


def test_weights_are_found_in_the_working_directory_first_then_in_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    home = tmp_path / "h"
    (home / "weights").mkdir(parents=True)
    write_detector(home / "weights/x.pt")
    assert read_cell(CELL | {"model": {"weights": "x.pt"}}, home).weights == home / "weights/x.pt"
    write_detector(tmp_path / "x.pt")
    assert read_cell(CELL | {"model": {"weights": "x.pt"}}, home).weights == tmp_path / "x.pt"
    assert read_cell(CELL | {"model": {"weights": str(tmp_path / "x.pt")}}, home).weights == tmp_path / "x.pt"


def test_all_problems_of_a_cell_are_named_at_once() -> None:
    found = problems_of_cell(level=7, seed=-1, act=None, recipe=CELL["recipe"] | {"lr": 1}, model={"weights": "/no.pt"})
    assert len(found) == 5


@pytest.mark.parametrize(
    "key", ["workers", "device", "on_error", "retries", "timeout_min", "nan_patience", "grace_s", "rerun",
            "price_per_hour", "experiment",
            "home", "tracking.uri", "tracking", "sweeps", "zip", "exclude", "hydra.launcher.workers"],
)  # fmt: skip
def test_options_of_the_sweep_as_a_whole_cannot_be_swept(key: str) -> None:
    (problem,) = sweep_wide_axes(["level", key, "recipe.workers"])
    assert problem.startswith(f"{key} cannot be swept")


@pytest.mark.parametrize(
    ("npu", "require", "said"),
    [
        (
            {"none": {}},
            {"size_mb": 3},
            "report.require.size_mb asks for a measured figure, and npu=none measures nothing.",
        ),
        ({}, {"latency_ms": 5}, "report.require.latency_ms asks for a latency, which profiles do not state."),
        ({}, {"target": "ethos_u55"}, "report.require.target=ethos_u55 is not measured: npu= names onnx."),
        ({}, {"npu_pct": 0}, "report.require.npu_pct=0 must be a number above 0, up to 100, or null."),
    ],
)
def test_requirements_that_no_cell_could_meet_are_refused(
    npu: dict[str, Any], require: dict[str, Any], said: str
) -> None:
    problems = problems_of_settings(npu=npu, report={"require": require})
    assert any(problem.startswith(said) for problem in problems)


def test_requirements_on_a_measured_target_are_taken() -> None:
    npu = {"ethos_u55": {"compiler": "vela"}}
    settings = read_settings(SETTINGS | {"npu": npu, "report": {"require": {"target": "ethos_u55", "latency_ms": 5}}})
    assert settings.report.require.latency_ms == 5.0
