"""What a curve says in a few figures."""

from __future__ import annotations

import math

import pytest

from sweep.report.cell.progress import factor, fall, progress, settled


def by_epoch(*values: float) -> dict[int, float]:
    return dict(enumerate(values, start=1))


def test_a_curve_tells_its_start_its_middle_and_its_end() -> None:
    told = progress({epoch: epoch / 100 for epoch in range(1, 101)})
    assert told is not None
    assert (told.first_epoch, told.first, told.last_epoch, told.last) == (1, 0.01, 100, 1.0)
    assert (told.half_epoch, told.half) == (50, 0.5)


def test_of_an_odd_number_of_epochs_the_middle_is_rounded_down() -> None:
    told = progress(by_epoch(*[0.1] * 15))
    assert told is not None
    assert told.half_epoch == 7


@pytest.mark.parametrize("count", [1, 2, 3])
def test_the_first_epoch_is_no_middle(count: int) -> None:
    told = progress(by_epoch(*[0.1] * count))
    assert told is not None
    assert told.half is None


def test_a_middle_that_was_not_logged_is_not_told() -> None:
    told = progress({1: 0.1, 2: 0.2, 10: 0.5})
    assert told is not None
    assert (told.half_epoch, told.half) == (None, None)


def test_no_points_no_progress() -> None:
    assert progress({}) is None


def test_a_value_that_is_no_number_is_none() -> None:
    told = progress(by_epoch(math.nan, 0.2, math.nan))
    assert told is not None
    assert (told.first, told.last, told.settled) == (None, None, None)


@pytest.mark.parametrize(
    ("values", "epoch"),
    [
        ((0.2, 0.795, 0.805, 0.8), 2),  # within 1 % of 0.8: 0.792 to 0.808
        ((0.2, 0.791, 0.805, 0.8), 3),
        ((0.8, 0.2, 0.8), 3),  # what it had once does not count
        ((0.5, 0.5, 0.5), 1),
        ((0.5, math.nan, 0.5, 0.5), 3),  # a gap is not within
        ((0.5, 0.0), None),
        ((0.5, math.nan), None),
        ((0.5, math.inf), None),
        ((), None),
    ],
)
def test_a_curve_settles_where_it_stays_within_one_percent_of_its_end(
    values: tuple[float, ...], epoch: int | None
) -> None:
    assert settled(by_epoch(*values)) == epoch


def test_a_factor_needs_a_start_above_zero() -> None:
    assert factor(0.002, 0.878) == pytest.approx(439)
    assert factor(0.0, 0.878) is None
    assert factor(None, 0.878) is None
    assert factor(0.5, math.inf) is None


def test_a_fall_is_negative_where_the_value_rose() -> None:
    assert fall(2.56, 0.536) == pytest.approx(79.06, abs=0.01)
    assert fall(1.0, 1.25) == pytest.approx(-25)
    assert fall(0.0, 1.0) is None
