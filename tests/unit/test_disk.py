"""A sweep that would fill the disk is refused before it starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from sweep.disk import cell_mb, check_space, needed_mb
from sweep.errors import SweepError

N = {"name": "yolo11n", "scale": "n"}


def test_more_cells_larger_bases_and_trials_need_more() -> None:
    assert needed_mb([(N, 0)] * 2, 1) > needed_mb([(N, 0)], 1)
    assert needed_mb([(N, 0)] * 2, 2) > needed_mb([(N, 0)] * 2, 1)
    assert needed_mb([(N, 20)], 1) > needed_mb([(N, 0)], 1)
    assert needed_mb([({"scale": "x"}, 0)], 1) > 10 * needed_mb([(N, 0)], 1)
    assert cell_mb(None) == cell_mb("n"), "a base without a scale is taken for a small one"


def test_a_cell_of_yolo11n_takes_tens_of_megabytes() -> None:
    """Measured: 32 MB in cells/ and artifacts/ of a finished cell without NPU targets, and 6 MB of report and logs."""
    kept, training = cell_mb("n")
    assert 32 <= kept <= 64
    assert training > kept


def test_too_little_room_is_refused_with_the_way_out(tmp_path: Path) -> None:
    home = tmp_path / "not" / "there" / "yet"
    check_space(home, 1.0, 1)
    with pytest.raises(SweepError, match=r"GB are free, and the 6 cells to be trained will take about .* clean"):
        check_space(home, 1e12, 6)
    assert not home.exists()
