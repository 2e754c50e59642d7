"""When a night is due."""

from __future__ import annotations

from datetime import UTC, datetime, time

import pytest

from sweep.errors import SweepError
from sweep.nightly.settings import NightlySettings, read_nightly
from sweep.nightly.times import Schedule, due, end_of, last_begin, parse_clock

ONE, SIX = time(1, 0), time(6, 0)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"), [("01:00", ONE), ("6:00", SIX), ("23:59", time(23, 59)), ("24:00", None), ("noon", None)]
)
def test_clocks(text: str, expected: time | None) -> None:
    assert parse_clock(text) == expected


@pytest.mark.parametrize(
    ("schedule", "now", "served", "expected"),
    [
        (Schedule(ONE), "2026-03-02T01:00:00", "2026-03-01T01:00:00", "2026-03-02T01:00:00"),
        (Schedule(ONE), "2026-03-02T00:59:59", "2026-03-01T01:00:00", None),
        (Schedule(ONE), "2026-03-02T15:00:00", "2026-03-02T01:00:00", None),
        (Schedule(ONE), "2026-03-05T15:00:00", "2026-03-02T01:00:00", "2026-03-05T01:00:00"),
        (Schedule(ONE), "2026-03-05T15:00:00", None, "2026-03-05T01:00:00"),
        (Schedule(ONE, SIX), "2026-03-05T05:59:59", "2026-03-02T01:00:00", "2026-03-05T01:00:00"),
        (Schedule(ONE, SIX), "2026-03-05T06:00:00", "2026-03-02T01:00:00", None),
        (Schedule(time(22, 0), SIX), "2026-03-05T03:00:00", "2026-03-02T22:00:00", "2026-03-04T22:00:00"),
        (Schedule(time(22, 0), SIX), "2026-03-05T12:00:00", "2026-03-02T22:00:00", None),
    ],
    ids=[
        "it begins", "not yet", "it was run", "several were missed: one is run", "never one", "missed, but not over",
        "missed and over", "over midnight", "over midnight, and over",
    ],
)  # fmt: skip
def test_due(schedule: Schedule, now: str, served: str | None, expected: str | None) -> None:
    found = due(schedule, at(now), None if served is None else at(served))
    assert found == (None if expected is None else at(expected))


def test_a_night_may_end_on_the_next_day() -> None:
    schedule = Schedule(time(22, 0), SIX)
    begin = last_begin(schedule, at("2026-03-05T03:00:00"))
    assert begin == at("2026-03-04T22:00:00")
    assert end_of(schedule, begin) == at("2026-03-05T06:00:00")
    assert end_of(Schedule(ONE), begin) is None


def test_settings() -> None:
    node = {"at": "01:00", "until": None, "again": 2, "notify": []}
    assert read_nightly({"nightly": node}) == NightlySettings(Schedule(ONE), (), 2)
    late = read_nightly({"nightly": node | {"at": 1350, "until": "06:00", "again": 0, "notify": "json://host"}})
    assert late == NightlySettings(Schedule(time(22, 30), SIX), ("json://host",), 0), "22:30 is a number in YAML"
    with pytest.raises(SweepError) as refused:
        read_nightly({"nightly": {"at": "late", "until": True, "again": -1, "notify": {"mail": "x"}}})
    found = [problem.partition("=")[0] for problem in refused.value.problems]
    assert found == ["nightly.at", "nightly.until", "nightly.notify", "nightly.again"]
