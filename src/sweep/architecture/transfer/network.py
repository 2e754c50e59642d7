"""The layers of a built model as nodes of a graph, and where the channels that they read come from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from sweep.architecture.transfer.channels import Map

if TYPE_CHECKING:
    from torch.nn import Module
    from ultralytics.nn.tasks import DetectionModel

IMAGE = -1
PROBE = 128
"""Side in pixels of the picture that is sent through a model to learn its strides: a multiple of 64, for P6 models."""

Origin = tuple[int, int]
"""A channel of the source: layer and channel."""


@dataclass(frozen=True)
class Node:
    """One layer. `stride` is that of its output against the picture, `width` its output channels.

    Both are 0 for the head, and for a layer that puts out several tensors.
    """

    index: int
    module: Module
    part: str
    inputs: tuple[int, ...]
    stride: int
    width: int

    @property
    def kind(self) -> str:
        """Class of the module, as Ultralytics calls it."""
        return type(self.module).__name__

    @property
    def parameters(self) -> int:
        """Number of parameters."""
        return sum(parameter.numel() for parameter in self.module.parameters())


def nodes(model: DetectionModel) -> tuple[Node, ...]:
    """The layers of a model. A black picture is sent through it in evaluation mode; the model stays as it is."""
    backbone = len(model.yaml["backbone"])
    layers = list(model.model)
    first = next(module for module in model.modules() if isinstance(module, torch.nn.Conv2d))
    picture = torch.zeros(1, first.in_channels, PROBE, PROBE, dtype=first.weight.dtype)
    training = model.training
    model.eval()
    outputs: list[torch.Tensor] = []
    result = []
    with torch.no_grad():
        for index, module in enumerate(layers):
            sources = [module.f] if isinstance(module.f, int) else list(module.f)
            inputs = tuple(source if source >= 0 else index + source for source in sources)
            last = index == len(layers) - 1
            part = "head" if last else "backbone" if index < backbone else "neck"
            if last:  # decoding would leave its anchors in the head
                result.append(Node(index, module, part, inputs, 0, 0))
                break
            read = [picture if source == IMAGE else outputs[source] for source in inputs]
            output = module(read[0] if isinstance(module.f, int) else read)
            outputs.append(output)
            stride, width = (PROBE // output.shape[-1], output.shape[1]) if isinstance(output, torch.Tensor) else (0, 0)
            result.append(Node(index, module, part, inputs, stride, width))
    model.train(training)
    return tuple(result)


def origins(
    source: tuple[Node, ...], target: tuple[Node, ...], matched: Mapping[int, int], gives: Mapping[int, Map]
) -> tuple[dict[int, list[Origin]], dict[int, list[Origin | None]]]:
    """For each layer of both networks, which channel of the source each output channel is or stands for.

    A layer without parameters hands on the origins of what it reads. So does a layer without a partner whose output is
    as wide as its input: where one network has attention and the other nothing, the channels keep their places.
    The picture is layer IMAGE.
    """
    ours: dict[int, list[Origin]] = {IMAGE: [(IMAGE, channel) for channel in range(_colours(source))]}
    theirs: dict[int, list[Origin | None]] = {IMAGE: [(IMAGE, channel) for channel in range(_colours(target))]}
    partners = set(matched.values())
    for node in source:
        read = [channel for i in node.inputs for channel in ours[i]]
        through = _hands_on(node) or (node.index not in partners and len(read) == node.width)
        ours[node.index] = read if through else [(node.index, channel) for channel in range(node.width)]
    for node in target:
        got = [channel for i in node.inputs for channel in theirs[i]]
        if node.index in matched:
            partner = matched[node.index]
            got = [(partner, channel) if channel >= 0 else None for channel in gives[node.index].tolist()]
        elif not (_hands_on(node) or len(got) == node.width):
            got = [None] * node.width
        theirs[node.index] = got
    return ours, theirs


def read_channels(
    source: Mapping[int, list[Origin]],
    target: Mapping[int, list[Origin | None]],
    old: tuple[int, ...],
    new: tuple[int, ...],
) -> Map:
    """Which channel of what the source layers `old` put out, one behind the other, each channel of `new` is."""
    positions: dict[Origin, int] = {}
    for position, origin in enumerate(origin for i in old for origin in source[i]):
        positions.setdefault(origin, position)
    read = [origin for i in new for origin in target[i]]
    return torch.tensor([-1 if origin is None else positions.get(origin, -1) for origin in read], dtype=torch.long)


def _hands_on(node: Node) -> bool:
    """Whether the layer puts out the channels that it reads, one behind the other."""
    return node.parameters == 0


def _colours(network: tuple[Node, ...]) -> int:
    """Channels of the picture: what the first convolution reads."""
    modules = (module for node in network for module in node.module.modules())
    return next(int(module.in_channels) for module in modules if isinstance(module, torch.nn.Conv2d))
