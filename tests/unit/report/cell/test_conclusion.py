"""What a cell's report says of the recommendation is what the sweep found."""

from __future__ import annotations

import pytest

from support.sweep_data import cell_data, detections, sweep_data
from sweep.report.cell import cell_report
from sweep.report.recommend import recommend
from sweep.report.texts import speaking

SIZE = "int8/size_mb"


@pytest.mark.parametrize(
    ("language", "highest", "tied"),
    [
        ("en", "it has the highest mAP50.", "its mAP50 is tied with the highest (`better`)"),
        ("ko", "mAP50 값이 가장 높습니다.", "mAP50 기준 1위(`better`)와 동률"),
    ],
)
def test_a_recommended_cell_is_called_the_most_accurate_only_where_it_is(
    language: str, highest: str, tied: str
) -> None:
    """The lighter of two tied cells is recommended, and the other one is the better by its figure."""
    better = cell_data("better", statistics=detections(0.81), **{SIZE: 3.0})
    lighter = cell_data("lighter", statistics=detections(0.80), **{SIZE: 2.0})
    sweep = sweep_data(better, lighter)
    assert recommend(sweep).cell is lighter
    with speaking(language):
        told = cell_report(sweep, lighter, {})
        assert tied in told
        assert highest not in told
        alone = cell_data("alone", 0.9)
        assert highest in cell_report(sweep_data(alone, cell_data("worse", 0.5)), alone, {})
