"""A convolution with its normalisation as a value: what is copied along channel maps, and what can be composed."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn

from sweep.architecture.transfer.channels import COMPOSED, COPIED, ZEROED, Ledger, Map, covers, split

NORM = ("weight", "bias", "running_mean", "running_var")
POINTS = 64
"""Nodes of the Gauss-Hermite quadrature: exact to float32 for all activations that can be chosen."""


@dataclass(frozen=True)
class Unit:
    """A convolution without or with batch normalisation.

    Attributes:
        weight: (out, in / groups, height, width).
        bias: (out,) or None.
        norm: `weight`, `bias`, `running_mean` and `running_var` of the normalisation, (out,) each, or None.
        depthwise: every channel for itself: weight (out, 1, height, width).
        mark: what the weights are: COPIED or COMPOSED; int64 (in,) where that differs from input to input.
        eps: of the normalisation.
        stride: of the convolution.
        batches: how many the normalisation has seen.
    """

    weight: Tensor
    bias: Tensor | None
    norm: dict[str, Tensor] | None
    depthwise: bool = False
    mark: Tensor | int = COPIED
    eps: float = 1e-3
    stride: tuple[int, ...] = (1, 1)
    batches: Tensor | None = None

    @classmethod
    def of(cls, module: nn.Module) -> Unit:
        """Read an Ultralytics `Conv` or a plain `Conv2d`."""
        conv = module if isinstance(module, nn.Conv2d) else module.conv
        assert isinstance(conv, nn.Conv2d)
        bn = getattr(module, "bn", None)
        norm = {name: getattr(bn, name).detach() for name in NORM} if bn is not None else None
        return cls(
            conv.weight.detach(),
            None if conv.bias is None else conv.bias.detach(),
            norm,
            depthwise=conv.groups > 1 and conv.groups == conv.in_channels == conv.out_channels,
            eps=bn.eps if bn is not None else 1e-3,
            stride=conv.stride,
            batches=bn.num_batches_tracked if bn is not None else None,
        )

    @property
    def outputs(self) -> int:
        """Output channels."""
        return int(self.weight.shape[0])

    @property
    def inputs(self) -> int:
        """Input channels."""
        return int(self.weight.shape[0 if self.depthwise else 1])


def carry_unit(ledger: Ledger, source: Unit, target: nn.Module, reads: Map, gives: Map) -> bool:
    """Write a unit into an Ultralytics `Conv` or a `Conv2d`, along the maps of its input and output channels.

    A new output channel keeps its random start. A new input channel gets weight zero, so that an old output channel
    stays what it was; it still receives gradient, because its input is not zero.

    Returns:
        Whether the old channels compute exactly what they did in the source, given the same inputs.
    """
    conv = target if isinstance(target, nn.Conv2d) else target.conv
    assert isinstance(conv, nn.Conv2d)
    depthwise = conv.groups > 1 and conv.groups == conv.in_channels == conv.out_channels
    if depthwise != source.depthwise or (conv.groups > 1 and not depthwise):
        return False
    bn = getattr(target, "bn", None)
    if (bn is None) != (source.norm is None):
        return False
    if len(reads) != conv.in_channels or len(gives) != conv.out_channels:
        return False  # a layer whose inputs are not understood
    rows, old_rows, _ = split(gives)
    columns, old_columns, new_columns = split(reads)
    if not len(rows) or not len(columns):
        return False
    if depthwise:
        exact = _put_kernel(ledger, conv.weight, (rows,), source.weight[old_rows], COPIED)
        exact = exact and torch.equal(reads, gives)
    else:
        index = (rows[:, None], columns[None])
        mark = source.mark if isinstance(source.mark, int) else source.mark[old_columns][None, :, None, None]
        exact = _put_kernel(ledger, conv.weight, index, source.weight[old_rows][:, old_columns], mark)
        if len(new_columns):
            ledger.put(conv.weight, (rows[:, None], new_columns[None]), 0.0, ZEROED)
    if bn is not None and source.norm is not None:
        for name in NORM:
            ledger.put(getattr(bn, name), (rows,), source.norm[name][old_rows], COPIED)
        if source.batches is not None:
            bn.num_batches_tracked.copy_(source.batches)
        exact = exact and bn.eps == source.eps
    if conv.bias is not None and source.bias is not None:
        ledger.put(conv.bias, (rows,), source.bias[old_rows], COPIED)
    same_step = tuple(conv.stride) == tuple(source.stride)
    return exact and same_step and covers(reads, source.inputs) and covers(gives, source.outputs)


def _put_kernel(ledger: Ledger, weight: Tensor, index: tuple[Tensor, ...], value: Tensor, mark: Tensor | int) -> bool:
    """Write kernels, a smaller one into the middle of a larger one and the middle of a larger one into a smaller one.

    Returns:
        Whether nothing of the source's kernels was lost.
    """
    old, new = value.shape[-2:], weight.shape[-2:]
    if old == new:
        ledger.put(weight, index, value, mark)
        return True
    if any((a - b) % 2 for a, b in zip(old, new, strict=True)):
        return False  # no middle in common
    inner = tuple(min(a, b) for a, b in zip(old, new, strict=True))
    cut = tuple(slice((a - i) // 2, (a + i) // 2) for a, i in zip(old, inner, strict=True))
    place = tuple(slice((b - i) // 2, (b + i) // 2) for b, i in zip(new, inner, strict=True))
    if inner != tuple(new):
        ledger.put(weight, index, 0.0, ZEROED)
    ledger.put(weight, (*index, *place), value[..., cut[0], cut[1]], mark)
    return inner == tuple(old)


def statistics(unit: Unit, act: nn.Module) -> tuple[Tensor, Tensor, Tensor]:
    """Mean, standard deviation and covariance with z of act(y) for normal y = bias + weight z, all (out,).

    `bias` and `weight` are those of the batch normalisation, which says how its output y is distributed.
    """
    assert unit.norm is not None
    z, p = (torch.tensor(values, dtype=torch.float32) for values in np.polynomial.hermite_e.hermegauss(POINTS))
    p = p / p.sum()
    with torch.no_grad():
        value = act(unit.norm["bias"].float()[:, None] + unit.norm["weight"].float()[:, None] * z)
    mean = (value * p).sum(1)
    return mean, (((value - mean[:, None]) ** 2) * p).sum(1).sqrt(), (value * z * p).sum(1)


def spread(module: nn.Module) -> Tensor:
    """Standard deviation of each output channel of an Ultralytics `Conv` (out,), as its normalisation says."""
    assert isinstance(module.act, nn.Module)
    return statistics(Unit.of(module), module.act)[1]


def attention_of(reader: nn.Module) -> Tensor:
    """How strongly a convolution, or a depthwise and a 1×1 one, reads each of its input channels (in,): a norm."""
    if isinstance(reader, nn.Sequential):
        return attention_of(reader[0]) * attention_of(reader[1])
    unit = Unit.of(reader)
    squares = unit.weight.square()
    return (squares.sum((1, 2, 3)) if unit.depthwise else squares.sum((0, 2, 3))).sqrt()


def straight(unit: Unit, act: nn.Module) -> tuple[Tensor, Tensor]:
    """A unit and its activation as an affine map: weight and bias.

    Of all affine maps of a normal y = m + s z, the one closest to act(y) in the mean square is
    E[act(y)] + E[act(y) z] / s (y - m) (Bussgang, 1952).

    Returns:
        Weight in the shape of the unit's, and bias (out,).
    """
    assert unit.norm is not None
    centre, _, slope_times_spread = statistics(unit, act)
    scale = slope_times_spread / torch.sqrt(unit.norm["running_var"].float() + unit.eps)
    bias = centre - scale * unit.norm["running_mean"].float()
    return unit.weight * scale[:, None, None, None], bias


def after(unit: Unit, weight: Tensor, bias: Tensor, depthwise: bool = False) -> Unit:
    """The unit that does at once what an affine map and then `unit` do. One of the two has 1×1 kernels.

    The constant goes into the running mean, because an Ultralytics `Conv` has no bias.

    Args:
        unit: not depthwise.
        weight: (in of the unit, in, height, width), or (in of the unit, 1, height, width) where depthwise.
        bias: (in of the unit,).
        depthwise: the affine map is.
    """
    assert unit.norm is not None
    if depthwise:
        product = torch.einsum("oi,ihw->oihw", unit.weight[:, :, 0, 0], weight[:, 0])
    elif unit.weight.shape[-1] == 1:
        product = torch.einsum("oi,ichw->ochw", unit.weight[:, :, 0, 0], weight)
    else:
        product = torch.einsum("oihw,ic->ochw", unit.weight, weight[:, :, 0, 0])
    constant = torch.einsum("oihw,i->o", unit.weight, bias)
    norm = unit.norm | {"running_mean": unit.norm["running_mean"] - constant}
    return replace(unit, weight=product, norm=norm, mark=COMPOSED)


def stacked(units: list[Unit]) -> Unit:
    """Units that read the same, one behind the other in their outputs."""
    norm = {name: torch.cat([u.norm[name] for u in units if u.norm]) for name in NORM}
    return replace(units[0], weight=torch.cat([u.weight for u in units]), norm=norm)
