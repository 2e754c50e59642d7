"""Ranks: ties are ties, a clear winner wins, and without statistics nothing is claimed."""

from __future__ import annotations

from dataclasses import replace

from support.sweep_data import cell_data, detections, sweep_data
from sweep.report.ranking import COMPARED, difference, rank
from sweep.report_settings import ReportSettings


def test_identical_predictions_are_a_tie() -> None:
    cells = [cell_data(name, statistics=detections(0.8)) for name in ("a", "b")]
    leader, other = rank(sweep_data(*cells))
    assert [leader.cell.name, leader.rank, leader.tied, leader.difference] == ["a", 1, True, None]
    assert [other.cell.name, other.rank, other.tied, other.difference] == ["b", 1, True, 0.0]


def test_a_difference_inside_the_noise_is_a_tie() -> None:
    cells = [cell_data(f"s{seed}", statistics=detections(0.8, seed=seed), seed=str(seed)) for seed in (1, 2)]
    leader, other = rank(sweep_data(*cells))
    assert leader.value > other.value
    assert (other.rank, other.tied, other.compared) == (1, True, True)
    assert other.p is not None and other.p >= 0.05
    assert other.diff_lo is not None and other.diff_hi is not None
    assert other.diff_lo < 0 < other.diff_hi


def test_a_clear_margin_is_no_tie() -> None:
    cells = [cell_data("worse", statistics=detections(0.5)), cell_data("better", statistics=detections(0.9))]
    leader, other = rank(sweep_data(*cells))
    assert (leader.cell.name, leader.tied) == ("better", False)
    assert (other.rank, other.tied) == (2, False)
    assert other.p is not None and other.p < 0.05
    assert other.difference is not None and other.diff_hi is not None
    assert other.difference < 0 and other.diff_hi < 0


def test_without_statistics_cells_are_ranked_by_value_and_nothing_is_said_of_ties() -> None:
    cells = [cell_data(name, value) for name, value in (("a", 0.5), ("b", 0.9), ("c", 0.9), ("d", 0.7))]
    order = rank(sweep_data(*cells))
    assert [(entry.cell.name, entry.rank) for entry in order] == [("b", 1), ("c", 1), ("d", 3), ("a", 4)]
    assert {entry.tied for entry in order} == {None}
    assert not any(entry.compared for entry in order)


def test_cells_of_other_images_are_not_compared() -> None:
    cells = [cell_data("a", statistics=detections(0.9)), cell_data("b", statistics=detections(0.5, images=30))]
    assert [(entry.compared, entry.tied) for entry in rank(sweep_data(*cells))] == [(False, None)] * 2


def test_tied_cells_come_before_those_that_were_told_apart() -> None:
    cells = [
        cell_data("best", statistics=detections(0.8)),
        cell_data("same", statistics=detections(0.8), **{"best/mAP50": 0.1}),
        cell_data("worse", statistics=detections(0.4), **{"best/mAP50": 0.2}),
        cell_data("untested", 0.3),
    ]
    found = [(entry.cell.name, entry.rank, entry.tied) for entry in rank(sweep_data(*cells))]
    assert found == [("best", 1, True), ("same", 1, True), ("untested", 3, None), ("worse", 4, False)]


def test_the_leader_is_compared_with_no_more_than_twenty() -> None:
    statistics = detections(0.8, images=4)
    cells = [cell_data(f"c{n}", statistics=statistics, **{"best/mAP50": 0.9 - n / 100}) for n in range(COMPARED + 3)]
    order = rank(sweep_data(*cells))
    assert [entry.cell.name for entry in order if not entry.compared] == ["c21", "c22"]


def test_the_settings_say_what_ranks() -> None:
    cells = [cell_data("a", 0.9, **{"best/mAP50-95": 0.1}), cell_data("b", 0.8, **{"best/mAP50-95": 0.2})]
    sweep = sweep_data(*cells, settings=ReportSettings(metric="mAP50-95"))
    assert [(entry.cell.name, entry.value) for entry in rank(sweep)] == [("b", 0.2), ("a", 0.1)]
    assert rank(sweep)[0].lo is None


def test_cells_without_a_figure_have_no_rank() -> None:
    cells = [cell_data("a", None), cell_data("nan", float("nan")), cell_data("f", 0.9, status="failed")]
    assert rank(sweep_data(*cells)) == ()
    assert rank(sweep_data()) == ()


def test_a_difference_has_its_sign_and_its_interval() -> None:
    before, after = (cell_data(name, statistics=detections(quality)) for name, quality in (("a", 0.5), ("b", 0.9)))
    found = difference(before, after, "best/mAP50")
    assert found.value is not None and found.lo is not None and found.hi is not None
    assert 0 < found.lo < found.value < found.hi
    assert difference(replace(before, statistics=None), after, "best/mAP50").lo is None
    assert difference(before, after, "model/params_m").value is None
