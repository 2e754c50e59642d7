"""Weight transfer: exact where it says so, nothing dead, layers instead of indices, and counts that are true."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from torch import nn

from sweep.architecture.build import build_model
from sweep.architecture.checkpoint import read_checkpoint
from sweep.architecture.resolve import resolve_model
from sweep.architecture.transfer import LayerTransfer, Transferred, transfer
from sweep.errors import SweepError

CONF = Path(__file__).parents[3] / "conf"
ACTS = ("silu", "relu", "leakyrelu")


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Small tensors on busy cores: more threads only wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def option(group: str, name: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((CONF / group / f"{name}.yaml").read_text(encoding="utf-8"))
    return content


def model(base: str, level: str, act: str = "silu", nc: int = 80, seed: int = 0) -> Any:
    torch.manual_seed(seed)
    resolved = resolve_model(option("base", base), option("levels", level), option("act", act), nc)
    return build_model(resolved.yaml)


def randomised(built: Any, seed: int = 1) -> Any:
    """The model with normalisations as training could leave them."""
    torch.manual_seed(seed)
    for module in built.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.5)
            module.running_var.uniform_(0.3, 3)
            module.weight.data.uniform_(0.3, 2)
            module.bias.data.normal_(0, 0.5)
            module.num_batches_tracked.fill_(1234)
    return built


def transferred(source: Any, target: Any) -> Transferred:
    """Transfer, and check what always holds."""
    before = copy.deepcopy(source.state_dict())
    training = target.training
    result = transfer(source, target)
    assert all(torch.equal(value, before[name]) for name, value in source.state_dict().items())
    assert target.training is training
    assert result.parameters == sum(parameter.numel() for parameter in target.parameters())
    assert all(bool(torch.isfinite(value).all()) for value in target.state_dict().values())
    return result


def inputs(layer: nn.Module, size: int) -> torch.Tensor:
    first = next(module for module in layer.modules() if isinstance(module, nn.Conv2d))
    return torch.randn(2, first.in_channels, size, size)


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize(("base", "level"), [("yolo11n", "3"), ("yolo11n", "4"), ("yolo12n", "3")])
def test_layers_that_are_called_exact_are(base: str, level: str, act: str) -> None:
    """Outputs differ by 0.0. In double precision, because kernels may sum more channels in another order."""
    source = randomised(model(base, "0", act)).eval()
    target = randomised(model(base, level, act, seed=2), seed=3)
    result = transferred(source, target)
    source, target = source.double(), target.double().eval()
    exact = [layer for layer in result.layers if layer.how in ("copied", "widened, exact") and layer.module != "Detect"]
    assert {layer.how for layer in exact} == {"copied", "widened, exact"}
    for layer in exact:
        assert layer.source is not None
        x = inputs(target.model[layer.index], 12).double()
        with torch.no_grad():
            difference = target.model[layer.index](x) - source.model[layer.source](x)
        assert difference.abs().max() == 0.0, layer


@pytest.mark.parametrize("base", ["yolo11n", "yolov8n", "yolo12n", "yolo26n"])
def test_the_same_architecture_gets_the_same_function(base: str) -> None:
    source = randomised(model(base, "0")).eval()
    target = model(base, "0", seed=2).eval()
    result = transferred(source, target)
    assert result.carried_pct == 100.0
    assert {layer.how for layer in result.layers} == {"copied"}
    got = target.state_dict()
    assert all(torch.equal(value, got[name]) for name, value in source.state_dict().items())  # buffers travel too
    x = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(source(x)[0], target(x)[0])


def test_a_whole_network_of_wider_blocks_is_exact() -> None:
    """Only C3k2 without c3k: as C2f, all the way from the picture to the head, the network does what it did."""
    rows = [
        [-1, 1, "Conv", [64, 3, 2]],
        [-1, 1, "Conv", [128, 3, 2]],
        [-1, 2, "C3k2", [256, False, 0.25]],
        [-1, 1, "Conv", [256, 3, 2]],
        [-1, 2, "C3k2", [256, False, 0.5]],
    ]
    head = [[[2, 4], 1, "Detect", ["nc"]]]
    stock = {"nc": 4, "activation": "torch.nn.ReLU()", "scale": "n", "scales": {"n": [0.5, 0.25, 1024]}}
    stock |= {"backbone": rows, "head": head}
    wider = copy.deepcopy(stock)
    wider["backbone"] = [
        [f, n, "C2f", [args[0], True, 1, args[2]]] if name == "C3k2" else [f, n, name, args]
        for f, n, name, args in rows
    ]
    torch.manual_seed(0)
    source, target = randomised(build_model(stock)).double().eval(), build_model(wider).double().eval()
    target.model[-1].cv3 = copy.deepcopy(source.model[-1].cv3)  # the other network's class branch is dense (legacy)
    result = transferred(source, target)
    assert [layer.how for layer in result.layers] == [
        *["copied"] * 2,
        "widened, exact",
        "copied",
        "widened, exact",
        "copied",
    ]
    x = torch.rand(2, 3, 64, 64, dtype=torch.double)
    with torch.no_grad():
        assert (source(x)[0] - target(x)[0]).abs().max() == 0.0


@pytest.mark.parametrize("act", ACTS)
def test_new_channels_learn(act: str) -> None:
    """New rows of cv1 keep random values, matching columns of cv2 are zero; both have moved after two steps."""
    target = model("yolo11n", "3", act, nc=3)
    transferred(randomised(model("yolo11n", "0", act, nc=3)), target)
    target.train()
    for index in (2, 4):
        block = target.model[index].m[0]
        old = block.cv1.conv.out_channels // 2
        assert bool((block.cv2.conv.weight[:, old:] == 0).all())
        assert bool((block.cv1.conv.weight[old:] != 0).any(dim=(1, 2, 3)).all())
    before = copy.deepcopy(target)
    optimiser = torch.optim.SGD(target.parameters(), lr=0.01)
    boxes = torch.tensor([[0.5, 0.5, 0.4, 0.4], [0.3, 0.6, 0.2, 0.3]])
    batch = {"img": torch.rand(2, 3, 64, 64), "cls": torch.tensor([[0.0], [2.0]]), "bboxes": boxes}
    batch["batch_idx"] = torch.tensor([0.0, 1.0])
    target.args = _hyperparameters()
    for step in range(2):
        optimiser.zero_grad()
        target.loss(batch)[0].sum().backward()
        for index in (2, 4):
            block = target.model[index].m[0]
            old = block.cv1.conv.out_channels // 2
            assert bool((block.cv2.conv.weight.grad[:, old:] != 0).any(dim=(0, 2, 3)).all())
            if step:  # by then the columns are no longer zero, and hand gradient on to the rows
                assert bool((block.cv1.conv.weight.grad[old:] != 0).any(dim=(1, 2, 3)).all())
        optimiser.step()
    for index in (2, 4):
        moved = target.model[index].m[0].cv1.conv.weight != before.model[index].m[0].cv1.conv.weight
        assert bool(moved.any(dim=(1, 2, 3)).all())


def _hyperparameters() -> Any:
    from ultralytics.cfg import get_cfg

    return get_cfg()


def test_layers_behind_a_removed_one_keep_their_partners() -> None:
    result = transferred(model("yolo11n", "0"), model("yolo11n", "3"))
    partners = {layer.index: layer.source for layer in result.layers}
    assert all(source == index for index, source in partners.items() if index < 10)
    assert all(source == index + 1 for index, source in partners.items() if index >= 10)
    assert _copied(result) == {0, 1, 3, 5, 7, 9, 12, 15, 16, 18, 19, 21, 22}


def test_attention_that_becomes_c2f_keeps_both_halves() -> None:
    """Level 2: without attention, what C2PSA adds to its input is left out, and the new block has no say yet."""
    source, target = randomised(model("yolo11n", "0")).eval(), model("yolo11n", "2", seed=2).eval()
    result = transferred(source, target)
    assert next(layer for layer in result.layers if layer.index == 10).source == 10
    old, new = copy.deepcopy(source.model[10]), target.model[10]
    old.m = nn.Identity()
    x = inputs(new, 6)
    with torch.no_grad():
        assert torch.allclose(old(x), new(x), atol=1e-5)


def _copied(result: Transferred) -> set[int]:
    return {layer.index for layer in result.layers if layer.how == "copied"}


@pytest.mark.parametrize(
    ("level", "nc", "least"),
    [("2", 80, 86.1), ("3", 80, 84.0), ("4", 80, 60.0), ("2", 6, 86.0), ("3", 6, 84.0), ("4", 6, 60.0)],
)
def test_so_much_is_carried_from_yolo11n(level: str, nc: int, least: float) -> None:
    """Counted by hand: a parameter is carried if it no longer has its random start and was not set to zero."""
    target = model("yolo11n", level, "relu", nc, seed=2)
    start = {name: value.clone() for name, value in target.named_parameters()}
    result = transferred(randomised(model("yolo11n", "0")), target)
    assert result.carried_pct >= least
    changed = sum(int(((v != start[n]) & (v != 0)).sum()) for n, v in target.named_parameters())
    constant = sum(v.numel() for n, v in target.named_parameters() if n.endswith("dfl.conv.weight"))
    assert changed <= round(result.carried_pct * result.parameters / 100) <= changed + constant + 0.001 * changed
    zeros = sum(int(((v == 0) & (start[n] != 0)).sum()) for n, v in target.named_parameters())
    assert sum(layer.zeroed for layer in result.layers) >= zeros


@pytest.mark.parametrize(
    ("source", "target"),
    [
        (("yolo11s", "0"), ("yolo11n", "3")),
        (("yolo11n", "0"), ("yolo11s", "4")),
        (("yolo12n", "0"), ("yolo12n", "2")),
        (("yolo12n", "0"), ("yolo12n", "4")),
        (("yolov8n", "0"), ("yolov8n", "4")),
        (("yolo26n", "0"), ("yolo11n", "3")),
        (("yolo11n", "4"), ("yolo11n", "0")),
        (("yolo11n", "3"), ("yolo11n", "4")),
        (("yolo11n", "0"), ("yolo12n", "3")),
    ],
)
def test_any_model_starts_any_other(source: tuple[str, str], target: tuple[str, str]) -> None:
    new = model(*target, act="relu", nc=4)
    result = transferred(randomised(model(*source, act="silu", nc=7)), new)
    assert 25.0 < result.carried_pct <= 100.0
    with torch.no_grad():
        assert bool(torch.isfinite(new.eval()(torch.rand(1, 3, 64, 64))[0]).all())


def test_a_wider_model_does_what_the_narrower_one_did() -> None:
    """From n to s nothing is lost but in the attention's heads: new channels have no say in the backbone."""
    source, target = randomised(model("yolo11n", "3", "relu")).eval(), model("yolo11s", "3", "relu", seed=2).eval()
    transferred(source, target)
    x = torch.rand(1, 3, 64, 64)
    old, new = x, x
    with torch.no_grad():
        for index in range(10):
            old, new = source.model[index](old), target.model[index](new)
            assert torch.allclose(old, new[:, : old.shape[1]], atol=1e-4), index


def test_a_narrower_layer_loses_the_same_channels_where_it_is_read() -> None:
    """Levels 3 to 4, which narrows the layers before the head: a channel's writer and readers agree on what it is."""
    source, target = randomised(model("yolo11n", "3")), model("yolo11n", "4")
    transferred(source, target)
    writer, old_writer = target.model[15].cv2, source.model[15].cv2
    kept = [int((old_writer.bn.running_mean == value).nonzero()) for value in writer.bn.running_mean]
    assert len(kept) == 48
    assert torch.equal(target.model[16].conv.weight, source.model[16].conv.weight[:, kept])


def test_bins_and_classes_keep_their_meaning() -> None:
    source, target = randomised(model("yolo11n", "3", nc=3)), model("yolo11n", "4", nc=4)
    source.names = {0: "car", 1: "Traffic light", 2: "dog"}
    target.names = {0: "traffic_light", 1: "bicycle", 2: "car", 3: "cat"}
    before = target.model[-1].cv3[0][-1].bias.clone()
    transferred(source, target)
    boxes, old = target.model[-1].cv2[0][-1].bias, source.model[-1].cv2[0][-1].bias
    assert torch.equal(boxes.view(4, 8), old.view(4, 16)[:, :8])
    classes, old = target.model[-1].cv3[0][-1].bias, source.model[-1].cv3[0][-1].bias
    assert torch.equal(classes[[0, 2]], old[[1, 0]])
    assert torch.equal(classes[[1, 3]], before[[1, 3]])


def test_the_same_two_models_give_the_same_weights() -> None:
    source = randomised(model("yolo11n", "0"))
    first, second = model("yolo11n", "4"), model("yolo11n", "4")
    state = torch.get_rng_state()
    assert transferred(source, first) == transferred(source, second)
    assert torch.equal(torch.get_rng_state(), state)  # the training after it draws the numbers that it would have drawn
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))


def test_a_checkpoint_of_ours_starts_another_level(tmp_path: Path) -> None:
    """As training leaves it: half precision, under `ema`."""
    source = randomised(model("yolo11n", "3", "leakyrelu", nc=6))
    path = tmp_path / "best.pt"
    torch.save({"model": None, "ema": copy.deepcopy(source).half(), "train_args": {}}, path)
    assert read_checkpoint(path).model[0].conv.weight.dtype == torch.float32
    result = transfer(path, model("yolo11n", "4", "relu", nc=6))
    assert result.carried_pct > 80.0
    assert {layer.index for layer in result.layers if layer.how == "copied"} >= set(range(10))


def test_a_file_that_is_no_detection_checkpoint_gets_one_sentence(tmp_path: Path) -> None:
    text = tmp_path / "text.pt"
    text.write_text("not a checkpoint\n" * 100)
    whole = tmp_path / "whole.pt"
    torch.save({"model": model("yolo11n", "4", nc=2), "train_args": {}}, whole)
    cut = tmp_path / "cut.pt"
    cut.write_bytes(whole.read_bytes()[:-5000])
    empty = tmp_path / "empty.pt"
    empty.touch()
    weights = tmp_path / "weights.pt"
    torch.save({"a": torch.zeros(3)}, weights)
    for path in (text, cut, empty, weights):
        _one_sentence(path, "cannot be read as an Ultralytics checkpoint")
    _one_sentence(tmp_path / "absent.pt", "does not exist")
    _one_sentence(tmp_path, "is a folder")


@pytest.mark.parametrize(
    ("kind", "yaml_file", "name"),
    [
        ("SegmentationModel", "yolo11n-seg.yaml", "a segmentation model"),
        ("ClassificationModel", "yolo11n-cls.yaml", "a classification model"),
        ("PoseModel", "yolo11n-pose.yaml", "a pose model"),
        ("OBBModel", "yolo11n-obb.yaml", "a model for rotated boxes"),
    ],
)
def test_another_task_is_named(kind: str, yaml_file: str, name: str, tmp_path: Path) -> None:
    import ultralytics.nn.tasks

    built = getattr(ultralytics.nn.tasks, kind)(yaml_file, verbose=False)
    torch.save({"model": built, "train_args": {}}, tmp_path / "best.pt")
    _one_sentence(tmp_path / "best.pt", name)


def test_a_fused_model_is_refused(tmp_path: Path) -> None:
    fused = model("yolo11n", "4", nc=2).eval().fuse(verbose=False)
    torch.save({"model": fused, "train_args": {}}, tmp_path / "best.pt")
    _one_sentence(tmp_path / "best.pt", "fused")


def _one_sentence(path: Path, part: str) -> None:
    with pytest.raises(SweepError) as raised:
        read_checkpoint(path)
    assert len(raised.value.problems) == 1
    assert part in raised.value.problems[0]
    assert path.name in raised.value.problems[0]
    assert "\n" not in raised.value.problems[0]


def test_rows_are_plain_values() -> None:
    import json

    result = transferred(model("yolo11n", "0"), model("yolo11n", "4"))
    assert isinstance(result.layers[0], LayerTransfer)
    assert json.loads(json.dumps(result.rows()))[0]["how"] == "copied"
