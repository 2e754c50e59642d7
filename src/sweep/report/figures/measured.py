"""Accuracy against what it costs, what INT8 costs, and latency: the figures that were measured on targets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from sweep.report.cells import number
from sweep.report.columns import direction, heading
from sweep.report.data import CellData, SweepData
from sweep.report.figures.cells import Shown, caption, shown_cells
from sweep.report.figures.figure import Axis, Bars, Figure, Line, Look, Panel, Points, Range
from sweep.report.figures.labels import cut
from sweep.report.figures.numbers import rows, span, values
from sweep.report.figures.style import BLUE, GREY, INK, QUIET, SKY, VERMILION
from sweep.report.measurements import facts_by_target, measured_metrics
from sweep.report.texts import load_texts
from sweep.tracking import names

FP32: Final = "fp32/mAP50"
INT8: Final = "int8/mAP50"
HOST: Final = ("fp32/latency_ms", "int8/latency_ms")
ROW: Final = 30  # pixels of a cell
LEAST: Final = 60
HEADING: Final = 210  # pixels of an axis' title, of three side by side
WRITTEN: Final = 0.24  # of an axis: the room for what is written at the end of a bar


def pareto(sweep: SweepData) -> Iterator[Figure]:
    """Yield accuracy against latency, INT8 size and NPU share, with the front that no other cell beats."""
    from sweep.report.pareto import objectives

    texts = load_texts("figures")
    metric = sweep.settings.ranked_by
    found = {cost: _known(sweep.finished, metric, cost) for cost in objectives(sweep).values()}
    found = {cost: cells for cost, cells in found.items() if len(cells) > 1}  # one cell alone is compared with nothing
    if not found:
        return
    facts = facts_by_target(sweep.frame)
    every = [cell for cells in found.values() for cell in cells]
    ends = [end for cell in every for end in (_value(cell, metric), *_interval(cell, metric))]
    y = Axis(heading(metric, facts), span(ends, air=0.08))
    members = {id(cell) for cost, cells in found.items() for cell in _members(cells, metric, cost)}
    shown = shown_cells(sweep, also=[cell for cell in sweep.finished if id(cell) in members])
    panels = []
    for index, (cost, cells) in enumerate(found.items()):
        way = texts["higher" if direction(cost) == "up" else "lower"]
        x = Axis(str(way).format(heading=cut(heading(cost, facts), HEADING)), _costs(cells, cost))
        side = y if index == 0 else Axis("", y.range)
        panels.append(Panel("", x, side, (_front(cells, metric, cost), *_cells(cells, shown, metric, cost))))
    yield Figure("pareto", caption("pareto", (), ()), tuple(panels), columns=3, panel_height=300)


def int8_drop(sweep: SweepData) -> Iterator[Figure]:
    """Yield mAP50 of each cell as FP32 and as INT8, and the drop between them."""
    every = _known(sweep.finished, FP32, INT8)
    shown = [it for it in shown_cells(sweep) if it.cell in every]
    if not shown:
        return
    texts = load_texts("figures")
    facts = facts_by_target(sweep.frame)
    before, after = ([_value(it.cell, metric) or 0.0 for it in shown] for metric in (FP32, INT8))
    drops = [one - other for one, other in zip(before, after, strict=True)]
    places = values(range(len(shown)))
    labels = tuple(it.label for it in shown)
    joined_x = values(x for pair in zip(before, after, strict=True) for x in (*pair, None))
    joined_y = values(y for place in places for y in (place, place, None))
    told = [
        tuple(f"{label}: {name} {number(value, 4)}" for label, value in zip(labels, numbers, strict=True))
        for name, numbers in ((texts["fp32"], before), (texts["int8"], after), (texts["drop"], drops))
    ]
    accuracy = (
        Line("", joined_x, joined_y, Look(GREY), width=2.0),
        Points(texts["fp32"], values(before), places, Look(BLUE), told[0], size=10),
        Points(texts["int8"], values(after), places, Look(VERMILION, symbol="diamond"), told[1], size=10),
    )
    down = Axis("", rows(len(shown)), labels)
    written = tuple(number(drop, 4, signed=True) for drop in drops)
    panels = (
        Panel("", Axis(heading("best/mAP50", facts), span((*before, *after), air=0.08)), down, accuracy),
        Panel(
            "",
            Axis(texts["drop"], span(drops, air=WRITTEN, zero=True)),
            Axis("", rows(len(shown)), labels, labelled=False),
            (Bars("", values(drops), places, Look(VERMILION), told[2], 0.55, written), _zero(len(shown))),
        ),
    )
    yield Figure("int8_drop", caption("int8_drop", shown, every), panels, columns=2, panel_height=_tall(shown))


def latency(sweep: SweepData) -> Iterator[Figure]:
    """Yield the latency of each cell on each target that states one, and on the host."""
    metrics = [name for name in measured_metrics(sweep.frame) if name.endswith("/latency_ms")]
    targets = [name for name in metrics if name not in HOST]
    host = [name for name in HOST if name in metrics]
    every = [cell for cell in sweep.finished if any(_value(cell, name) is not None for name in metrics)]
    shown = [it for it in shown_cells(sweep) if it.cell in every]
    if not shown:
        return
    texts = load_texts("figures")
    facts = facts_by_target(sweep.frame)
    groups = [_Group(cut(heading(name, facts), HEADING), {name: ""}) for name in targets]
    if host:
        groups.append(_Group(str(texts["host"]), {name: str(texts[name.partition("/")[0]]) for name in host}))
    groups = [
        group for group in groups if any(_value(it.cell, name) is not None for it in shown for name in group.bars)
    ]
    columns = min(len(groups), 3)
    panels = tuple(_bars(group, shown, labelled=index % columns == 0) for index, group in enumerate(groups))
    title = caption("latency", shown, every)
    yield Figure("latency", title, panels, columns=columns, panel_height=_tall(shown))


@dataclass(frozen=True)
class _Group:
    """A panel of bars: its axis' title, and what the bars of each metric are called."""

    title: str
    bars: dict[str, str]


def _bars(group: _Group, shown: Sequence[Shown], *, labelled: bool) -> Panel:
    looks = {FP32: Look(BLUE), INT8: Look(VERMILION)}
    thickness = 0.6 / len(group.bars)
    marks = []
    for index, (metric, name) in enumerate(group.bars.items()):
        shift = (index - (len(group.bars) - 1) / 2) * (thickness + 0.02)
        numbers = [_value(it.cell, metric) for it in shown]
        told = tuple(
            "" if value is None else f"{it.label}: {' '.join(filter(None, (name, number(value, 2))))} ms"
            for it, value in zip(shown, numbers, strict=True)
        )
        places = values(place + shift for place in range(len(shown)))
        written = tuple("" if value is None else number(value, 2) for value in numbers)
        look = looks.get(f"{metric.partition('/')[0]}/mAP50", Look(SKY))
        marks.append(Bars(name, values(numbers), places, look, told, thickness, written))
    x = Axis(group.title, span((x for mark in marks for x in mark.x), air=WRITTEN, zero=True))
    return Panel("", x, Axis("", rows(len(shown)), tuple(it.label for it in shown), labelled=labelled), tuple(marks))


def _costs(cells: Sequence[CellData], cost: str) -> Range:
    low, high = span((_value(cell, cost) for cell in cells), air=0.08)
    whole = 100 + 0.08 * (100 - low)  # room for a point at 100 %, and none for a number above
    return (low, min(high, whole)) if cost.endswith("_pct") and low < 100 else (low, high)


def _members(cells: Sequence[CellData], metric: str, cost: str) -> list[CellData]:
    from sweep.report.pareto import front

    points = [(_value(cell, metric) or 0.0, _value(cell, cost) or 0.0) for cell in cells]
    return [cells[index] for index in sorted(front(points, ("up", direction(cost) or "down")))]


def _front(cells: Sequence[CellData], metric: str, cost: str) -> Line:
    """The line through the front, from one end to the other, with a ring at each of its cells."""
    members = _members(cells, metric, cost)
    x, y = zip(*sorted({(_value(cell, cost) or 0.0, _value(cell, metric) or 0.0) for cell in members}), strict=True)
    name = str(load_texts("figures")["front"])
    return Line(name, values(x), values(y), Look(INK, "dot", "circle", hollow=True), markers=True, width=1.2)


def _cells(cells: Sequence[CellData], shown: Sequence[Shown], metric: str, cost: str) -> Iterator[Points]:
    named = {id(it.cell) for it in shown}
    rest = [cell for cell in cells if id(cell) not in named]
    if rest:
        name = str(load_texts("figures")["other_cells"]).format(count=len(rest))
        yield _points(name, rest, [cell.name for cell in rest], Look(GREY), metric, cost, size=6)
    for it in shown:
        if it.cell in cells:
            yield _points(it.label, [it.cell], [it.label], it.look, metric, cost, size=10)


def _points(
    name: str, cells: Sequence[CellData], labels: Sequence[str], look: Look, metric: str, cost: str, *, size: float
) -> Points:
    ends = [_interval(cell, metric) for cell in cells] if len(cells) == 1 else []
    told = tuple(_told(cell, label, metric, cost) for cell, label in zip(cells, labels, strict=True))
    return Points(
        name,
        values(_value(cell, cost) for cell in cells),
        values(_value(cell, metric) for cell in cells),
        look,
        told,
        values(low for low, _ in ends),
        values(high for _, high in ends),
        size,
    )


def _told(cell: CellData, label: str, metric: str, cost: str) -> str:
    low, high = _interval(cell, metric)
    parts = [label, f"{heading(metric, cell.facts)} {number(_value(cell, metric), 4)}"]
    if low is not None and high is not None:
        parts.append(str(load_texts("figures")["interval"]).format(low=number(low, 4), high=number(high, 4)))
    return ", ".join([*parts, f"{heading(cost, cell.facts)} {number(_value(cell, cost), 2)}"])


def _known(cells: Sequence[CellData], *metrics: str) -> list[CellData]:
    return [cell for cell in cells if all(_value(cell, metric) is not None for metric in metrics)]


def _value(cell: CellData, metric: str) -> float | None:
    """A figure that can be drawn: infinity cannot."""
    value = cell.number(metric)
    return value if value is not None and abs(value) != float("inf") else None


def _interval(cell: CellData, metric: str) -> tuple[float | None, float | None]:
    low, high = (_value(cell, end) for end in names.INTERVALS[metric])
    return (low, high) if low is not None and high is not None else (None, None)


def _zero(count: int) -> Line:
    """The line from which bars go both ways."""
    return Line("", (0, 0), values(rows(count)), Look(QUIET), width=1.0)


def _tall(shown: Sequence[object]) -> int:
    return max(ROW * len(shown), LEAST)
