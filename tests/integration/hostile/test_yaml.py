"""No YAML file that is read runs anything, fills the memory, or reaches other code than was chosen."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from support.command_line import Ended
from support.hostile import YAML_TAGS
from support.pictures import make_pictures
from sweep.__main__ import main

STEPS = [(name, ",".join([f"*{before}"] * 9)) for before, name in zip("abcdefgh", "bcdefghi", strict=True)]
LAUGHS = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(f"{name}: &{name} [{nine}]\n" for name, nine in STEPS)
MERGES = "a: &a {k0: 0, k1: 1}\n" + "".join(f"{name}: &{name} {{<<: [{nine}]}}\n" for name, nine in STEPS)
DEEP = "a: " + "[" * 5000 + "]" * 5000 + "\n"
LOOP = "a: &a [*a]\n"
GROUPS = ("levels", "act", "base", "recipe", "tune", "npu", "report", "data")


@pytest.fixture
def refused(
    signs_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., list[str]]:
    """`refused("level=x")`: the sentences with which a plan is refused, in a folder that may hold `conf/`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)

    def run(*arguments: str) -> list[str]:
        with pytest.raises(SystemExit) as ended:
            main(["plan", *arguments, f"home={signs_home}"])
        said = capsys.readouterr().err
        assert ended.value.code == 2, said
        return [line.removeprefix("error: ") for line in said.splitlines() if line.startswith("error: ")]

    return run


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path


@pytest.mark.parametrize("tag", YAML_TAGS)
@pytest.mark.parametrize("group", GROUPS)
def test_python_in_a_config_file(
    group: str, tag: str, refused: Callable[..., list[str]], tmp_path: Path, canary: Path
) -> None:
    header = "# @package npu.evil\n" if group == "npu" else ""
    content = f"{header}name: evil\nvalue: {tag.format(command=f'touch {canary}')}\n"
    write(tmp_path / "conf" / group / "evil.yaml", content)
    choice = "level=evil" if group == "levels" else "npu=[evil]" if group == "npu" else f"{group}=evil"
    assert any("evil.yaml" in problem and "valid YAML" in problem for problem in refused(choice))


@pytest.mark.parametrize("tag", YAML_TAGS)
def test_python_in_a_data_yaml_and_in_a_base(
    tag: str, refused: Callable[..., list[str]], tmp_path: Path, canary: Path
) -> None:
    text = f"names: {tag.format(command=f'touch {canary}')}\n"
    data, model = write(tmp_path / "set" / "data.yaml", text), write(tmp_path / "model.yaml", text)
    write(tmp_path / "conf" / "base" / "mine.yaml", f"name: mine\nmodel: {model}\nscale: n\n")
    assert "is not valid YAML" in refused(f"data={data}")[0]
    assert "cannot be read as YAML" in refused("base=mine")[0]


@pytest.mark.parametrize("text", [LAUGHS, MERGES, DEEP, LOOP], ids=["laughs", "merges", "deep", "loop"])
@pytest.mark.parametrize("group", ["levels", "act", "recipe", "set"])
def test_what_would_fill_the_memory(group: str, text: str, refused: Callable[..., list[str]], tmp_path: Path) -> None:
    if group == "set":
        problems = refused(f"data={write(tmp_path / 'set' / 'data.yaml', text)}")
    else:
        write(tmp_path / "conf" / group / "evil.yaml", f"name: evil\n{text}")
        problems = refused("level=evil" if group == "levels" else f"{group}=evil")
    assert any(word in problems[0] for word in ("aliases", "nested", "contains itself")), problems


def test_a_file_without_end(refused: Callable[..., list[str]], tmp_path: Path) -> None:
    big = write(tmp_path / "set" / "data.yaml", "names: [" + "x, " * 3_000_000 + "]\n")
    assert "more than 8 MB" in refused(f"data={big}")[0]
    assert "is no file" in refused("data=/dev/zero")[0]
    for train in ("/dev/zero", f"[{big}, /dev/random]"):
        data = write(tmp_path / "s" / "data.yaml", f"train: {train}\nval: .\nnames: [a]\n")
        assert any("neither a folder nor a file" in problem for problem in refused(f"data={data}"))


def base(folder: Path, layers: str, more: str = "") -> None:
    """A base `mine` whose first layer is the given row."""
    text = f"{more}nc: 2\nbackbone:\n  - {layers}\n  - [-1, 1, Conv, [16, 3, 2]]\nhead:\n  - [[-1], 1, Detect, [nc]]\n"
    model = write(folder / "model.yaml", text)
    write(folder / "conf" / "base" / "mine.yaml", f"name: mine\nmodel: {model}\nscale: null\n")


@pytest.mark.parametrize(
    "module",
    ["os.system", "eval", "nn.Module.__init__", "nn.functools", "torchvision.ops.torch", "DetectionModel", "LOGGER"],
)
def test_a_layer_that_is_none(module: str, refused: Callable[..., list[str]], tmp_path: Path) -> None:
    base(tmp_path, f"[-1, 1, {module}, ['touch {tmp_path}/canary']]")
    (problem,) = refused("base=mine", "level=0")
    assert "layer 0" in problem
    assert "no layer of Ultralytics" in problem


def test_a_layer_that_downloads(refused: Callable[..., list[str]], tmp_path: Path) -> None:
    base(tmp_path, "[-1, 1, TorchVision, [512, resnet18, DEFAULT]]")
    assert "downloads" in refused("base=mine", "level=0")[0]


def test_an_activation_that_is_code(
    sweep: Callable[..., Ended],
    refused: Callable[..., list[str]],
    signs_home: Path,
    tmp_path: Path,
    canary: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    code = f"__import__('os').system('touch {canary}')"
    base(tmp_path, "[-1, 1, Conv, [8, 3, 2]]", more=f'activation: "{code}"\n')
    for act in (code, "torch.nn.SiLU(", "os.system", "SiLU()"):
        write(tmp_path / "conf" / "act" / "evil.yaml", f'name: evil\nmodule: "{act}"\narguments: {{}}\n')
        assert "is not allowed" in refused("act=evil")[0]
    main_says = sweep("plan", "base=mine", "level=0", f"home={signs_home}", cwd=tmp_path)
    assert main_says.returncode == 0, main_says.stderr  # the base's own activation is replaced, never evaluated
    places = ("--home", str(signs_home), "--out", str(tmp_path / "out"))
    assessed = sweep("npu", "assess", str(tmp_path / "model.yaml"), *places)
    assert assessed.returncode == 2, assessed.stdout
    assert "is no model YAML" in assessed.problems[0]
    for text in (LAUGHS, "backbone: [[-1, 1, os.system, [x]]]\nhead: [[-1, 1, Detect, [nc]]]\n"):
        write(tmp_path / "model.yaml", text)
        with pytest.raises(SystemExit):
            main(["npu", "assess", str(tmp_path / "model.yaml"), "--home", str(signs_home)])
        assert re.search(r"aliases stand for|no layer of Ultralytics", capsys.readouterr().err)


def test_an_argument_that_is_code_is_plain_text(tmp_path: Path, canary: Path) -> None:
    from sweep.architecture.build import build_model
    from sweep.training.environment import prepare_ultralytics

    prepare_ultralytics(tmp_path / "home")
    layers = [[-1, 1, "Conv", [8, 3, f"__import__('os').system('touch {canary}')"]]]
    yaml = {"nc": 2, "activation": "torch.nn.ReLU()", "backbone": layers, "head": [[[-1], 1, "Detect", ["nc"]]]}
    with pytest.raises(Exception, match=r".+"):
        build_model(yaml)


@pytest.mark.parametrize(
    "text",
    [
        "callbacks: {x: {_target_: os.system, _args_: ['touch CANARY']}}",
        "callbacks: {x: {_target_: hydra.experimental.callbacks.Callback, y: {_target_: os.system, command: x}}}",
        "launcher: {_target_: subprocess.run}",
        "hydra_logging: {version: 1, handlers: {x: {(): os.system, command: 'touch CANARY'}}, root: {handlers: [x]}}",
        "job_logging: {version: 1, handlers: {x: {class: subprocess.Popen, args: [touch, CANARY]}}}",
        "job_logging: {version: 1, formatters: {x: {(): os.system, command: 'touch CANARY'}}}",
    ],
)
@pytest.mark.parametrize("place", ["conf/local/default.yaml", "sweeps/mine.yaml", "conf/recipe/mine.yaml"])
def test_hydra_calls_nothing_that_a_config_names(
    text: str, place: str, refused: Callable[..., list[str]], tmp_path: Path, canary: Path
) -> None:
    write(tmp_path / place, "# @package _global_\nhydra:\n  " + text.replace("CANARY", str(canary)) + "\n")
    chosen = {"sweeps/mine.yaml": ["sweeps=mine"], "conf/recipe/mine.yaml": ["recipe=quick,mine"]}.get(place, [])
    assert any("hydra." in problem and "is not called" in problem for problem in refused(*chosen))


def test_a_sweep_is_refused_before_hydra_calls_anything(
    sweep: Callable[..., Ended], signs_home: Path, tmp_path: Path, canary: Path
) -> None:
    content = f"hydra:\n  callbacks:\n    x: {{_target_: os.system, command: 'touch {canary}'}}\n"
    write(tmp_path / "conf" / "local" / "default.yaml", "# @package _global_\n" + content)
    ended = sweep("level=2", f"home={signs_home}", cwd=tmp_path)
    assert ended.returncode == 2, ended.stderr
    assert "hydra.callbacks.x._target_=os.system is not called" in ended.problems[0]


@pytest.mark.parametrize("text", ["level: ../../etc/passwd", "level: /etc/passwd", "level: ../levels/4"])
def test_names_that_are_paths(text: str, refused: Callable[..., list[str]]) -> None:
    assert "There is no level" in refused(text.replace(": ", "="))[0]
    assert refused("base=../base/yolo11n")
    assert refused("sweeps=../../etc")
    assert refused("npu=[../npu/onnx]")


def test_download_is_not_executed(refused: Callable[..., list[str]], tmp_path: Path, canary: Path) -> None:
    data = make_pictures(tmp_path / "set")
    good = data.read_text("utf-8")
    touch = f"touch {canary}"
    for command in (f'python -c \'open("{canary}", "w")\'', f"import os; os.system('{touch}')", touch):
        write(data, f"{good}download: |\n  {command}\n")
        assert "`download:`" in refused(f"data={data}")[0]
        assert "`download:`" in refused(f"data={data}", "data.allow_download='no'")[0]
