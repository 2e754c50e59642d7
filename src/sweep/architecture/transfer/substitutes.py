"""Stand-ins for blocks that the target does not have: approximations, made from the checkpoint alone."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from ultralytics.nn.modules.block import C3, Bottleneck

from sweep.architecture.transfer.channels import Ledger, Map, best
from sweep.architecture.transfer.parts import Stage, is_residual
from sweep.architecture.transfer.units import Unit, after, attention_of, carry_unit, spread, stacked, straight


def carry_as_bottleneck(ledger: Ledger, source: C3, target: Bottleneck, channels: Map) -> None:
    """Carry a C3k into the part of a Bottleneck that is added: cv3(cv1 x, cv2 x).

    The chain of blocks behind cv1 is taken for the identity. Both branches fit into the Bottleneck's hidden channels
    side by side; its 3×3 kernels get them as their middle.
    """
    first, second = Unit.of(source.cv1), Unit.of(source.cv2)
    sway = attention_of(source.cv3) * torch.cat([spread(source.cv1), spread(source.cv2)])
    hidden = best(target.cv1.conv.out_channels, sway)
    carry_unit(ledger, stacked([first, second]), target.cv1, channels, hidden)
    carry_unit(ledger, Unit.of(source.cv3), target.cv2, hidden, channels)


def as_convolution(stage: Stage) -> Unit:
    """A 1×1 convolution in the place of a whole stage, its activations straightened and what blocks add left out."""
    weight, bias = straight(Unit.of(stage.cv1), stage.cv1.act)
    pieces = zip(weight[:, :, 0, 0].split(stage.width), bias.split(stage.width), strict=True)
    parts = dict(zip(stage.split, pieces, strict=True))
    latest = parts["b"]
    for k, block in enumerate(stage.blocks):
        latest = _through(block, *latest)
        parts[f"m{k}"] = latest
    weights, biases = zip(*(parts[piece] for piece in stage.pieces), strict=True)
    return after(Unit.of(stage.cv2), torch.cat(weights)[:, :, None, None], torch.cat(biases))


def _through(block: nn.Module, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
    """An affine map of one pixel, (out, in) and (out,), followed by a block of a stage."""
    if isinstance(block, C3):
        branches = [straight(Unit.of(unit), unit.act) for unit in (block.cv1, block.cv2)]
        last, constant = straight(Unit.of(block.cv3), block.cv3.act)
        inner = torch.cat([w[:, :, 0, 0] @ weight for w, _ in branches])
        offset = torch.cat([w[:, :, 0, 0] @ bias + b for w, b in branches])
        return last[:, :, 0, 0] @ inner, last[:, :, 0, 0] @ offset + constant
    keeps = float(is_residual(block))
    return keeps * weight, keeps * bias
