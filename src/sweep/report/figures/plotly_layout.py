"""Everything of a Plotly figure but its data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from sweep.report.figures.figure import Axis, Figure
from sweep.report.figures.geometry import LEGEND_ROOM, Box, Geometry, label_size, ticks, turned
from sweep.report.figures.style import FAINT, GRID, HEADING, INK, PAPER, QUIET, TEXT
from sweep.report.fonts.font import FONT_FAMILY

_ESCAPED: Final = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "%": "&#37;", "$": "&#36;"})


def plotly_text(words: str) -> str:
    """Return words that Plotly shows as they are: it reads HTML, TeX and `%{…}` in what it is given."""
    return words.translate(_ESCAPED)


def plotly_layout(figure: Figure, place: Geometry) -> dict[str, Any]:
    """Return the layout: margins, axes, legend and headings, in pixels and shares of the plot as Plotly wants them."""
    made: dict[str, Any] = {
        "autosize": True,
        "height": round(place.height),
        "margin": {"l": _px(place.left), "r": _px(place.right), "t": _px(place.top), "b": _px(place.bottom), "pad": 0},
        "font": {"family": f'"{FONT_FAMILY}", sans-serif', "size": TEXT, "color": INK},
        "paper_bgcolor": PAPER,
        "plot_bgcolor": FAINT if figure.heat else PAPER,
        "hovermode": "closest",
        "hoverlabel": {"namelength": -1, "align": "left"},
        "barmode": "overlay",
        "showlegend": place.side != "none",
        "annotations": list(_headings(figure, place)),
    }
    if place.side == "top":
        y = 1 + (place.top - LEGEND_ROOM) / place.inner_height
        made["legend"] = {"orientation": "h", "x": 0, "xanchor": "left", "y": _share(y), "yanchor": "bottom"}
    elif place.side == "right":
        x = 1 + 12 / place.inner_width  # from exactly 1 down: a legend above that may fill half of the height only
        made["legend"] = {"x": _share(x), "xanchor": "left", "y": 1, "yanchor": "top", "tracegroupgap": 0}
    for number, (panel, box) in enumerate(zip(figure.panels, place.boxes, strict=True)):
        end = "" if number == 0 else str(number + 1)
        width, height = place.size(box)
        made[f"xaxis{end}"] = {
            **_axis(panel.x, width, upright=False),
            "domain": [_share(box.left), _share(box.right)],
            "anchor": f"y{end}",
            "tickangle": -90 if panel.x.labels and turned(panel.x, width) else 0,
        }
        made[f"yaxis{end}"] = {
            **_axis(panel.y, height, upright=True),
            "domain": [_share(box.bottom), _share(box.top)],
            "anchor": f"x{end}",
        }
    return made


def _axis(axis: Axis, length: float, *, upright: bool) -> dict[str, Any]:
    made: dict[str, Any] = {
        "range": [float(f"{end:.6g}") for end in axis.range],
        "title": {"text": plotly_text(axis.title), "font": {"size": TEXT}, "standoff": 8},
        "tickfont": {"size": label_size(axis, length), "color": QUIET},
        "gridcolor": GRID,
        "linecolor": QUIET,
        "zeroline": False,
        "showline": not axis.labels,
        "showgrid": not axis.labels,
        "ticks": "",
        "ticklabelstandoff": 4,
        "showticklabels": axis.labelled,
        "automargin": False,
    }
    if axis.labels:
        made |= {"tickvals": list(range(len(axis.labels))), "ticktext": [plotly_text(label) for label in axis.labels]}
    else:
        made["nticks"] = ticks(length, upright=upright)
    if axis.integers:
        made["tickformat"] = "d"
        if abs(axis.range[1] - axis.range[0]) <= ticks(length, upright=upright):
            made["dtick"] = 1
    return made


def _headings(figure: Figure, place: Geometry) -> Iterator[dict[str, Any]]:
    for panel, box in zip(figure.panels, place.boxes, strict=True):
        if panel.title:
            yield _heading(panel.title, box)


def _heading(words: str, box: Box) -> dict[str, Any]:
    return {
        "text": plotly_text(words),
        "xref": "paper",
        "yref": "paper",
        "x": _share(box.left),
        "y": _share(box.top),
        "xanchor": "left",
        "yanchor": "bottom",
        "yshift": 4,
        "showarrow": False,
        "font": {"size": HEADING, "color": INK},
    }


def _px(pixels: float) -> int:
    return round(pixels)


def _share(part: float) -> float:
    return round(part, 5)
