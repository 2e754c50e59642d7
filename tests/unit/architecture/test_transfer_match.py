"""Matching follows layers: in order, never crossing, and worth the most."""

from __future__ import annotations

from itertools import combinations, pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from sweep.architecture.transfer.match import align
from sweep.architecture.transfer.record import LayerTransfer, Transferred


def equal(source: str, target: str) -> dict[int, int]:
    return align(len(source), len(target), lambda i, j: float(source[i] == target[j]))


def test_a_removed_layer_shifts_those_behind_it() -> None:
    assert equal("ABCDE", "ABDE") == {0: 0, 1: 1, 2: 3, 3: 4}


def test_an_inserted_layer_has_no_partner() -> None:
    assert equal("ABD", "ABCD") == {0: 0, 1: 1, 3: 2}


def test_what_must_not_be_matched_is_not() -> None:
    assert equal("ABC", "XYZ") == {}


GAINS = st.integers(1, 5).flatmap(
    lambda width: st.lists(st.lists(st.integers(-1, 9), min_size=width, max_size=width), min_size=1, max_size=5)
)


@given(GAINS)
@settings(max_examples=200, deadline=None)
def test_no_other_matching_in_order_is_worth_more(gains: list[list[int]]) -> None:
    sources, targets = len(gains), len(gains[0])
    matched = align(sources, targets, lambda i, j: float(gains[i][j]))
    pairs = sorted((i, j) for j, i in matched.items())
    assert all(a < c and b < d for (a, b), (c, d) in pairwise(pairs))
    assert all(gains[i][j] > 0 for i, j in pairs)
    best = 0
    for size in range(min(sources, targets) + 1):
        for rows in combinations(range(sources), size):
            for columns in combinations(range(targets), size):
                values = [gains[i][j] for i, j in zip(rows, columns, strict=True)]
                if all(value > 0 for value in values):
                    best = max(best, sum(values))
    assert sum(gains[i][j] for i, j in pairs) == best


def test_the_record_counts_parameters_of_the_target() -> None:
    record = Transferred(
        (
            LayerTransfer(0, "Conv", 0, "Conv", 100, 100, 0, 0, "copied"),
            LayerTransfer(1, "C2f", 2, "C3k2", 200, 150, 30, 40, "partial"),
            LayerTransfer(2, "Conv", None, None, 100, 0, 0, 0, "fresh"),
        )
    )
    assert (record.parameters, record.carried_pct, record.composed_pct, record.zeroed_pct) == (400, 62.5, 7.5, 10.0)
    assert [row["carried_pct"] for row in record.rows()] == [100.0, 75.0, 0.0]
    lines = record.lines()
    assert len(lines) == 5
    assert "2 C3k2" in lines[2]
    assert "62.5 %" in lines[-1]
