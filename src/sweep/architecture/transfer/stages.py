"""Carry a stage of a cross-stage-partial network (C2f and its kin) into another kind of such stage."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn
from ultralytics.nn.modules.block import C3, Bottleneck

from sweep.architecture.transfer.blocks import carry, carry_pair
from sweep.architecture.transfer.channels import COMPOSED, COPIED, Ledger, Map, best, joined, prefix
from sweep.architecture.transfer.parts import Stage, is_residual, stage_of
from sweep.architecture.transfer.substitutes import carry_as_bottleneck
from sweep.architecture.transfer.units import Unit, attention_of, carry_unit, spread

SAME, IDENTITY, PLUS_INPUT, NEW = "same", "identity", "plus input", "new"
"""How an inner block of the target relates to that of the source: the same function or nearly; fresh in the place of a
residual block that is taken for the identity; the same but for the input that it adds; fresh."""


def carry_stage(ledger: Ledger, source: nn.Module, target: nn.Module, reads: Map, gives: Map) -> bool:
    """Carry a stage into a stage of another kind, width or depth.

    Pieces are matched by name, channels inside a piece by position, so that both halves of `cv1` lose or gain channels
    alike. What the target's blocks cannot do is made up for in `cv2` where that is linear.

    Returns:
        Whether the target computes exactly what the source does, given the same inputs and the same activation.
    """
    old, new = stage_of(source), stage_of(target)
    assert old is not None and new is not None
    channels, side = _channels(old, new.width)
    begins = {piece: position * old.width for position, piece in enumerate(old.split)}
    rows = joined([_piece(side if piece == "a" else channels, begins, piece) for piece in new.split])
    exact = [carry(ledger, old.cv1, new.cv1, reads, rows)]
    relations = []
    for k, (inner, outer) in enumerate(zip(old.blocks, new.blocks, strict=False)):
        relation, same = _carry_block(ledger, inner, outer, channels, last=k == len(old.blocks) - 1)
        relations.append(relation)
        exact.append(same)
    relations += [IDENTITY if is_residual(block) else NEW for block in old.blocks[len(relations) :]]
    columns, computed = _columns(Unit.of(old.cv2).weight, old, relations)
    for k in range(len(new.blocks), len(old.blocks)):  # blocks that the target has no room for
        columns.pop(f"m{k}", None)
    if "b" not in new.pieces and "b" in columns:  # C2PSA reads no `b`
        last = new.pieces[-1]
        columns[last] = columns.pop("b") + columns.get(last, 0)
        computed.add(last)
    begins = {piece: position * old.width for position, piece in enumerate(columns)}
    marks = [torch.full((old.width,), COMPOSED if piece in computed else COPIED) for piece in columns]
    unit = replace(Unit.of(old.cv2), weight=torch.cat(list(columns.values()), 1), mark=torch.cat(marks))
    pieces = joined([_piece(side if piece == "a" else channels, begins, piece) for piece in new.pieces])
    exact.append(carry_unit(ledger, unit, new.cv2, pieces, gives))
    exact.append(len(old.blocks) == len(new.blocks))
    gamma, new_gamma = getattr(source, "gamma", None), getattr(target, "gamma", None)
    if isinstance(gamma, Tensor) and isinstance(new_gamma, Tensor):
        both = min(len(gamma), len(new_gamma))
        ledger.put(new_gamma, (slice(0, both),), gamma.detach()[:both], COPIED)
    exact.append((gamma is None) == (new_gamma is None))
    return all(exact)


def _channels(stage: Stage, width: int) -> tuple[Map, Map]:
    """Which channels of the chain, and which of piece `a`, a stage of another width has.

    A narrower one gets those that matter most to `cv2`: by their standard deviation and the norm of their column.
    Channels of attention keep their order, because heads are blocks of neighbours.
    """
    if width >= stage.width or not all(isinstance(block, Bottleneck | C3) for block in stage.blocks):
        return prefix(width, stage.width), prefix(width, stage.width)
    norms = dict(zip(stage.pieces, attention_of(stage.cv2).split(stage.width), strict=True))
    spreads = dict(zip(stage.split, spread(stage.cv1).split(stage.width), strict=True))
    for k, block in enumerate(stage.blocks):
        spreads[f"m{k}"] = spread(block.cv3 if isinstance(block, C3) else block.cv2)
    sway = {piece: spreads[piece] * norms[piece] for piece in stage.pieces}
    side = sway.pop("a", torch.zeros(stage.width))
    return best(width, torch.stack(list(sway.values())).norm(dim=0)), best(width, side)


def _carry_block(
    ledger: Ledger, source: nn.Module, target: nn.Module, channels: Map, *, last: bool
) -> tuple[str, bool]:
    """Carry an inner block. Returns how the target's relates to the source's, and whether that is exact."""
    if isinstance(target, Bottleneck):
        if isinstance(source, nn.Sequential) and isinstance(source[0], Bottleneck):  # C3k2 with attention
            relation, _ = _carry_block(ledger, source[0], target, channels, last=last)
            return relation, False
        if isinstance(source, Bottleneck):
            exact = carry_pair(ledger, source.cv1, source.cv2, target, channels, channels)
            plus = last and target.add and not source.add
            return (PLUS_INPUT if plus else SAME), exact and (plus or source.add == target.add)
        if isinstance(source, C3):
            carry_as_bottleneck(ledger, source, target, channels)
            return (PLUS_INPUT if target.add and last else SAME), False
    if _alike(source, target):
        return SAME, carry(ledger, source, target, channels, channels)
    return (IDENTITY if is_residual(source) else NEW), False


def _alike(source: nn.Module, target: nn.Module) -> bool:
    """Whether two inner blocks are of one kind."""
    if isinstance(source, nn.Sequential) and isinstance(target, nn.Sequential):
        return [type(part) for part in source] == [type(part) for part in target]
    return type(source) is type(target)


def _columns(weight: Tensor, stage: Stage, relations: list[str]) -> tuple[dict[str, Tensor], set[str]]:
    """The columns of `cv2` by piece, rewritten for the target's blocks; a piece that is not in it shall get zeros.

    Where the source has y = W_b b + W_m m(b) and the target's block gives m'(b):
    m = identity: y = (W_b + W_m) b, and m' starts without a say.
    m'(b) = b + m(b): y = (W_b - W_m) b + W_m m'(b).

    Returns:
        The columns, and the pieces whose columns were computed from several.
    """
    columns = dict(zip(stage.pieces, weight.split(stage.width, dim=1), strict=True))
    computed = set()
    for k in range(len(relations) - 1, -1, -1):
        piece, before = f"m{k}", f"m{k - 1}" if k else "b"
        if piece not in columns or relations[k] == SAME:
            continue
        own = columns[piece]
        if relations[k] != PLUS_INPUT:
            del columns[piece]
        if relations[k] != NEW:
            if before in columns:
                computed.add(before)
            sign = 1 if relations[k] == IDENTITY else -1
            columns[before] = columns[before] + sign * own if before in columns else sign * own
    return columns, computed


def _piece(channels: Map, begins: dict[str, int], piece: str) -> tuple[Map, int]:
    return (channels, begins[piece]) if piece in begins else (torch.full_like(channels, -1), 0)
