"""Export to ONNX and count the nodes of the graph."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ultralytics.nn.tasks import DetectionModel


@dataclass(frozen=True)
class GraphSize:
    """Size of an exported graph. `opset` is the version of the default ONNX domain, `path` the ONNX file."""

    nodes: int
    opset: int
    path: Path


def count_nodes(checkpoint_or_model: Path | str | DetectionModel, imgsz: int, folder: Path) -> GraphSize:
    """Export to ONNX as `YOLO(...).export(format="onnx", imgsz=imgsz, simplify=True)` does, and count its
    nodes.

    It is Ultralytics' own export, decode included, on the CPU in float32; only the place of the file is ours.
    The caller sets YOLO_CONFIG_DIR, YOLO_OFFLINE and YOLO_AUTOINSTALL; otherwise nothing is written outside
    `folder`.

    Args:
        checkpoint_or_model: a checkpoint (`best.pt`), or a built model, which is left as it is.
        imgsz: side of the picture in pixels.
        folder: where the ONNX file goes, created if absent: `model.onnx`.

    Raises:
        FileNotFoundError: there is no such checkpoint.
    """
    import onnx
    from ultralytics.engine.exporter import Exporter

    folder.mkdir(parents=True, exist_ok=True)
    model = _load(checkpoint_or_model, folder)
    overrides = {
        "format": "onnx",
        "imgsz": imgsz,
        "simplify": True,
        "batch": 1,
        "device": "cpu",
        "mode": "export",
    }
    path = Path(Exporter(overrides=overrides)(model=model))
    exported = onnx.load(str(path))
    opset = next(entry.version for entry in exported.opset_import if entry.domain in {"", "ai.onnx"})
    return GraphSize(nodes=len(exported.graph.node), opset=opset, path=path)


def _load(checkpoint_or_model: Path | str | DetectionModel, folder: Path) -> Any:
    """The model to export, with its `pt_path` in `folder`: the exporter writes beside it."""
    if isinstance(checkpoint_or_model, str | Path):
        from ultralytics.nn.tasks import load_checkpoint

        checkpoint = Path(checkpoint_or_model)
        if not checkpoint.is_file():
            raise FileNotFoundError(f"There is no checkpoint {checkpoint}.")
        model, _ = load_checkpoint(checkpoint)
    else:
        # A shallow copy: new attributes stay off the caller's model, the layers are shared until the
        # exporter's copy.
        model = copy.copy(checkpoint_or_model)
        model.task = "detect"
    model.pt_path = str(folder / "model.pt")
    if isinstance(getattr(model, "args", None), dict):
        model.args = {**model.args, "data": ""}  # the exporter writes the path of the data into the file
    return model
