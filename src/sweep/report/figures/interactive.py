"""A figure as Plotly draws it: a plain dictionary that JSON can hold."""

from __future__ import annotations

from typing import Any

from sweep.report.figures.figure import Bars, Figure, Heat, Line, Look, Mark, Panel, Points
from sweep.report.figures.geometry import SCALE, Geometry, geometry, written_size
from sweep.report.figures.plotly_layout import plotly_layout
from sweep.report.figures.plotly_layout import plotly_text as text
from sweep.report.figures.style import DASHES, HEAT, QUIET, TEXT, TICK


def to_plotly(figure: Figure) -> dict[str, Any]:
    """Return the figure as `{"data": […], "layout": {…}}` for plotly.js, with nothing but what JSON has.

    Names and labels show as they are. A page may set another width.
    """
    place = geometry(figure)
    data: list[dict[str, Any]] = []
    named: set[str] = set()
    for number, (panel, box) in enumerate(zip(figure.panels, place.boxes, strict=True)):
        end = "" if number == 0 else str(number + 1)
        for mark in panel.marks:
            trace = {**_trace(mark, panel, place, place.size(box)[1]), "xaxis": f"x{end}", "yaxis": f"y{end}"}
            if not isinstance(mark, Heat):
                trace |= {"name": text(mark.name), "legendgroup": mark.name} if mark.name else {}
                trace["showlegend"] = bool(mark.name) and mark.name not in named
                named.add(mark.name)
            data.append(trace)
    return {"data": data, "layout": plotly_layout(figure, place)}


def _trace(mark: Mark, panel: Panel, place: Geometry, height: float) -> dict[str, Any]:
    if isinstance(mark, Line):
        return _line(mark, panel)
    if isinstance(mark, Points):
        return _points(mark)
    return _bars(mark, panel, height) if isinstance(mark, Bars) else _heat(mark, place)


def _line(mark: Line, panel: Panel) -> dict[str, Any]:
    trace: dict[str, Any] = {
        "type": "scatter",
        "mode": "lines+markers" if mark.markers else "lines",
        "x": list(mark.x),
        "y": list(mark.y),
        "line": {"color": mark.look.color, "dash": _dash(mark.look), "width": mark.width},
    }
    if mark.markers:
        trace["marker"] = _marker(mark.look, 15 if mark.look.hollow else 5)
    if not mark.name or mark.look.hollow:
        return trace | {"hoverinfo": "skip"}
    lead = f"{text(panel.x.title)} %{{x}}<br>{text(panel.title or panel.y.title)} %{{y:.4~f}}"
    return trace | {"hovertemplate": f"{lead}<extra>{text(mark.name)}</extra>"}


def _points(mark: Points) -> dict[str, Any]:
    trace: dict[str, Any] = {
        "type": "scatter",
        "mode": "markers",
        "x": list(mark.x),
        "y": list(mark.y),
        "marker": _marker(mark.look, mark.size),
        "text": [text(words) for words in mark.texts],
        "hovertemplate": "%{text}<extra></extra>",
    }
    if any(end is not None for end in mark.high):
        trace["error_y"] = {
            "type": "data",
            "symmetric": False,
            "array": _gaps(mark.high, mark.y),
            "arrayminus": _gaps(mark.y, mark.low),
            "color": mark.look.color,
            "thickness": 1.2,
            "width": 3,
        }
    return trace


def _bars(mark: Bars, panel: Panel, height: float) -> dict[str, Any]:
    written: dict[str, Any] = {"textposition": "none"}
    if mark.written:
        size = written_size(mark, panel.y, height)
        written = {"text": list(mark.written), "textposition": "outside", "textangle": 0, "cliponaxis": False}
        written["constraintext"] = "none"
        written["textfont"] = {"size": round(size, 1), "color": QUIET}
    return {
        "type": "bar",
        "orientation": "h",
        "x": list(mark.x),
        "y": list(mark.y),
        "width": mark.thickness,
        "marker": {"color": mark.look.color},
        "customdata": [text(words) for words in mark.texts],
        "hovertemplate": "%{customdata}<extra></extra>",
        **written,
    }


def _heat(mark: Heat, place: Geometry) -> dict[str, Any]:
    steps = len(HEAT) - 1
    trace: dict[str, Any] = {
        "type": "heatmap",
        "z": [list(row) for row in mark.values],
        "zmin": 0,
        "zmax": 1,
        "colorscale": [[round(index / steps, 3), color] for index, color in enumerate(HEAT)],
        "customdata": [[text(words) for words in row] for row in mark.texts],
        "hovertemplate": "%{customdata}<extra></extra>",
        "hoverongaps": False,
        "xgap": 1,
        "ygap": 1,
        "colorbar": {
            "title": {"text": text(mark.title), "side": "right", "font": {"size": TEXT}},
            "thickness": SCALE,
            "outlinewidth": 0,
            "tickformat": ".0%",
            "ticklabeloverflow": "allow",
            "tickvals": [0, 0.2, 0.4, 0.6, 0.8, 1],
            "tickfont": {"size": TICK, "color": QUIET},
            "x": round(1 + 12 / place.inner_width, 3),
            "xpad": 0,
            "len": 1,
            "ypad": 0,
        },
    }
    if mark.written:
        trace |= {"text": [list(row) for row in mark.written], "texttemplate": "%{text}", "textfont": {"size": TICK}}
    return trace


def _marker(look: Look, size: float) -> dict[str, Any]:
    if look.hollow:
        return {"symbol": f"{look.symbol}-open", "size": size, "color": look.color, "line": {"width": 1.4}}
    return {"symbol": look.symbol, "size": size, "color": look.color}


def _gaps(ends: tuple[float | None, ...], starts: tuple[float | None, ...]) -> list[float | None]:
    return [
        None if end is None or start is None else float(f"{end - start:.5g}")
        for end, start in zip(ends, starts, strict=True)
    ]


def _dash(look: Look) -> str:
    return ",".join(f"{pixels:g}px" for pixels in DASHES[look.dash]) or "solid"
