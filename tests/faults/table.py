"""What came of each fault, as the table that `make faults` prints and writes for docs/faults-suite.md."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

HEAD = ("fault", "times", "what was found", "how it ended")


@dataclass(frozen=True)
class Row:
    """A fault, how often it was made, what was found then, and how it ended."""

    fault: str
    times: str
    found: str
    ended: str


def markdown(rows: Iterable[Row]) -> str:
    """The rows as a Markdown table."""
    lines = [HEAD, ("---",) * len(HEAD), *((row.fault, row.times, row.found, row.ended) for row in rows)]
    return "".join(f"| {' | '.join(cell.replace('|', '∣') for cell in line)} |\n" for line in lines)
