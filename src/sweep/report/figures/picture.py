"""A figure as a PNG, drawn by matplotlib."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sweep.report.figures.figure import Axis, Bars, Figure, Heat, Line, Look, Mark, Points, Values, legend
from sweep.report.figures.geometry import SCALE, Geometry, geometry, label_size, ticks, turned, written_size
from sweep.report.figures.library import drawing
from sweep.report.figures.style import DASHES, FAINT, GRID, HEADING, HEAT, INK, PAPER, QUIET, TEXT, TICK

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis as DrawnAxis
    from matplotlib.figure import Figure as Canvas

DENSITY: Final = 1.6  # pixels of the picture for each of a page
POINT: Final = 0.72  # points for each pixel of a page, of which 100 are an inch here
SYMBOLS: Final = {"circle": "o", "square": "s", "diamond": "D", "triangle-up": "^"}


def to_png(figure: Figure, path: Path) -> None:
    """Write the figure as a PNG, 1.6 pixels for each of a page. The same figure gives the same bytes."""
    with drawing() as (canvas_of, drawable):
        place = geometry(figure)
        canvas = canvas_of(figsize=(place.width / 100, place.height / 100), dpi=100 * DENSITY, facecolor=PAPER)
        for panel, box in zip(figure.panels, place.boxes, strict=True):
            width, height = place.size(box)
            left, bottom = place.left + box.left * place.inner_width, place.bottom + box.bottom * place.inner_height
            axes = canvas.add_axes((*_shares(place, left, bottom), *_shares(place, width, height)))
            for order, mark in enumerate(panel.marks):
                _mark(axes, mark, panel.y, height, order + 2)
            _frame(axes, panel.x.labels or panel.y.labels, heat=figure.heat is not None)
            _axis(axes.xaxis, panel.x, width, drawable, upright=False)
            _axis(axes.yaxis, panel.y, height, drawable, upright=True)
            axes.set(xlim=panel.x.range, ylim=panel.y.range)
            if panel.x.labels and turned(panel.x, width):
                axes.tick_params(axis="x", labelrotation=90)
            if panel.title:
                axes.set_title(drawable(panel.title), loc="left", fontsize=HEADING * POINT, color=INK, pad=6 * POINT)
        _legend(canvas, figure, place, drawable)
        if figure.heat:
            _scale(canvas, figure.heat, place, drawable)
        canvas.savefig(path, format="png", metadata={"Software": None})


def _mark(axes: Axes, mark: Mark, along: Axis, height: float, order: int) -> None:
    if isinstance(mark, Line):
        _line(axes, mark, order)
    elif isinstance(mark, Points):
        _points(axes, mark, order)
    elif isinstance(mark, Bars):
        _bars(axes, mark, written_size(mark, along, height), order)
    else:
        _heat(axes, mark)


def _line(axes: Axes, mark: Line, order: int) -> None:
    marker = _marker(mark.look, 15 if mark.look.hollow else 5) if mark.markers else {}
    axes.plot(
        _numbers(mark.x),
        _numbers(mark.y),
        color=mark.look.color,
        linestyle=_dash(mark),
        linewidth=mark.width * POINT,
        zorder=order,
        **marker,
    )


def _points(axes: Axes, mark: Points, order: int) -> None:
    y = _numbers(mark.y)
    if any(end is not None for end in mark.high):
        arms = [
            [middle - low for middle, low in zip(y, _numbers(mark.low), strict=True)],
            [high - middle for high, middle in zip(_numbers(mark.high), y, strict=True)],
        ]
        whiskers: dict[str, Any] = {
            "ecolor": mark.look.color,
            "elinewidth": 1.2 * POINT,
            "capsize": 3 * POINT,
            "zorder": order,
        }
        axes.errorbar(_numbers(mark.x), y, yerr=arms, fmt="none", **whiskers)
    axes.plot(_numbers(mark.x), y, linestyle="none", zorder=order, **_marker(mark.look, mark.size))


def _bars(axes: Axes, mark: Bars, size: float, order: int) -> None:
    axes.barh(_numbers(mark.y), _numbers(mark.x), mark.thickness, color=mark.look.color, zorder=order)
    for words, x, y in zip(mark.written, mark.x, mark.y, strict=False):
        if x is not None and y is not None:
            style: dict[str, Any] = {"ha": "right" if x < 0 else "left", "va": "center_baseline", "color": QUIET}
            away = (-3 if x < 0 else 3) * POINT
            axes.annotate(words, (x, y), (away, 0), textcoords="offset points", fontsize=size * POINT, **style)


def _heat(axes: Axes, mark: Heat) -> None:
    from matplotlib.colors import LinearSegmentedColormap

    colors = LinearSegmentedColormap.from_list("shares", HEAT).with_extremes(bad=FAINT)
    axes.pcolormesh(
        [index - 0.5 for index in range(len(mark.values) + 1)],
        [index - 0.5 for index in range(len(mark.values) + 1)],
        [_numbers(row) for row in mark.values],
        cmap=colors,
        vmin=0,
        vmax=1,
        edgecolors=FAINT,
        linewidth=POINT,
    )
    for y, row in enumerate(mark.written):
        for x, words in enumerate(row):
            red, green, blue, _ = colors(mark.values[y][x] or 0.0)
            dark = 0.299 * red + 0.587 * green + 0.114 * blue < 0.5  # as Plotly decides it
            style: dict[str, Any] = {"ha": "center", "va": "center_baseline", "fontsize": TICK * POINT}
            axes.text(x, y, words, color=PAPER if dark else INK, **style)


def _scale(canvas: Canvas, heat: Heat, place: Geometry, drawable: Any) -> None:
    """The scale of colours beside a matrix."""
    left = place.width - place.right + 12
    axes = canvas.add_axes((*_shares(place, left, place.bottom), *_shares(place, SCALE, place.inner_height)))
    bar = canvas.colorbar(canvas.axes[0].collections[0], cax=axes)
    bar.outline.set_visible(False)
    bar.set_ticks([0, 0.2, 0.4, 0.6, 0.8, 1], labels=["0%", "20%", "40%", "60%", "80%", "100%"])
    axes.tick_params(length=0, labelsize=TICK * POINT, labelcolor=QUIET)
    axes.set_ylabel(drawable(heat.title), fontsize=TEXT * POINT, color=INK)


def _frame(axes: Axes, labels: Sequence[str], *, heat: bool) -> None:
    """A line at the left and below, none where there are labels in its place; a quiet grid behind everything."""
    for side in ("top", "right", *(("left",) if labels else ()), *(("bottom",) if heat else ())):
        axes.spines[side].set_visible(False)
    for spine in axes.spines.values():
        spine.set(color=QUIET, linewidth=POINT)
    axes.set_axisbelow(True)


def _axis(drawn: DrawnAxis, axis: Axis, length: float, drawable: Any, *, upright: bool) -> None:
    from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator

    drawn.set_label_text(drawable(axis.title), fontsize=TEXT * POINT, color=INK)
    size = label_size(axis, length) * POINT
    drawn.set_tick_params(length=0, labelsize=size, labelcolor=QUIET, pad=4 * POINT, **_hidden(axis))
    if axis.labels:
        drawn.set_major_locator(FixedLocator(list(range(len(axis.labels)))))
        drawn.set_ticklabels([drawable(label) for label in axis.labels])
        drawn.grid(visible=False)
        return
    drawn.set_major_locator(MaxNLocator(ticks(length, upright=upright), steps=[1, 2, 5, 10], integer=axis.integers))
    drawn.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.6g}".replace("-", "−")))
    drawn.grid(visible=True, color=GRID, linewidth=POINT)


def _hidden(axis: Axis) -> dict[str, Any]:
    return {} if axis.labelled else {"labelleft": False, "labelbottom": False}


def _legend(canvas: Canvas, figure: Figure, place: Geometry, drawable: Any) -> None:
    entries = legend(figure)
    if place.side == "none":
        return
    handles, words = [_handle(marks[0]) for marks in entries.values()], [drawable(name) for name in entries]
    style = {"frameon": False, "fontsize": TEXT * POINT, "labelcolor": INK, "borderpad": 0.0, "borderaxespad": 0.0}
    if place.side == "top":
        corner = _shares(place, place.left, place.height - 6)
        shape = {"ncols": len(words), "columnspacing": 1.6, "handlelength": 2.2, "handletextpad": 0.6}
        canvas.legend(handles, words, loc="upper left", bbox_to_anchor=corner, **style, **shape)
    else:
        corner = _shares(place, place.width - place.right + 12, place.height - place.top)
        shape = {"labelspacing": 0.55, "handlelength": 2.2, "handletextpad": 0.6}
        canvas.legend(handles, words, loc="upper left", bbox_to_anchor=corner, **style, **shape)


def _handle(mark: Line | Points | Bars) -> Any:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    if isinstance(mark, Bars):
        return Patch(color=mark.look.color)
    if isinstance(mark, Points):
        return Line2D([], [], linestyle="none", **_marker(mark.look, min(mark.size, 9)))
    marker = _marker(mark.look, 12 if mark.look.hollow else 5) if mark.markers else {}
    style = {"color": mark.look.color, "linestyle": _dash(mark), "linewidth": mark.width * POINT}
    return Line2D([], [], **style, **marker)


def _dash(mark: Line) -> Any:
    """Matplotlib counts in widths of the line."""
    return (0, [pixels / mark.width for pixels in DASHES[mark.look.dash]]) if DASHES[mark.look.dash] else "solid"


def _marker(look: Look, size: float) -> dict[str, Any]:
    shrunk = size * POINT * (0.92 if look.symbol == "diamond" else 1.0)  # a side here; Plotly's is 1.3 across
    inside = "none" if look.hollow else look.color
    return {
        "marker": SYMBOLS[look.symbol],
        "markersize": shrunk,
        "markerfacecolor": inside,
        "markeredgecolor": look.color,
        "markeredgewidth": 1.4 * POINT if look.hollow else 0.0,
    }


def _numbers(values: Values) -> list[float]:
    return [math.nan if value is None else value for value in values]


def _shares(place: Geometry, x: float, y: float) -> tuple[float, float]:
    return x / place.width, y / place.height
