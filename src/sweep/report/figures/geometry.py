"""Where the parts of a figure lie, for every renderer alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sweep.report.figures.figure import Axis, Bars, Figure, Panel, Side, legend
from sweep.report.figures.labels import text_width
from sweep.report.figures.style import TEXT, TICK

NUMBERS: Final = 40  # pixels: the widest number of an axis, and the space to it
TITLE: Final = 22  # of an axis
HEADING_ROOM: Final = 28  # of a panel
LEGEND_LINE: Final = 20
LEGEND_ROOM: Final = 34  # above the panels
SAMPLE: Final = 44  # of a line in a legend, with what is between it and its name
BETWEEN: Final = 22  # entries side by side
MARGIN: Final = 14
GAP: Final = 26  # between panels side by side
SCALE: Final = 16  # width of the scale of colours
SCALE_ROOM: Final = 74
DENSE: Final = 7  # pixels: no label is smaller


@dataclass(frozen=True)
class Box:
    """A panel's place inside the margins, as shares of what they leave: from the left, and from below."""

    left: float
    right: float
    bottom: float
    top: float


@dataclass(frozen=True)
class Geometry:
    """Sizes and margins in pixels, the panels' boxes, and where the legend stands."""

    width: float
    height: float
    left: float
    right: float
    top: float
    bottom: float
    boxes: tuple[Box, ...]
    side: Side

    @property
    def inner_width(self) -> float:
        """What the margins leave."""
        return self.width - self.left - self.right

    @property
    def inner_height(self) -> float:
        """What the margins leave."""
        return self.height - self.top - self.bottom

    def size(self, box: Box) -> tuple[float, float]:
        """Return the width and the height of a panel in pixels."""
        return (box.right - box.left) * self.inner_width, (box.top - box.bottom) * self.inner_height


def geometry(figure: Figure) -> Geometry:
    """Return the places of a figure's parts."""
    columns = min(figure.columns, len(figure.panels))
    rows = -(-len(figure.panels) // columns)
    heading = HEADING_ROOM if any(panel.title for panel in figure.panels) else 0
    lefts = [max(_left(panel.y) for panel in figure.panels[column::columns]) for column in range(columns)]
    left, gap = MARGIN + lefts[0], GAP + max(lefts[1:], default=0.0)
    side, needed = _legend_side(figure, figure.width - left - MARGIN)
    right = MARGIN + (needed if side == "right" else 0) + (SCALE_ROOM if figure.heat else 0)
    panel_width = (figure.width - left - right - gap * (columns - 1)) / columns
    below = [max(_below(panel.x, panel_width) for panel in _row(figure, row, columns)) for row in range(rows)]
    top = MARGIN / 2 + heading + (LEGEND_ROOM if side == "top" else 0)
    bottom = MARGIN / 2 + below[-1]
    row_gap = max(below[:-1], default=0.0) + heading + MARGIN
    height = max(
        top + bottom + rows * figure.panel_height + (rows - 1) * row_gap,
        top + bottom + LEGEND_LINE * len(legend(figure)) + MARGIN if side == "right" else 0,
    )
    inner_width, inner_height = figure.width - left - right, height - top - bottom
    panel_height = (inner_height - (rows - 1) * row_gap) / rows
    boxes = []
    for number in range(len(figure.panels)):
        row, column = divmod(number, columns)
        x, y = column * (panel_width + gap), row * (panel_height + row_gap)
        boxes.append(
            Box(
                x / inner_width,
                min((x + panel_width) / inner_width, 1.0),
                max(1 - (y + panel_height) / inner_height, 0.0),
                1 - y / inner_height,
            )
        )
    return Geometry(figure.width, height, left, right, top, bottom, tuple(boxes), side)


def label_size(axis: Axis, length: float) -> float:
    """Return the size of an axis' labels in pixels, on an axis of that many."""
    return max(min(TICK, length / len(axis.labels) * 0.85), DENSE) if axis.labels else TICK


def turned(axis: Axis, length: float) -> bool:
    """Whether the labels below an axis of that many pixels are written upwards."""
    size = label_size(axis, length)
    return any(text_width(label, size) > length / len(axis.labels) - 6 for label in axis.labels)


def ticks(length: float, *, upright: bool) -> int:
    """Return how many numbers an axis of that many pixels has at most: above one another they need less of it."""
    return max(int(length / (38 if upright else 55)), 3)


def written_size(mark: Bars, axis: Axis, length: float) -> float:
    """Return the size of what is written at the end of bars, in pixels, on an axis of that many."""
    return max(min(TICK, mark.thickness * length / abs(axis.range[1] - axis.range[0])), DENSE)


def _row(figure: Figure, row: int, columns: int) -> tuple[Panel, ...]:
    return figure.panels[row * columns : (row + 1) * columns]


def _left(axis: Axis) -> float:
    title = TITLE if axis.title else 0
    if not axis.labelled:
        return title
    return title + (max(text_width(label, TICK) for label in axis.labels) + 8 if axis.labels else NUMBERS)


def _below(axis: Axis, length: float) -> float:
    title = TITLE if axis.title else 0
    if not axis.labels or not turned(axis, length):
        return title + TICK + 10
    size = label_size(axis, length)
    return title + max(text_width(label, size) for label in axis.labels) + 10


def _legend_side(figure: Figure, width: float) -> tuple[Side, float]:
    """Above the panels where one line is enough, otherwise a column at the right; and how wide that is."""
    widths = [text_width(name, TEXT) + SAMPLE for name in legend(figure)]
    if not widths:
        return "none", 0
    line = sum(widths) + BETWEEN * (len(widths) - 1)
    return ("top", 0) if line <= width else ("right", max(widths) + MARGIN)
