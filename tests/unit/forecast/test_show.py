"""What a sweep is expected to take, in words."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from sweep.forecast.forecast import Forecast, _side_by_side
from sweep.forecast.show import forecast_lines
from sweep.forecast.spans import Span
from sweep.launching import Launching


@pytest.mark.parametrize(
    ("side_by_side", "unbounded", "told"),
    [(1, True, "one after the other"), (4, False, "4 side by side"), (4, True, "if all 4 run at once")],
)
def test_how_many_run_at_once(side_by_side: int, unbounded: bool, told: str) -> None:
    span = Span(50.0, 60.0, 70.0)
    (line,) = forecast_lines(Forecast({0: span}, span, side_by_side, 100.0, None, unbounded))
    assert told in line


@pytest.mark.parametrize(
    ("parallel", "workers", "expected"), [(None, None, 3), (None, 2, 2), (1, 2, 1), (2, 1, 2), (8, None, 3)]
)
def test_the_launchers_own_limit_counts_before_workers(
    parallel: int | None, workers: int | None, expected: int
) -> None:
    """As at the launch: `workers` is only what a launcher takes that was told nothing itself."""
    cells = [SimpleNamespace(config=SimpleNamespace(tune=None))] * 3
    settings = SimpleNamespace(workers=workers, rerun=False)
    plan: Any = SimpleNamespace(launching=Launching(elsewhere=True, parallel=parallel), settings=settings, to_run=cells)
    assert _side_by_side(plan) == expected
