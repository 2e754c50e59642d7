"""Maps from the channels of a target tensor to those of its source, and the writing of values along them."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import torch
from torch import Tensor

if TYPE_CHECKING:
    from torch.nn import Module

Map: TypeAlias = Tensor
"""int64 (channels of the target,): the source channel that each one is, or -1 for a new one."""

FRESH, COPIED, COMPOSED, ZEROED = range(4)
"""What a parameter holds: its random start, a value of the source, one computed from several, a zero set on purpose."""


def prefix(target: int, source: int) -> Map:
    """The first channels are the old ones, all others new."""
    channels = torch.arange(target)
    return torch.where(channels < source, channels, -1)


def best(target: int, weight: Tensor) -> Map:
    """Where the target is narrower, the source channels of the largest weight (source channels,), in their order."""
    source = len(weight)
    if target >= source:
        return prefix(target, source)
    return weight.topk(target).indices.sort().values


def joined(parts: list[tuple[Map, int]]) -> Map:
    """Maps of pieces that lie one behind the other, each with the place at which its piece begins in the source."""
    return torch.cat([torch.where(part >= 0, part + begin, part) for part, begin in parts])


def split(channels: Map) -> tuple[Tensor, Tensor, Tensor]:
    """Target channels that are mapped, their source channels, and target channels that are new."""
    mapped = (channels >= 0).nonzero().flatten()
    return mapped, channels[mapped], (channels < 0).nonzero().flatten()


def covers(channels: Map, source: int) -> bool:
    """Whether every source channel is there."""
    return len(set(channels.tolist()) - {-1}) == source


class Ledger:
    """Writes values into a model and keeps book of what each single parameter holds."""

    def __init__(self, model: Module) -> None:
        self._marks = {
            id(parameter): torch.zeros(parameter.shape, dtype=torch.uint8) for parameter in model.parameters()
        }

    def put(self, tensor: Tensor, index: tuple[Tensor | slice, ...], value: Tensor | float, mark: Tensor | int) -> None:
        """Set `tensor[index]`, of a parameter or a buffer, and note what kind of value that is."""
        with torch.no_grad():
            tensor[index] = value.to(tensor) if isinstance(value, torch.Tensor) else value
        marks = self._marks.get(id(tensor))
        if marks is not None:
            marks[index] = mark.to(marks) if isinstance(mark, torch.Tensor) else mark

    def count(self, module: Module) -> tuple[int, ...]:
        """How many parameters of a module hold each kind of value, in the order FRESH, COPIED, COMPOSED, ZEROED."""
        marks = [self._marks[id(parameter)].flatten() for parameter in module.parameters()]
        counts = torch.bincount(torch.cat(marks), minlength=4) if marks else torch.zeros(4, dtype=torch.long)
        return tuple(counts.tolist())
