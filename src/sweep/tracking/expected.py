"""What a sweep was expected to take, as its run keeps it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sweep.tracking import names


@dataclass(frozen=True)
class Expected:
    """What was told before a sweep began.

    Attributes:
        side_by_side: how many jobs ran at once.
        unknown: of how many cells no time was known.
        low_s: the shortest time that was likely, in seconds; None where no cell's time was known. So `likely_s`,
            `high_s`.
        price_per_hour: None where no price was told.
    """

    side_by_side: int
    unknown: int
    low_s: float | None = None
    likely_s: float | None = None
    high_s: float | None = None
    price_per_hour: float | None = None

    def as_tag(self) -> str:
        """The text of the tag."""
        return json.dumps({name: value for name, value in asdict(self).items() if value is not None})


def expected_of(tags: Mapping[str, str]) -> Expected | None:
    """What is in the tags of a sweep's run; None where nothing is, or nothing that can be read."""
    try:
        content = json.loads(tags.get(names.FORECAST, ""))
    except ValueError:
        return None
    if not isinstance(content, dict) or not all(_whole(content.get(name)) for name in ("side_by_side", "unknown")):
        return None
    times = {name: content.get(name) for name in ("low_s", "likely_s", "high_s", "price_per_hour")}
    return Expected(
        content["side_by_side"],
        content["unknown"],
        **{name: float(value) for name, value in times.items() if isinstance(value, int | float)},
    )


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
