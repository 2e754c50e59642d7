"""A figure as plain values: what is drawn, and nothing of who draws it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from sweep.report.figures.style import GREY, Dash, Symbol

Values = tuple[float | None, ...]  # None is a gap
Range = tuple[float, float]

WIDTH: Final = 1000  # of a picture, in pixels of a page


@dataclass(frozen=True)
class Look:
    """Colour, dashes and marker of a series; `hollow` markers are rings."""

    color: str = GREY
    dash: Dash = "solid"
    symbol: Symbol = "circle"
    hollow: bool = False


@dataclass(frozen=True)
class Line:
    """A line, broken at gaps; `markers` also shows its points. Without a name it stands in no legend."""

    name: str
    x: Values
    y: Values
    look: Look = Look()
    markers: bool = False
    width: float = 1.8


@dataclass(frozen=True)
class Points:
    """Points. `texts` tell of each one under the pointer; `low` and `high` are the ends of whiskers along y."""

    name: str
    x: Values
    y: Values
    look: Look = Look()
    texts: tuple[str, ...] = ()
    low: Values = ()
    high: Values = ()
    size: float = 9.0


@dataclass(frozen=True)
class Bars:
    """Horizontal bars from zero: `y` is the middle of each, `thickness` in y; `written` stands at their ends."""

    name: str
    x: Values
    y: Values
    look: Look = Look()
    texts: tuple[str, ...] = ()
    thickness: float = 0.7
    written: tuple[str, ...] = ()


@dataclass(frozen=True)
class Heat:
    """A matrix of shares, 0 to 1, rows along y: `texts` tell of each field, `written` stands in it."""

    title: str
    values: tuple[Values, ...]
    texts: tuple[tuple[str, ...], ...]
    written: tuple[tuple[str, ...], ...] = ()


Mark = Line | Points | Bars | Heat


@dataclass(frozen=True)
class Axis:
    """An axis.

    Attributes:
        title: what it shows.
        range: from, to; the first may be the larger one.
        labels: instead of numbers, at 0, 1, 2 …
        integers: only whole numbers are ticks.
        labelled: whether numbers or labels are shown.
    """

    title: str
    range: Range
    labels: tuple[str, ...] = ()
    integers: bool = False
    labelled: bool = True


@dataclass(frozen=True)
class Panel:
    """A plot of its own inside a figure."""

    title: str
    x: Axis
    y: Axis
    marks: tuple[Mark, ...]


@dataclass(frozen=True)
class Figure:
    """A figure.

    Attributes:
        name: of its file.
        title: its caption, in the language in which it was made.
        panels: row by row.
        columns: panels in a row.
        panel_height: pixels.
        width: pixels, of the picture; a page uses the room it has.
    """

    name: str
    title: str
    panels: tuple[Panel, ...]
    columns: int = 1
    panel_height: int = 320
    width: int = WIDTH

    @property
    def heat(self) -> Heat | None:
        """The matrix in it, which has a scale of colours beside it."""
        return next((mark for panel in self.panels for mark in panel.marks if isinstance(mark, Heat)), None)


Side = Literal["none", "top", "right"]


def legend(figure: Figure) -> dict[str, list[Line | Points | Bars]]:
    """Return the entries of a figure's legend in order: the marks of each name."""
    entries: dict[str, list[Line | Points | Bars]] = {}
    for mark in _marks(figure):
        if not isinstance(mark, Heat) and mark.name:
            entries.setdefault(mark.name, []).append(mark)
    return entries


def _marks(figure: Figure) -> Iterator[Mark]:
    for panel in figure.panels:
        yield from panel.marks
