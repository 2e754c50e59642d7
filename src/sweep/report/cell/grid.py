"""A Markdown table whose number of columns no value can change."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sweep.report.render import Markdown, as_markdown


@dataclass(frozen=True)
class Head:
    """The heading of a column; `right` aligns it as numbers are."""

    text: str
    right: bool = False


def grid(heads: Sequence[Head], rows: Iterable[Sequence[object]]) -> Markdown:
    """Return a table; a value that is no Markdown is escaped. Raises ValueError where a row has another length."""
    lines = [_line(head.text for head in heads), _line(Markdown("---:" if head.right else "---") for head in heads)]
    for row in rows:
        if len(row) != len(heads):
            raise ValueError(f"a row of {len(row)} values stands under {len(heads)} headings: {row}")
        lines.append(_line(row))
    return Markdown("\n".join(lines))


def _line(values: Iterable[object]) -> str:
    return f"| {' | '.join(as_markdown(value) for value in values)} |"
