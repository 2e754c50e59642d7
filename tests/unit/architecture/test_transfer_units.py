"""The arithmetic of a transfer: maps of channels, composed convolutions, activations taken for a straight line."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from sweep.architecture.transfer.channels import COPIED, ZEROED, Ledger, best, joined, prefix
from sweep.architecture.transfer.head import class_map
from sweep.architecture.transfer.units import NORM, Unit, after, carry_unit, statistics, straight


def unit(outputs: int, inputs: int, kernel: int, seed: int, *, depthwise: bool = False) -> Unit:
    draw = torch.Generator().manual_seed(seed)
    norm = {name: torch.randn(outputs, generator=draw) for name in NORM}
    norm["running_var"] = norm["running_var"].abs() + 0.5
    weight = torch.randn(outputs, 1 if depthwise else inputs, kernel, kernel, generator=draw)
    return Unit(weight, None, norm, depthwise=depthwise)


def apply(u: Unit, x: torch.Tensor) -> torch.Tensor:
    assert u.norm is not None
    y = nn.functional.conv2d(x, u.weight, padding=u.weight.shape[-1] // 2, groups=u.outputs if u.depthwise else 1)
    mean, var, gamma, beta = u.norm["running_mean"], u.norm["running_var"], u.norm["weight"], u.norm["bias"]
    return nn.functional.batch_norm(y, mean, var, gamma, beta, eps=u.eps)


def test_maps() -> None:
    assert prefix(4, 2).tolist() == [0, 1, -1, -1]
    assert best(2, torch.tensor([1.0, 3.0, 2.0])).tolist() == [1, 2]
    assert best(4, torch.tensor([1.0, 3.0])).tolist() == [0, 1, -1, -1]
    assert joined([(prefix(3, 2), 0), (prefix(3, 2), 2)]).tolist() == [0, 1, -1, 2, 3, -1]


@pytest.mark.parametrize("mean", [-1.5, 0.0, 0.7])
def test_relu_of_a_normal_has_the_known_moments(mean: float) -> None:
    """For y ~ N(m, 1): E[relu y] = m Phi(m) + phi(m), and E[relu' y] = Phi(m)."""
    norm = dict(zip(NORM, torch.tensor([[1.0], [mean], [0.0], [1.0]]), strict=True))
    got_mean, _, slope = statistics(Unit(torch.ones(1, 1, 1, 1), None, norm), nn.ReLU())
    cumulative = 0.5 * (1 + math.erf(mean / math.sqrt(2)))
    density = math.exp(-mean * mean / 2) / math.sqrt(2 * math.pi)
    assert got_mean.item() == pytest.approx(mean * cumulative + density, abs=0.02)
    assert slope.item() == pytest.approx(cumulative, abs=0.02)


@pytest.mark.parametrize(("first", "second", "depthwise"), [(3, 1, False), (1, 3, False), (3, 1, True)])
def test_two_convolutions_without_activation_are_one(first: int, second: int, depthwise: bool) -> None:
    inner, outer = unit(5, 5, first, 1, depthwise=depthwise), unit(4, 5, second, 2)
    both = after(outer, *straight(inner, nn.Identity()), depthwise=depthwise)
    x = torch.randn(1, 5, 9, 9, generator=torch.Generator().manual_seed(3))
    middle = (..., slice(2, -2), slice(2, -2))  # at the border the constant of the first meets zero padding
    assert torch.allclose(apply(outer, apply(inner, x))[middle], apply(both, x)[middle], atol=1e-4)


def test_a_new_input_is_zeroed_and_a_new_output_stays_random() -> None:
    target = nn.Conv2d(4, 3, 1)
    start = target.weight.detach().clone()
    ledger = Ledger(target)
    source = Unit(torch.ones(2, 2, 1, 1), torch.zeros(2), None)
    assert carry_unit(ledger, source, target, prefix(4, 2), prefix(3, 2))
    assert target.weight[:2, :2].eq(1).all()
    assert target.weight[:2, 2:].eq(0).all()
    assert torch.equal(target.weight[2], start[2])
    counts = ledger.count(target)
    assert (counts[COPIED], counts[ZEROED], sum(counts)) == (6, 4, 15)


def test_a_small_kernel_is_the_middle_of_a_large_one() -> None:
    source, target = unit(2, 2, 1, 1), nn.Conv2d(2, 2, 3, padding=1, bias=False)
    source = Unit(source.weight, None, None)
    assert carry_unit(Ledger(target), source, target, prefix(2, 2), prefix(2, 2))
    x = torch.randn(1, 2, 5, 5)
    assert torch.allclose(target(x), nn.functional.conv2d(x, source.weight), atol=1e-6)


def test_a_large_kernel_that_loses_its_border_is_not_exact() -> None:
    source, target = Unit(torch.ones(2, 2, 3, 3), None, None), nn.Conv2d(2, 2, 1, bias=False)
    assert not carry_unit(Ledger(target), source, target, prefix(2, 2), prefix(2, 2))
    assert target.weight.eq(1).all()


def test_classes_are_found_by_name() -> None:
    source = {0: "person", 1: "Traffic Light", 2: "stop"}
    assert class_map(source, {0: "traffic_light", 1: "cat", 2: "person"}).tolist() == [1, -1, 0]
    assert class_map(source, {0: "사람", 1: "신호등", 2: "정지"}).tolist() == [0, 1, 2]
    assert class_map(source, {0: "cat", 1: "dog"}).tolist() == [-1, -1]
