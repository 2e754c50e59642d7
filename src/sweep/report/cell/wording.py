"""How the cell's report says a value: in the words of `texts/*/cell.yaml`, never as a bare gap."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from sweep.report.cells import number
from sweep.report.compare import FINISHED
from sweep.report.data import CellData
from sweep.report.render import Markdown, as_markdown, sentence
from sweep.report.texts import load_texts

PART: Final = "cell"
# Digits of mAP, precision, recall and losses, as in the reports that this one replaces. The 95 % intervals of a
# validation set of hundreds of images are wider than one unit of the second.
DIGITS: Final = 3


def phrase(key: str, /, **values: Any) -> Markdown:
    """Return a text of the part `cell` with values put in. Raises KeyError where one of them is missing."""
    return sentence(load_texts(PART), key, **values)


def label(group: str, name: str) -> str | Markdown:
    """Return what a group of the texts calls a name (`acts`: relu is ReLU); the name itself where it has no entry."""
    known: dict[str, str] = load_texts(PART)[group]
    return Markdown(known[name]) if name in known else name


def missing(cell: CellData) -> str:
    """Return what stands for a missing figure: `not measured` for a finished cell, else the word for its state."""
    words: dict[str, str] = load_texts()["missing"]
    return words["not_measured"] if cell.status == FINISHED else words.get(cell.status, words["not_measured"])


def shown(cell: CellData, value: float | None, digits: int = DIGITS) -> str:
    """Return a figure of a cell, or the word for why it is missing."""
    return missing(cell) if value is None else number(value, digits)


def percent(share: float) -> str:
    """Return a share of 0 to 1 as `87.8%`."""
    return f"{number(100 * share, 1)}%"


def interval(cell: CellData, lo: float | None, hi: float | None, digits: int = DIGITS) -> str:
    """Return `0.841–0.912`, or the word for a missing figure."""
    return missing(cell) if lo is None or hi is None else f"{number(lo, digits)}–{number(hi, digits)}"


def bold(text: object) -> Markdown:
    """Return a text in bold. Where it ends in a sign no letter may follow: CommonMark would not close it."""
    return Markdown(f"**{as_markdown(text)}**")


def joined(parts: Iterable[object]) -> Markdown:
    """Return parts with commas between them."""
    return Markdown(", ".join(as_markdown(part) for part in parts))
