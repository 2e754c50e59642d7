"""A figure over seeds: mean, spread, and Student's interval."""

from __future__ import annotations

import pytest

from sweep.statistics.seeds import OverSeeds, over_seeds


def test_three_seeds_by_hand() -> None:
    found = over_seeds([0.80, 0.84, 0.82])
    assert (found.n, found.mean, found.std) == (3, pytest.approx(0.82), pytest.approx(0.02))
    assert (found.lo, found.hi) == pytest.approx((0.82 - 4.302653 * 0.02 / 3**0.5, 0.82 + 4.302653 * 0.02 / 3**0.5))


def test_equal_seeds_have_no_spread() -> None:
    found = over_seeds([0.5, 0.5])
    assert (found.std, found.lo, found.hi) == (0, 0.5, 0.5)


def test_one_seed_has_no_interval() -> None:
    assert over_seeds([0.7]) == OverSeeds(1, 0.7, None, None, None)


def test_no_seed_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="no value"):
        over_seeds([])
