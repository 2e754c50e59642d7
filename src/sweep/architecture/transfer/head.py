"""Carry a Detect head: boxes bin by bin, classes by name, depthwise branches into dense ones."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import torch
from torch import nn
from ultralytics.nn.modules.head import Detect

from sweep.architecture.transfer.blocks import carry
from sweep.architecture.transfer.channels import COPIED, Ledger, Map, best, prefix
from sweep.architecture.transfer.units import Unit, after, attention_of, carry_unit, spread, straight

SIDES = 4


def carry_head(
    ledger: Ledger, source: Detect, target: Detect, scales: Sequence[tuple[int, int, Map]], classes: Map
) -> bool:
    """Carry a Detect head.

    Args:
        ledger: of the target's model.
        source: the source's head.
        target: the target's head.
        scales: for each input of the target that has a partner: its position, the partner's, and the map of its
            channels.
        classes: which of the source's classes each of the target's is, or -1.

    Returns:
        Whether the target computes exactly what the source does, given the same inputs and the same activation.
    """
    exact = [len(scales) == target.nl == source.nl]
    for ours in ("cv2", "cv3", "one2one_cv2", "one2one_cv3"):
        theirs = ours if getattr(source, ours, None) is not None else ours.removeprefix("one2one_")
        old, new = getattr(source, theirs, None), getattr(target, ours, None)
        if new is None or old is None:
            exact.append(new is None and getattr(source, ours, None) is None)
            continue
        gives = classes if ours.endswith("cv3") else _bins(target.reg_max, source.reg_max)
        exact += [_carry_branch(ledger, old[partner], new[at], reads, gives) for at, partner, reads in scales]
    if isinstance(target.dfl, nn.Module) and source.reg_max == target.reg_max:
        for mine, other in zip(target.dfl.parameters(), source.dfl.parameters(), strict=True):
            ledger.put(mine, (slice(None),), other.detach(), COPIED)
    return all(exact)


def class_map(source: Mapping[int, str], target: Mapping[int, str]) -> Map:
    """Which class of the source each class of the target is.

    By name, without regard to case, spaces and signs (`speed_limit` is `Speed limit`). Where both have as many classes
    and no name in common, by position: then the names are likely placeholders, or a translation.
    """
    known = {_plain(name): index for index, name in source.items()}
    found = [known.get(_plain(name), -1) for _, name in sorted(target.items())]
    if max(found, default=-1) < 0 and len(source) == len(target):
        found = list(range(len(found)))
    return torch.tensor(found, dtype=torch.long)


def _plain(name: object) -> str:
    return re.sub(r"[\W_]+", "", str(name)).lower()


def _bins(target: int, source: int) -> Map:
    """The box branch's outputs: for each of the four sides its bins, of which the first are kept.

    Bin k stands for a distance of k strides. One bin alone is no distribution but the distance itself, and cannot
    be had from bins, nor bins from it.
    """
    if target != source and 1 in (target, source):
        return torch.full((SIDES * target,), -1)
    side = prefix(target, source)
    return torch.cat([torch.where(side >= 0, side + k * source, side) for k in range(SIDES)])


def _carry_branch(ledger: Ledger, source: nn.Sequential, target: nn.Sequential, reads: Map, gives: Map) -> bool:
    """Two units and a plain convolution; in the class branch a unit can be a depthwise and a 1×1 one."""
    exact = []
    for position in range(len(target) - 1):
        old, new = source[position], target[position]
        hidden = best(_outputs(new), spread(_last(old)) * attention_of(source[position + 1]))
        if isinstance(old, nn.Sequential) == isinstance(new, nn.Sequential):
            exact.append(_carry_step(ledger, old, new, reads, hidden))
        elif isinstance(old, nn.Sequential):
            depth, point = Unit.of(old[0]), Unit.of(old[1])
            weight, bias = straight(depth, old[0].act)
            carry_unit(ledger, after(point, weight, bias, depthwise=True), new, reads, hidden)
            exact.append(False)
        else:
            exact.append(False)
        reads = hidden
    exact.append(carry_unit(ledger, Unit.of(source[-1]), target[-1], reads, gives))
    return all(exact)


def _carry_step(ledger: Ledger, source: nn.Module, target: nn.Module, reads: Map, gives: Map) -> bool:
    if isinstance(source, nn.Sequential) and isinstance(target, nn.Sequential):
        first = carry(ledger, source[0], target[0], reads, reads)
        return carry(ledger, source[1], target[1], reads, gives) and first
    return carry(ledger, source, target, reads, gives)


def _outputs(module: nn.Module) -> int:
    return Unit.of(_last(module)).outputs


def _last(module: nn.Module) -> nn.Module:
    return module[-1] if isinstance(module, nn.Sequential) else module
