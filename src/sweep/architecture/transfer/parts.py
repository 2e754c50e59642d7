"""What a stage of a cross-stage-partial network consists of."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn
from ultralytics.nn.modules.block import C2PSA, A2C2f, ABlock, Bottleneck, C2f, PSABlock


@dataclass(frozen=True)
class Stage:
    """A stage: `cv1` puts out the `split` pieces, a chain of `blocks` starts at piece `b`, `cv2` reads all `pieces`.

    Piece `m0` is the output of the first block, and so on.
    """

    cv1: nn.Module
    cv2: nn.Module
    blocks: tuple[nn.Module, ...]
    width: int
    split: tuple[str, ...]
    pieces: tuple[str, ...]


def stage_of(module: nn.Module) -> Stage | None:
    """The parts of a stage, or None for any other module."""
    if not isinstance(module, C2f | C2PSA | A2C2f):
        return None
    blocks = tuple(module.m)
    chain = tuple(f"m{k}" for k in range(len(blocks)))
    if isinstance(module, A2C2f):
        return Stage(module.cv1, module.cv2, blocks, module.cv1.conv.out_channels, ("b",), ("b", *chain))
    pieces = ("a", *chain[-1:]) if isinstance(module, C2PSA) else ("a", "b", *chain)
    if module.cv2.conv.in_channels != len(pieces) * module.c:
        return None  # a kind with pieces of its own, such as C2fAttn
    return Stage(module.cv1, module.cv2, blocks, module.c, ("a", "b"), pieces)


def is_residual(block: nn.Module) -> bool:
    """Whether a block adds to its input, so that leaving out what it adds is the nearest simpler thing."""
    if isinstance(block, nn.Sequential):
        return all(is_residual(part) for part in block)
    return isinstance(block, ABlock) or (isinstance(block, PSABlock | Bottleneck) and block.add)
