"""The number of nodes is that of Ultralytics' own export, and nothing is written elsewhere."""

from __future__ import annotations

import copy
import os
from pathlib import Path

import onnx
import pytest
import torch
import yaml

from sweep.architecture.build import build_model
from sweep.architecture.resolve import resolve_model
from sweep.npu.graph import count_nodes

CONF = Path(__file__).parents[3] / "conf"


def model_for(base: str, level: str) -> torch.nn.Module:
    files = [CONF / "base" / f"{base}.yaml", CONF / "levels" / f"{level}.yaml", CONF / "act" / "relu.yaml"]
    return build_model(resolve_model(*(yaml.safe_load(f.read_text(encoding="utf-8")) for f in files), 6).yaml)


def files_below(folder: Path) -> set[Path]:
    return set(folder.rglob("*"))


@pytest.mark.slow
@pytest.mark.parametrize(("base", "level"), [("yolo11n", "0"), ("yolo11n", "4"), ("yolo12n", "2"), ("yolo26n", "0")])
def test_a_checkpoint_counts_as_in_plain_ultralytics(
    base: str, level: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ultralytics import YOLO

    checkpoint = tmp_path / "plain" / "best.pt"
    checkpoint.parent.mkdir()
    torch.save({"model": model_for(base, level).half(), "train_args": {"imgsz": 64}}, checkpoint)
    working = tmp_path / "cwd"
    working.mkdir()
    monkeypatch.chdir(working)
    settings = files_below(Path(os.environ["YOLO_CONFIG_DIR"]))
    before = files_below(tmp_path)

    size = count_nodes(checkpoint, 96, tmp_path / "out")

    assert files_below(tmp_path) - before == {tmp_path / "out", tmp_path / "out" / "model.onnx"}
    assert files_below(Path(os.environ["YOLO_CONFIG_DIR"])) == settings
    assert size.path == tmp_path / "out" / "model.onnx"
    plain = onnx.load(YOLO(checkpoint).export(format="onnx", imgsz=96, simplify=True))
    assert size.nodes == len(plain.graph.node)
    assert size.opset == plain.opset_import[0].version
    exported = onnx.load(size.path)
    assert [node.op_type for node in exported.graph.node] == [node.op_type for node in plain.graph.node]
    assert exported.graph.input[0].type == plain.graph.input[0].type


@pytest.mark.slow
def test_a_built_model_counts_the_same_at_every_size_and_stays_as_it_is(tmp_path: Path) -> None:
    model = model_for("yolo11n", "4")
    before = copy.deepcopy(model.state_dict())
    attributes = set(vars(model))

    counts = {count_nodes(model, imgsz, tmp_path).nodes for imgsz in (64, 96, 640)}

    assert len(counts) == 1
    assert set(vars(model)) == attributes
    assert model.training
    assert all(parameter.requires_grad for name, parameter in model.named_parameters() if ".dfl." not in name)
    assert hasattr(model.model[0], "bn"), "not fused"
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert [path.name for path in tmp_path.iterdir()] == ["model.onnx"]


def test_a_missing_checkpoint_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no checkpoint"):
        count_nodes(tmp_path / "no.pt", 64, tmp_path / "out")
