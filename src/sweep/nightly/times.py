"""When nights begin and end. All times are UTC: no hour is there twice, or not at all, when clocks are changed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, time, timedelta

DAY = timedelta(days=1)
CLOCK = re.compile(r"^([01]?\d|2[0-3]):([0-5]\d)$")


@dataclass(frozen=True)
class Schedule:
    """When a night begins, and after when no cell is started any more; None: it may take as long as it takes."""

    at: time
    until: time | None = None


def parse_clock(text: str) -> time | None:
    """A time of day such as `01:00`; None where it is none."""
    found = CLOCK.match(text.strip())
    return time(int(found[1]), int(found[2])) if found else None


def last_begin(schedule: Schedule, now: datetime) -> datetime:
    """When the last night was to begin.

    Args:
        schedule: When nights are.
        now: In UTC.
    """
    today = datetime.combine(now.date(), schedule.at, now.tzinfo)
    return today if today <= now else today - DAY


def end_of(schedule: Schedule, begin: datetime) -> datetime | None:
    """When the night that began then is over; None where it has no end."""
    if schedule.until is None:
        return None
    end = datetime.combine(begin.date(), schedule.until, begin.tzinfo)
    return end if end > begin else end + DAY


def due(schedule: Schedule, now: datetime, served: datetime | None) -> datetime | None:
    """The night that is to be run now, by its begin: it was not run yet, and is not over. None: there is none.

    Args:
        schedule: When nights are.
        now: In UTC.
        served: The begin of the last night that was run.
    """
    begin = last_begin(schedule, now)
    end = end_of(schedule, begin)
    if (served is not None and served >= begin) or (end is not None and now >= end):
        return None
    return begin
