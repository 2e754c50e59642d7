"""The network as it is converted: NHWC in, boxes and scores out, never in one tensor. Imported by the child only."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

if TYPE_CHECKING:
    from ultralytics.nn.tasks import DetectionModel

HEADS = ("Detect", "v10Detect")
NEVER_CALLED = ("ModuleList", *HEADS)


class Branch(nn.Module):  # type: ignore[misc]
    """The boxes' or the scores' part of the head: one feature map per scale to one output map per scale (NCHW)."""

    def __init__(self, heads: nn.ModuleList) -> None:
        super().__init__()
        self.heads = heads

    def forward(self, features: list[torch.Tensor]) -> list[torch.Tensor]:
        return [head(feature) for head, feature in zip(self.heads, features, strict=True)]


class Network(nn.Module):  # type: ignore[misc]
    """A detector between the picture and the last convolutions of its head, or with the decoding of the boxes behind.

    Input: (1, imgsz, imgsz, 3), RGB from 0 to 1.

    Outputs without decoding, three scales each: box distributions (1, h, w, 4·reg_max), then class logits
    (1, h, w, nc). With decoding: boxes (1, 4, anchors) as parts of the image side, in the head's own format (xywh, or
    xyxy of an end-to-end head), then scores (1, nc, anchors) from 0 to 1. Choosing among them (NMS, or the top-k of an
    end-to-end head) is not part of it. Boxes and scores are separate in both forms: in one int8 tensor they would
    share a scale, and the scores would vanish.

    Raises:
        TypeError: The model's head is none of a detector.
    """

    def __init__(self, model: DetectionModel, imgsz: int, decode: bool) -> None:
        super().__init__()
        *layers, head = model.model
        if type(head).__name__ not in HEADS:
            raise TypeError(
                f"The model's head is {type(head).__name__}, and only detectors ({HEADS[0]}) are converted."
            )
        part = "one2one" if head.end2end else "one2many"
        self.layers = nn.ModuleList(layers)
        self.boxes = Branch(getattr(head, part)["box_head"])
        self.scores = Branch(getattr(head, part)["cls_head"])
        self.head = head
        self.save = set(model.save)
        self.imgsz = imgsz
        self.decode = decode

    def forward(self, picture: torch.Tensor) -> tuple[torch.Tensor, ...]:
        features = self.features(picture.permute(0, 3, 1, 2))
        boxes, scores = self.boxes(features), self.scores(features)
        if not self.decode:
            return tuple(output.permute(0, 2, 3, 1) for output in [*boxes, *scores])
        predictions = {"boxes": _along_anchors(boxes), "scores": _along_anchors(scores), "feats": features}
        decoded = self.head._get_decode_boxes(predictions) / self.imgsz
        return decoded, predictions["scores"].sigmoid()

    def features(self, x: torch.Tensor) -> list[torch.Tensor]:
        """What the head reads: layer by layer as Ultralytics' `_predict_once` does it."""
        kept: list[torch.Tensor | None] = []
        for layer in self.layers:
            if layer.f != -1:
                x = kept[layer.f] if isinstance(layer.f, int) else [x if j == -1 else kept[j] for j in layer.f]
            x = layer(x)
            kept.append(x if layer.i in self.save else None)
        return [x if j == -1 else kept[j] for j in self.head.f]

    def layer_names(self) -> dict[str, str]:
        """By the name that the converter gives a layer's tensors, the layer's name in the checkpoint.

        `ultralytics.nn.modules.block.C2f_4/ultralytics.nn.modules.conv.Conv_cv1` is `model.4.cv1`.
        """
        modules = dict(self.named_modules(remove_duplicate=False))
        names = {}
        for path, module in modules.items():
            if not path or type(module).__name__ in NEVER_CALLED or self._only_kept(path):
                continue
            called = [part for part in _prefixes(path) if type(modules[part]).__name__ not in NEVER_CALLED]
            names["/".join(f"{_kind(modules[part])}_{part.rpartition('.')[2]}" for part in called)] = self._name(path)
        return names

    @staticmethod
    def _only_kept(path: str) -> bool:
        """Whether a module is there as part of the head, but is called through a branch."""
        return path.startswith("head.") and not path.startswith("head.dfl")

    def _name(self, path: str) -> str:
        top, _, rest = path.partition(".")
        prefix = "one2one_" if self.head.end2end else ""
        place = {"layers": "", "boxes": f"{prefix}cv2.", "scores": f"{prefix}cv3.", "head": ""}[top]
        inside = place + rest.removeprefix("heads.").removeprefix("heads")
        return ".".join(part for part in ("model", "" if top == "layers" else str(self.head.i), inside) if part)


def _along_anchors(maps: list[torch.Tensor]) -> torch.Tensor:
    return torch.cat([one.flatten(2) for one in maps], dim=-1)


def _prefixes(path: str) -> Iterator[str]:
    """`a`, `a.b`, `a.b.c` of `a.b.c`; nothing of the empty path, which is the network itself."""
    parts = path.split(".") if path else []
    for end in range(1, len(parts) + 1):
        yield ".".join(parts[:end])


def _kind(module: Any) -> str:
    return f"{type(module).__module__}.{type(module).__qualname__}"
