"""Names as a figure can show them: one line, short, and no two alike."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Final

from sweep.report.cells import one_line

LONGEST: Final = 200  # pixels
# Widths in em of the report's font, rounded up; other fonts differ by less than a tenth.
_NARROW: Final = frozenset("ijlfrt.,:;'|!()[] -·")
_WIDTHS: Final = {"narrow": 0.36, "wide": 1.0, "capital": 0.68, "other": 0.57}


def labels(names: Sequence[str], longest: float = LONGEST, size: float = 12) -> tuple[str, ...]:
    """Return a label for each name, at most that many pixels wide and unlike the others: equal ones are numbered."""
    taken: set[str] = set()
    made = []
    for name in names:
        label, count = cut(name, longest, size), 1
        while label in taken:
            count += 1
            end = f" ({count})"
            label = cut(name, longest - text_width(end, size), size) + end
        taken.add(label)
        made.append(label)
    return tuple(made)


def cut(text: str, longest: float, size: float = 12) -> str:
    """Return a text on one line; what is too long loses its middle to a `…`."""
    line = unicodedata.normalize("NFC", one_line(text)) or "?"  # some file systems take Hangul syllables apart
    if text_width(line, size) <= longest:
        return line
    kept = min(len(line) - 1, int(longest / (_WIDTHS["narrow"] * size)))
    while kept > 2 and text_width(shortened := _without_middle(line, kept), size) > longest:
        kept -= 1
    return shortened if kept > 2 else _without_middle(line, 2)


def text_width(text: str, size: float) -> float:
    """Return about how many pixels wide a text is at a font size in pixels."""
    return size * sum(_WIDTHS[_kind(letter)] for letter in text)


def _without_middle(line: str, kept: int) -> str:
    """Names of cells tell more at their ends than in their middles, and a little more at the start."""
    tail = kept * 2 // 5
    return f"{line[: kept - tail].rstrip()}…{line[len(line) - tail :].lstrip()}"


def _kind(letter: str) -> str:
    if letter in _NARROW:
        return "narrow"
    if unicodedata.east_asian_width(letter) in "WF" or letter in "…—@%WMmw":
        return "wide"
    return "capital" if letter.isupper() else "other"
