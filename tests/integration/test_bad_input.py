"""Wrong input ends with exit code 2 and a sentence that names the place and the fix; nothing is started."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from support.command_line import Ended
from support.pictures import make_pictures
from support.runs import run_count

Refused = Callable[..., list[str]]


@pytest.fixture
def refused(sweep: Callable[..., Ended], signs_home: Path) -> Refused:
    """`refused("level=7")`: the problems with which a sweep is refused; it has started nothing."""

    def run(*arguments: str, **options: object) -> list[str]:
        ended = sweep(*arguments, f"home={signs_home}", **options)
        assert ended.returncode == 2, ended.stdout + ended.stderr
        assert "Traceback" not in ended.stderr
        assert ended.problems, ended.stderr
        assert run_count(signs_home) == 0, "a run was left in MLflow"
        assert not (signs_home / "cells").exists()
        return ended.problems

    return run


def check(problems: list[str], *wanted: str) -> None:
    """One problem, in which every pattern of `wanted` is found."""
    (problem,) = problems
    for pattern in wanted:
        assert re.search(pattern, problem), f"{pattern!r} is not in {problem!r}"


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (["lvl=3"], ["`lvl`", "Did you mean `level`"]),
        (["act=rellu"], ["act `rellu`", "Did you mean `relu`", "leakyrelu"]),
        (["act=null"], ["act `null`", "leakyrelu"]),
        (["data=sings"], ["data `sings`", "Did you mean `signs`"]),
        (["level=7"], ["level 7", "0, 2, 3, 4"]),
        (["level=2 act=relu"], ["`level=2 act=relu` cannot be read"]),
        (["pan"], ["`pan`", "Did you mean `plan`"]),
        (["--multirun", "lvl=3"], ["`lvl`"]),
        (["+data.name=x"], ["data.name"]),
        (["recipe.lr=0.1"], [r"recipe\.lr is no training argument", "Did you mean `lrf`"]),
        (["recipe.momentum=2"], [r"recipe\.momentum=2", "between 0 and 1"]),
        (["recipe.imgsz=100"], [r"recipe\.imgsz=100", "multiple of 32", "96"]),
        (["recipe.epochs=ten"], [r"recipe\.epochs=ten", "int"]),
        (["recipe.cache=disk"], [r"recipe\.cache=disk", "ram"]),
        (["~recipe.imgsz"], [r"recipe\.imgsz is missing"]),
        (["recipe.optimizer=auto", "recipe.lr0=0.01"], [r"recipe\.optimizer=auto ignores recipe\.lr0", "SGD"]),
        (["recipe.device=0"], [r"recipe\.device", "device="]),
        (["recipe=v3"], [r"yolo11n\.pt", r"model\.weights=/", r"model\.weights=null"]),
        (["model.weights=/no/such.pt"], [r"/no/such\.pt", r"model\.weights=null"]),
        (["npu=[etos_u55]"], ["npu `etos_u55`", "Did you mean `ethos_u55`"]),
        (["npu=ethos_u55,qnn_htp"], ["npu cannot be swept", r"npu=\[ethos_u55,qnn_htp\]"]),
        (["npu=[none,ethos_u55]"], ["npu=none measures nothing"]),
        (["npu=[ethos_u55]", "npu.ethos_u55.accelerator=u55"], [r"npu\.ethos_u55\.accelerator=u55", "ethos-u55-256"]),
        (["npu=[ethos_u55]", "npu.ethos_u55.timeout_s=0"], [r"npu\.ethos_u55\.timeout_s=0", "above 0"]),
        (["npu.onnx.profiles=[rk3599]"], ["rk3599", "rk3588"]),
        (["workers=0"], ["workers=0", "at least 1"]),
        (["workers=1,2"], ["workers cannot be swept"]),
        (["seed=-1"], ["seed=-1", "whole number"]),
        (["timeout_min=0"], ["timeout_min=0", "above 0"]),
        (["on_error=stop"], ["on_error=stop", "continue, fail_fast"]),
        (["recipe.lr0=interval(0.001,0.1)"], [r"`recipe\.lr0=interval", "List the values"]),
        (["level=2,3,4", "act=relu,silu", "zip=[level,act]"], ["level has 3, act has 2"]),
        (["level=choice(2,3),4"], [r"`level=choice\(2,3\),4`", "List those of level"]),
        (["level=0,${'}"], [r"`level=0,\$\{'\}`", "List those of level"]),
        (["sweeps=glob(*)"], [r"`sweeps=glob\(\*\)` has no values"]),
        (["level=2,3", "zip=[level,seed]"], ["`zip` names seed", "Swept axes: level"]),
        (["level=2,3", "exclude=[{level: 2},{level: 3}]"], ["`exclude`", "nothing"]),
        (["level=2,3", "exclude=[{levl: 2}]"], ["`exclude` names levl", "Swept axes: level"]),
        (["base=yolo26n"], ["yolo26n", "end-to-end"]),
        (["tracking.uri=ftp://host/x"], [r"tracking\.uri=ftp://host/x", "http"]),
    ],
    ids=lambda value: " ".join(value) if "=" in value[0] else "",
)
def test_a_wrong_option(refused: Refused, arguments: list[str], wanted: list[str]) -> None:
    check(refused(*arguments), *wanted)


def test_a_gpu_that_is_not_there(refused: Refused, tmp_path: Path) -> None:
    without_driver = {"PATH": str(tmp_path)}
    check(refused("device=7", environment=without_driver), "device=7", "device=cpu")


def test_a_plan_is_refused_for_the_same_reasons(refused: Refused) -> None:
    assert refused("plan", "level=7", "recipe.lr=1") == refused("level=7", "recipe.lr=1")


def test_all_mistyped_options_are_named_at_once(refused: Refused) -> None:
    problems = refused("lvl=3", "act=rellu,silo", "recip.lr0=1")
    assert [re.findall(r"`([\w.]+)`", problem)[0] for problem in problems] == ["lvl", "rellu", "silo", "recip.lr0"]


def test_all_problems_of_all_cells_are_named_at_once_and_once(refused: Refused) -> None:
    problems = refused("level=2,7,8", "recipe.lr=1", "recipe.momentum=2", "seed=-1", "model.weights=/no.pt")
    assert len(problems) == 6
    for text in ("level 7", "level 8", "recipe.lr ", "recipe.momentum", "seed=-1", "/no.pt"):
        assert sum(text in problem for problem in problems) == 1


def test_problems_of_settings_and_of_cells_are_named_at_once(refused: Refused) -> None:
    assert len(refused("workers=0", "level=7", "recipe.lr=1")) == 3


# Data sets


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A good small data set; each test breaks one thing in it."""
    return make_pictures(tmp_path / "set 1").parent


def label(data: Path) -> Path:
    return data / "labels/train/p1.txt"


def test_no_data_yaml(refused: Refused, tmp_path: Path) -> None:
    check(refused(f"data={tmp_path}/nowhere/data.yaml"), f"{tmp_path}/nowhere/data.yaml", "no such")


def test_a_missing_folder_of_pictures(refused: Refused, data: Path) -> None:
    (data / "images/val").rename(data / "images/valid")
    check(refused(f"data={data}"), re.escape(str(data / "data.yaml")), "`val: images/val` does not exist", "looked at")


def test_a_broken_label_line(refused: Refused, data: Path) -> None:
    label(data).write_text("0 0.5 0.5 0.1 0.1\n0 0.5 half 0.1 0.1\n", "utf-8")
    check(refused(f"data={data}"), f"{re.escape(str(label(data)))}, line 2", "'half' is not a number")


def test_a_class_id_out_of_range(refused: Refused, data: Path) -> None:
    label(data).write_text("2 0.5 0.5 0.1 0.1\n", "utf-8")
    check(refused(f"data={data}"), f"{re.escape(str(label(data)))}, line 1", "class 2 is out of range", "0 to 1")


def test_a_box_outside_the_picture(refused: Refused, data: Path) -> None:
    label(data).write_text("0 0.5 0.5 0.1 0.1\n\n0 0.9 0.5 0.4 0.1\n", "utf-8")
    check(refused(f"data={data}"), f"{re.escape(str(label(data)))}, line 3", "outside the picture", "0 to 1")


def test_an_unreadable_picture(refused: Refused, data: Path) -> None:
    picture = data / "images/train/p2.png"
    picture.write_bytes(picture.read_bytes()[:-40])
    check(refused(f"data={data}"), re.escape(str(picture)), "cannot be decoded")


def test_an_empty_split(refused: Refused, data: Path) -> None:
    for picture in (data / "images/val").iterdir():
        picture.unlink()
    check(refused(f"data={data}"), re.escape(str(data / "data.yaml")), "`val`: no picture", "png")


def test_a_download_entry_is_not_executed(refused: Refused, data: Path, tmp_path: Path) -> None:
    yaml = data / "data.yaml"
    yaml.write_text(f"{yaml.read_text('utf-8')}download: touch {tmp_path}/downloaded\n", "utf-8")
    check(refused(f"data={data}"), re.escape(str(yaml)), "`download:`", r"data\.allow_download=true")
    assert not (tmp_path / "downloaded").exists()


def test_all_problems_of_all_data_sets_are_named_at_once(refused: Refused, data: Path, tmp_path: Path) -> None:
    other = make_pictures(tmp_path / "set 2").parent
    label(data).write_text("7 0.5 0.5 0.1 0.1\n0 0.5\n", "utf-8")
    Image.new("RGB", (32, 24)).save(data / "images/val/p0.png", format="GIF")
    label(other).write_text("0 9 9 1 1\n", "utf-8")
    problems = refused(f"data={data},{other},{tmp_path}/none.yaml")
    for place in (f"{label(data)}, line 1", f"{label(data)}, line 2", "val/p0.png", f"{label(other)}, line 1", "none"):
        assert sum(place in problem for problem in problems) == 1, problems


def test_nothing_is_written_into_a_broken_data_set(refused: Refused, data: Path) -> None:
    label(data).write_text("x\n", "utf-8")
    before = sorted((str(path), path.stat().st_mtime_ns) for path in data.rglob("*"))
    refused(f"data={data}")
    assert sorted((str(path), path.stat().st_mtime_ns) for path in data.rglob("*")) == before


# The user's own files


def own(file: Path, text: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, "utf-8")
    return file


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        ({"module": "__import__('pathlib').Path('pwned').touch"}, ["module", "not allowed", "LeakyReLU"]),
        ({"module": "ReLU", "arguments": {"inplace": "__import__('pathlib').Path('pwned').touch()"}},
         ["inplace must be"]),
        ({"module": "ReLU", "arguments": {"inplace=open('pwned','w'))#": 1}}, ["no argument"]),
    ],
)  # fmt: skip
def test_an_activation_with_a_call_in_it(
    refused: Refused, tmp_path: Path, content: dict[str, object], wanted: list[str]
) -> None:
    own(tmp_path / "conf/act/evil.yaml", json.dumps({"name": "evil", **content}))
    check(refused("act=evil", cwd=tmp_path), "Activation evil", *wanted)
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize(
    "text",
    [
        "backbone: !!python/object/apply:pathlib.Path.touch [pwned]\n",
        'activation: __import__("pathlib").Path("pwned").touch()\nbackbone: []\nhead: []\n',
    ],
)
def test_a_model_yaml_with_a_call_in_it(refused: Refused, tmp_path: Path, text: str) -> None:
    model = own(tmp_path / "evil.yaml", text)
    own(tmp_path / "conf/base/evil.yaml", "name: evil\nmodel: evil.yaml\nscale: null\n")
    check(refused("base=evil", cwd=tmp_path), re.escape(str(model)))
    assert not (tmp_path / "pwned").exists()


def test_a_level_with_an_unknown_transform(refused: Refused, tmp_path: Path) -> None:
    own(tmp_path / "conf/levels/9.yaml", 'name: "9"\ntransforms:\n  - replce: {module: C2PSA}\n')
    check(refused("level=9", cwd=tmp_path), "Level 9, transform 1", "replce", "Known: .*replace")


def test_a_file_of_a_group_that_is_no_yaml(refused: Refused, sweep: Callable[..., Ended], tmp_path: Path) -> None:
    file = own(tmp_path / "conf/act/broken.yaml", "module: [\n")
    check(refused("act=broken", cwd=tmp_path), re.escape(str(file)), "not valid YAML")
    alone = sweep("act=broken", cwd=tmp_path)
    assert (alone.returncode, "broken.yaml" in alone.problems[0]) == (2, True), alone.stderr


@pytest.mark.parametrize(
    ("group", "text"),
    [
        ("act", "module: Mish\n"),
        ("base", "model: yolo11.yaml\nscale: n\n"),
        ("recipe", "{epochs: 1, batch: 8, imgsz: 32, optimizer: SGD}\n"),
    ],
)
def test_a_choice_without_a_name(refused: Refused, tmp_path: Path, group: str, text: str) -> None:
    own(tmp_path / f"conf/{group}/mine.yaml", text)
    check(refused("plan", f"{group}=mine", cwd=tmp_path), group, "name")


def test_a_model_that_is_no_mapping(refused: Refused) -> None:
    check(refused("plan", "model=yolo11n.pt"), "model", r"model\.weights")


def test_a_level_file_that_is_no_yaml(refused: Refused, tmp_path: Path) -> None:
    file = own(tmp_path / "conf/levels/9.yaml", "transforms: [\n")
    check(refused("level=9", cwd=tmp_path), "Level 9", re.escape(str(file)))


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        (b"not a checkpoint", "no PyTorch checkpoint"),
        (b"PK\x03\x04 cut short", "an incomplete one"),
        ("segment", "hold a segmentation model"),
    ],
)
def test_weights_that_no_detector_can_start_from(
    refused: Refused, tmp_path: Path, content: bytes | str, wanted: str
) -> None:
    path = tmp_path / "start.pt"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        import torch
        from ultralytics.nn.tasks import SegmentationModel

        torch.save({"model": SegmentationModel("yolo11n-seg.yaml", verbose=False)}, path)
    check(refused(f"model.weights={path}"), r"start\.pt", wanted)


def test_a_target_file_under_another_name(refused: Refused, tmp_path: Path) -> None:
    folder = tmp_path / "work" / "conf" / "npu"
    folder.mkdir(parents=True)
    (folder / "my_board.yaml").write_text("# @package npu.ethos_u55\ncompiler: vela\naccelerator: ethos-u55-128\n")
    check(refused("npu=[my_board]", cwd=tmp_path / "work"), r"my_board\.yaml", r"# @package npu\.my_board")
