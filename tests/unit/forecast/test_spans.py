"""From measured times to expected ones."""

from __future__ import annotations

import math
from random import Random

import pytest

from sweep.forecast.spans import LEAST, UNTRIED, Span, span_of, spread_of, wall


def minutes(likely: float) -> Span:
    return Span(likely * 0.8, likely, likely * 1.2)


def test_jobs_are_taken_in_their_turn_by_whoever_is_free() -> None:
    jobs = [minutes(6), minutes(2), minutes(2), minutes(2), minutes(1)]
    assert wall(jobs, 1).likely == 13
    assert wall(jobs, 2).likely == 7
    assert wall(jobs, 9).likely == 6
    assert wall(jobs, 2).low == pytest.approx(5.6)
    assert wall([], 3) == Span(0, 0, 0)


def test_a_span_holds_four_of_five_of_what_comes_next() -> None:
    random, inside, rounds = Random(1), 0, 4000
    for _ in range(rounds):
        *known, following = (60 * math.exp(random.gauss(0, 0.2)) for _ in range(6))
        span = span_of(known, 0.2)
        inside += span.low <= following <= span.high
    assert 0.77 < inside / rounds < 0.83


def test_a_single_run_promises_less_than_ten() -> None:
    one, ten = span_of([60.0], 0.1), span_of([60.0] * 10, 0.1)
    assert one.low < ten.low < 60 < ten.high < one.high


def test_the_spread_is_that_of_like_cells_among_each_other() -> None:
    random = Random(2)
    groups = [[scale * math.exp(random.gauss(0, 0.3)) for _ in range(5)] for scale in (1, 10, 100, 1000) * 25]
    assert spread_of(groups) == pytest.approx(0.3, abs=0.02), "cells of other kinds may take a thousand times as long"


def test_the_spread_where_little_is_known() -> None:
    assert spread_of([[5.0], [7.0]]) == UNTRIED
    assert spread_of([[5.0, 5.0]]) == LEAST
