"""The promises of the levels, on real Ultralytics models with ReLU."""

from __future__ import annotations

import copy
import functools
import io
import itertools
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import yaml

from sweep.architecture.build import build_model
from sweep.architecture.resolve import resolve_model
from sweep.architecture.size import measure_size
from sweep.npu.graph import count_nodes

CONF = Path(__file__).parents[3] / "conf"
BASES = ("yolo11n", "yolo11s", "yolov8n", "yolo12n")
LEVELS = ("0", "2", "3", "4")


def option(group: str, name: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((CONF / group / f"{name}.yaml").read_text(encoding="utf-8"))
    return content


def model_yaml(base: str, level: str, act: str = "relu", nc: int = 6) -> dict[str, Any]:
    return resolve_model(option("base", base), option("levels", level), option("act", act), nc).yaml


@functools.cache
def sizes(base: str, level: str, nc: int) -> tuple[float, float]:
    """Parameters in millions and GFLOPs at 640 px."""
    return measure_size(build_model(model_yaml(base, level, nc=nc)), 640)


def checkpoint_bytes(model: torch.nn.Module) -> int:
    """Size of a checkpoint as Ultralytics leaves it after training: the model in half precision."""
    file = io.BytesIO()
    torch.save({"model": copy.deepcopy(model).half(), "ema": None}, file)
    return file.getbuffer().nbytes


@pytest.mark.slow
@pytest.mark.parametrize("nc", [6, 80])
@pytest.mark.parametrize("base", BASES)
def test_gflops_rise_by_no_more_than_3_percent_and_level_4_is_lighter(base: str, nc: int) -> None:
    measured = [sizes(base, level, nc) for level in LEVELS]
    for (_, before), (_, after) in itertools.pairwise(measured):
        assert after <= before * 1.03
    assert measured[-1][0] < measured[0][0]
    assert measured[-1][1] < measured[0][1]


@pytest.mark.slow
@pytest.mark.parametrize("nc", [6, 80])
@pytest.mark.parametrize("base", BASES)
def test_nodes_never_rise_and_level_4_has_fewer(base: str, nc: int, tmp_path: Path) -> None:
    # The size of the picture does not change the number of nodes (test_graph.py), so a small one will do.
    nodes = [count_nodes(build_model(model_yaml(base, level, nc=nc)), 64, tmp_path).nodes for level in LEVELS]
    assert nodes == sorted(nodes, reverse=True)
    assert nodes[-1] < nodes[0]


@pytest.mark.parametrize("base", BASES)
def test_the_checkpoint_of_level_4_is_smaller(base: str) -> None:
    sizes_of = {level: checkpoint_bytes(build_model(model_yaml(base, level))) for level in ("0", "4")}
    assert sizes_of["4"] < sizes_of["0"]


@pytest.mark.slow
@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("base", BASES)
def test_one_training_step(base: str, level: str) -> None:
    """The loss is finite, every trainable parameter gets a gradient, and a step changes the weights."""
    torch.manual_seed(0)
    model = build_model(model_yaml(base, level))
    model.args = SimpleNamespace(box=7.5, cls=0.5, dfl=1.5)
    batch = {
        "img": torch.rand(2, 3, 96, 96),
        "cls": torch.tensor([[0.0], [5.0], [2.0]]),
        "bboxes": torch.tensor([[0.5, 0.5, 0.4, 0.4], [0.3, 0.3, 0.2, 0.2], [0.6, 0.6, 0.7, 0.7]]),
        "batch_idx": torch.tensor([0.0, 0.0, 1.0]),
    }
    loss, _ = model(batch)
    loss.sum().backward()
    assert torch.isfinite(loss).all()
    # The DFL weights are constants that Ultralytics freezes.
    trained = {name: p for name, p in model.named_parameters() if ".dfl." not in name}
    without = [name for name, p in trained.items() if p.grad is None or not torch.isfinite(p.grad).all()]
    assert without == []
    moving = [name for name, p in trained.items() if p.grad.abs().sum() > 0]
    assert len(moving) > 0.9 * len(trained)
    before = copy.deepcopy(model.model[0].conv.weight)
    torch.optim.SGD(trained.values(), lr=0.01).step()
    assert not torch.equal(before, model.model[0].conv.weight)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("base", BASES)
def test_the_yaml_reopens_in_plain_yolo_as_the_same_architecture(base: str, level: str, tmp_path: Path) -> None:
    from ultralytics import YOLO

    resolved = model_yaml(base, level, act="leakyrelu")
    path = tmp_path / "model.yaml"
    path.write_text(yaml.safe_dump(resolved, sort_keys=False), encoding="utf-8")
    opened = YOLO(path, task="detect").model
    built = build_model(resolved)
    assert str(opened.model) == str(built.model)
    assert {k: v.shape for k, v in opened.state_dict().items()} == {k: v.shape for k, v in built.state_dict().items()}
    assert opened.save == built.save
    assert [layer.f for layer in opened.model] == [layer.f for layer in built.model]


@pytest.mark.parametrize(("base", "level"), [("yolo11n", "4"), ("yolo12n", "4"), ("yolov8n", "4")])
def test_level_4_has_the_dense_head_and_8_bins(base: str, level: str) -> None:
    head = build_model(model_yaml(base, level)).model[-1]
    assert head.reg_max == 8
    assert head.legacy
    convolutions = [module for module in head.modules() if isinstance(module, torch.nn.Conv2d)]
    assert {module.groups for module in convolutions} == {1}


def test_level_0_takes_the_end_to_end_base() -> None:
    model = build_model(model_yaml("yolo26n", "0"))
    assert hasattr(model.model[-1], "one2one_cv2")


def test_a_checkpoint_opens_in_plain_yolo(tmp_path: Path) -> None:
    from ultralytics import YOLO

    model = build_model(model_yaml("yolo11n", "4", act="leakyrelu"))
    path = tmp_path / "best.pt"
    torch.save({"model": copy.deepcopy(model).half(), "train_args": {"imgsz": 64}}, path)
    modules = {type(module).__module__.split(".")[0] for module in model.modules()}
    assert modules == {"torch", "ultralytics"}
    opened = YOLO(path).model
    model.eval()
    image = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        assert torch.allclose(opened(image)[0], model.half().float()(image)[0], atol=1e-3)
