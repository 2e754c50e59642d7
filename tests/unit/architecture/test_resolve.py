"""Base, level and activation become one model YAML, without torch."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
import yaml

from sweep.architecture.base import find_base
from sweep.architecture.resolve import resolve_model
from sweep.errors import SweepError

CONF = Path(__file__).parents[3] / "conf"
RELU = {"name": "relu", "module": "ReLU", "arguments": {}}
BASE = {"name": "yolo11n", "model": "yolo11.yaml", "scale": "n"}


def option(group: str, name: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((CONF / group / f"{name}.yaml").read_text(encoding="utf-8"))
    return content


@pytest.mark.parametrize("group", ["base", "levels", "act"])
def test_names_in_the_files_are_the_names_of_the_files(group: str) -> None:
    for path in (CONF / group).glob("*.yaml"):
        assert option(group, path.stem)["name"] == path.stem


def test_levels_are_0_2_3_4_in_both_languages() -> None:
    levels = sorted(path.stem for path in (CONF / "levels").glob("*.yaml"))
    assert levels == ["0", "2", "3", "4"]
    for name in levels:
        level = option("levels", name)
        assert all(level[key][language] for key in ("title", "summary") for language in ("en", "ko"))


def test_level_0_is_the_base_with_another_activation() -> None:
    resolved = resolve_model(BASE, option("levels", "0"), RELU, nc=6)
    base = find_base("yolo11.yaml", "n")
    assert resolved.yaml == {**base, "nc": 6, "activation": "torch.nn.ReLU()", "reg_max": 16}
    assert resolved.changes == ()
    assert not resolved.changes_nothing, "it has no transform that could have changed something"


@pytest.mark.parametrize(
    ("base", "level", "without", "nothing"),
    [
        ("yolo11n", "2", {"C2PSA"}, False),
        ("yolo11n", "4", {"C2PSA", "C3k2"}, False),
        ("yolo12n", "4", {"A2C2f", "C3k2"}, False),
        ("yolov8n", "2", {"C2PSA"}, True),
        ("yolov8n", "3", {"C2PSA"}, True),
        ("yolov8n", "4", {"C3k2"}, False),
    ],
)
def test_levels_leave_out_what_they_promise(base: str, level: str, without: set[str], nothing: bool) -> None:
    resolved = resolve_model(option("base", base), option("levels", level), RELU, nc=6)
    modules = {row[2] for row in [*resolved.yaml["backbone"], *resolved.yaml["head"]]}
    assert not modules & without
    assert resolved.changes_nothing is nothing


def test_level_3_has_no_c3k2_in_the_backbone_and_some_in_the_neck() -> None:
    model = resolve_model(BASE, option("levels", "3"), RELU, nc=6).yaml
    assert "C3k2" not in {row[2] for row in model["backbone"]}
    assert "C3k2" in {row[2] for row in model["head"]}


@pytest.mark.parametrize("level", ["2", "3", "4"])
def test_an_end_to_end_base_is_refused_in_one_sentence(level: str) -> None:
    with pytest.raises(SweepError) as caught:
        resolve_model(option("base", "yolo26n"), option("levels", level), RELU, nc=6)
    (problem,) = caught.value.problems
    assert "yolo26n" in problem
    assert "end-to-end" in problem


def test_level_0_takes_an_end_to_end_base() -> None:
    model = resolve_model(option("base", "yolo26n"), option("levels", "0"), RELU, nc=6).yaml
    assert model["end2end"] is True
    assert model["reg_max"] == 1


def test_the_result_is_json_and_nobody_elses() -> None:
    first = resolve_model(BASE, option("levels", "4"), RELU, nc=6).yaml
    written = json.dumps(first)
    first["backbone"][0][3][0] = 1
    assert json.dumps(resolve_model(BASE, option("levels", "4"), RELU, nc=6).yaml) == written


def test_only_the_chosen_scale_is_left() -> None:
    assert find_base("yolo11.yaml", "s")["scales"] == {"s": [0.5, 0.5, 1024]}


def test_an_activation_of_the_base_is_dropped() -> None:
    assert "activation" in (Path(_installed("yolov6.yaml"))).read_text(encoding="utf-8")
    assert "activation" not in find_base("yolov6.yaml", "n")


def test_a_base_of_the_user_is_found_and_read_again_when_it_changes(tmp_path: Path) -> None:
    text = Path(_installed("yolov8.yaml")).read_text(encoding="utf-8")
    path = tmp_path / "내 모델.yaml"
    path.write_text(text, encoding="utf-8")
    assert find_base(str(path), "n") == find_base("yolov8.yaml", "n") == find_base(path.name, "n", [tmp_path])
    path.write_text(text.replace("[64, 3, 2]", "[48, 3, 2] "), encoding="utf-8")
    assert find_base(str(path), "n")["backbone"][0][3] == [48, 3, 2]


@pytest.mark.parametrize(
    ("model", "scale", "message"),
    [
        ("yolo11m.yaml", "n", r"'yolo11m.yaml' is neither a file nor .* \(did you mean 'yolo11.yaml'\?\)"),
        ("yolo11-seg.yaml", "n", "ends in Segment, not in Detect"),
        ("yolov10n.yaml", "n", "ends in v10Detect, not in Detect"),
        ("yolo11.yaml", "q", "has no scale 'q'.*one of n, s, m, l, x"),
        ("yolo11.yaml", None, "has no scale None"),
        ("yolov9t.yaml", "n", "has no scales: leave"),
    ],
)
def test_bases_that_cannot_be_swept_are_refused(model: str, scale: str | None, message: str) -> None:
    with pytest.raises(SweepError, match=message):
        find_base(model, scale)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("backbone: [", "cannot be read as YAML"),
        ("- 1", "no model YAML"),
        ("backbone: [[-1, 1, Conv, [64]]]\nhead: []", "no model YAML"),
        (
            "backbone: [[-1, 1, Conv]]\nhead: [[[0], 1, Detect, [nc]]]",
            "Layer 0 .* no .from, repeats, module, args",
        ),
    ],
)
def test_broken_base_files_are_explained(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "base.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SweepError, match=message):
        resolve_model({"name": "b", "model": str(path)}, option("levels", "0"), RELU, nc=6)


def test_problems_of_all_three_are_told_together() -> None:
    with pytest.raises(SweepError) as caught:
        resolve_model(
            {**BASE, "model": "no.yaml"},
            {"name": "y", "transforms": ["what"]},
            {"name": "x", "module": "Rel"},
            nc=6,
        )
    assert len(caught.value.problems) == 3


def test_the_level_in_the_documentation_works() -> None:
    text = (CONF.parent / "docs" / "levels.md").read_text(encoding="utf-8")
    block = text.split("## Add a level")[1].split("\n\n")[1]
    level = yaml.safe_load(textwrap.dedent(block))
    resolved = resolve_model(BASE, level, RELU, nc=6)
    assert level["name"] == "mine"
    assert resolved.yaml["reg_max"] == 4
    assert not {"C3k2", "C2PSA"} & {row[2] for row in [*resolved.yaml["backbone"], *resolved.yaml["head"]]}


def test_a_base_without_model_is_refused() -> None:
    with pytest.raises(SweepError, match="Base b needs"):
        resolve_model({"name": "b"}, option("levels", "0"), RELU, nc=6)


def test_no_heavy_import_and_600_models_in_seconds() -> None:
    code = (
        "import sys, time, yaml\n"
        "from sweep.architecture.resolve import resolve_model\n"
        f"level = yaml.safe_load(open({str(CONF / 'levels' / '4.yaml')!r}, encoding='utf-8'))\n"
        f"start = time.perf_counter()\n"
        f"for _ in range(600): resolve_model({BASE!r}, level, {RELU!r}, 6)\n"
        "assert time.perf_counter() - start < 5\n"
        "heavy = {'torch', 'ultralytics', 'mlflow', 'pandas', 'cv2', 'numpy'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def _installed(name: str) -> str:
    from sweep.architecture.base import _installed_models

    return str(_installed_models()[name])
