"""A cell that starts from a checkpoint says what it took, and still leaves a stock checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import yaml

from sweep.architecture.build import build_model
from sweep.architecture.resolve import resolve_model

CONF = Path(__file__).parents[3] / "conf"


def resolved(level: str, nc: int) -> dict[str, Any]:
    read = (yaml.safe_load((CONF / path).read_text()) for path in ("base/yolo11n.yaml", f"levels/{level}.yaml"))
    return resolve_model(*read, {"name": "silu", "module": "SiLU"}, nc).yaml


def test_the_log_holds_the_table_and_the_trainer_the_record(home: Path, tmp_path: Path) -> None:
    from sweep.data.ultralytics_yaml import write_view
    from sweep.identity import load_data
    from sweep.training.environment import prepare_ultralytics
    from sweep.training.output import output_to
    from sweep.training.trainer import CellTrainer

    prepare_ultralytics(home)
    view = write_view(load_data({"name": "signs"}, home), home)
    source = tmp_path / "stock.pt"
    torch.manual_seed(1)
    torch.save({"model": build_model(resolved("0", 80)), "train_args": {}}, source)
    model_file = tmp_path / "model.yaml"
    model_yaml = resolved("3", 6)
    model_file.write_text(yaml.safe_dump(model_yaml))
    recipe = {"epochs": 1, "imgsz": 32, "batch": 64, "workers": 0, "optimizer": "SGD", "lr0": 1e-9, "seed": 0}
    recipe |= {"model": str(model_file), "data": str(view), "device": "cpu", "project": str(tmp_path), "name": "run"}
    recipe |= {"plots": False, "pretrained": False, "warmup_epochs": 0, "mosaic": 0.0, "exist_ok": True}
    log = tmp_path / "train.log"
    with output_to(log):
        trainer = CellTrainer(recipe, model_yaml=model_yaml, weights=source, on_epoch=lambda *_: None)
        trainer.train()
    assert trainer.transferred is not None
    assert trainer.transferred.carried_pct >= 84.0
    text = log.read_text("utf-8")
    assert all(line in text for line in trainer.transferred.lines())
    from ultralytics import YOLO

    model = YOLO(trainer.last).model
    old = torch.load(source, weights_only=False)["model"]
    assert torch.allclose(model.model[9].cv1.conv.weight, old.model[9].cv1.conv.weight, atol=1e-3)  # half precision
    assert all(type(module).__module__.startswith(("torch.", "ultralytics.")) for module in model.modules())
