"""Carry one layer into another along the maps of its channels: the same block, or one that can stand for it."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn
from ultralytics.nn.modules.block import C3, SPPF, Bottleneck
from ultralytics.nn.modules.conv import Conv

from sweep.architecture.transfer.channels import COPIED, Ledger, Map, best, joined, prefix
from sweep.architecture.transfer.units import Unit, attention_of, carry_unit, spread


def carry(ledger: Ledger, source: nn.Module, target: nn.Module, reads: Map, gives: Map) -> bool:
    """Carry a module along the maps of its input and output channels.

    Returns:
        Whether the target computes exactly what the source does, given the same inputs and the same activation.
    """
    if isinstance(source, Conv) and isinstance(target, Conv):
        unit = Unit.of(source)
        return carry_unit(ledger, unit, target, reads, reads if unit.depthwise else gives)
    if isinstance(source, Bottleneck) and isinstance(target, Bottleneck):
        exact = carry_pair(ledger, source.cv1, source.cv2, target, reads, gives)
        return exact and source.add == target.add
    if isinstance(source, C3) and isinstance(target, C3):
        return _carry_c3(ledger, source, target, reads, gives)
    if isinstance(source, SPPF) and isinstance(target, SPPF):
        return _carry_sppf(ledger, source, target, reads, gives)
    if type(source) is not type(target):
        return False
    in_place = all(torch.equal(channels, prefix(len(channels), len(channels))) for channels in (reads, gives))
    return _carry_tensors(ledger, source, target) and in_place


def carry_pair(ledger: Ledger, first: nn.Module, second: nn.Module, target: Bottleneck, reads: Map, gives: Map) -> bool:
    """Carry two convolutions into those of a Bottleneck. Where it is wider inside, the function stays the same."""
    hidden = best(_width(target.cv1), spread(first) * attention_of(second))
    return _all([carry(ledger, first, target.cv1, reads, hidden), carry(ledger, second, target.cv2, hidden, gives)])


def _carry_c3(ledger: Ledger, source: C3, target: C3, reads: Map, gives: Map) -> bool:
    """C3 and C3k: two 1×1 convolutions side by side, a chain of Bottlenecks behind the first, one over both."""
    hidden = prefix(_width(target.cv1), _width(source.cv1))
    both = joined([(hidden, 0), (hidden, _width(source.cv1))])
    exact = [
        carry(ledger, source.cv1, target.cv1, reads, hidden),
        carry(ledger, source.cv2, target.cv2, reads, hidden),
        carry(ledger, source.cv3, target.cv3, both, gives),
        len(source.m) == len(target.m),
    ]
    exact += [carry(ledger, s, t, hidden, hidden) for s, t in zip(source.m, target.m, strict=False)]
    return all(exact)


def _carry_sppf(ledger: Ledger, source: SPPF, target: SPPF, reads: Map, gives: Map) -> bool:
    """SPPF: its pooled copies lie one behind the other, each as wide as the first convolution's output."""
    width = _width(source.cv1)
    copies = min(source.cv2.conv.in_channels // width, target.cv2.conv.in_channels // _width(target.cv1))
    hidden = prefix(_width(target.cv1), width)
    pooled = joined([(hidden, copy * width) for copy in range(copies)])
    new = target.cv2.conv.in_channels - len(pooled)
    pooled = torch.cat([pooled, torch.full((new,), -1)])
    return _all(
        [
            carry(ledger, source.cv1, target.cv1, reads, hidden),
            carry(ledger, source.cv2, target.cv2, pooled, gives),
            getattr(source, "add", False) == getattr(target, "add", False),
        ]
    )


def _carry_tensors(ledger: Ledger, source: nn.Module, target: nn.Module) -> bool:
    """Tensor by tensor, the part that both have: for blocks whose inside is not known here, such as attention."""
    old, new = source.state_dict(keep_vars=True), target.state_dict(keep_vars=True)
    exact: bool = old.keys() == new.keys()
    for name in old.keys() & new.keys():
        if old[name].dim() != new[name].dim():
            exact = False
        elif old[name].dim() == 0:
            new[name].data.copy_(old[name])  # num_batches_tracked
        else:
            part = tuple(slice(0, min(a, b)) for a, b in zip(old[name].shape, new[name].shape, strict=True))
            ledger.put(new[name], part, old[name].detach()[part], COPIED)
            exact = exact and bool(old[name].shape == new[name].shape)
    return exact


def _width(module: nn.Module) -> int:
    return Unit.of(module).outputs


def _all(results: Iterable[bool]) -> bool:
    """Whether all are true; unlike a chain of `and`, nothing is skipped."""
    return all(list(results))
