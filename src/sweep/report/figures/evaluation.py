"""What an evaluation tells by image: precision against recall, AP by class, confusion."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from sweep.report.data import CellData, SweepData
from sweep.report.figures.cells import caption, look_of, shown_cells
from sweep.report.figures.figure import Axis, Bars, Figure, Heat, Line, Look, Panel
from sweep.report.figures.labels import labels
from sweep.report.figures.numbers import corners, rows, span, values
from sweep.report.figures.style import BLUE, COLORS, INK, SKY
from sweep.report.texts import load_texts

if TYPE_CHECKING:
    from sweep.statistics.images import ImageStatistics

MAX_NAMED: Final = len(COLORS) * 3  # curves of classes that have a look of their own
EXTREMES: Final = 5  # best and worst classes, where there are more
MAX_BARS: Final = 80  # classes; of more the best and the worst
EXTREME_BARS: Final = 20
MAX_WRITTEN: Final = 20  # classes whose figures are written in
MAX_COUNTS: Final = 12  # classes whose confusions are written in
MAX_CONFUSED: Final = 120
CLASS_LABEL: Final = 150  # pixels


def sweep_pr(sweep: SweepData) -> Iterator[Figure]:
    """Yield the precision of each cell over recall, as the mean of its classes."""
    from sweep.statistics.ap import precision_recall

    texts = load_texts("figures")
    lines = []
    for it in shown_cells(sweep):
        if it.cell.statistics is None:
            continue
        curve = precision_recall(it.cell.statistics)
        if len(curve.classes):
            lines.append(Line(it.label, *corners(curve.recall, curve.precision.mean(axis=0)), it.look))
    if lines:
        left = [cell for cell in sweep.finished if cell.statistics is None] if sweep.left_out else []
        yield _pr(caption("pr", lines, [*lines, *left]), texts["mean_precision"], lines)


def cell_pr(cell: CellData) -> Iterator[Figure]:
    """Yield precision over recall of each class; of many classes the best and the worst by name."""
    from sweep.statistics.ap import average_precision, precision_recall

    if cell.statistics is None:
        return
    texts = load_texts("figures")
    curve, ap = precision_recall(cell.statistics), average_precision(cell.statistics).per_class
    count = len(curve.classes)
    if not count:
        return
    order = sorted(range(count), key=lambda row: (-ap[row, 0], row))
    named = range(count) if count <= MAX_NAMED else sorted((*order[:EXTREMES], *order[-EXTREMES:]))
    titles = class_labels(cell.statistics)
    others = [row for row in order if row not in set(named)]
    other_name = str(texts["other_classes"]).format(count=len(others))
    apart = [corners(curve.recall, curve.precision[row]) for row in others]
    x, y = ([value for line in apart for value in (*line[at], None)] for at in (0, 1))
    lines = [Line(other_name, tuple(x), tuple(y), Look("#c4c9cf"), width=0.8)] if others else []
    lines += [
        Line(titles[int(curve.classes[row])], *corners(curve.recall, curve.precision[row]), look_of(place), width=1.4)
        for place, row in enumerate(named)
    ]
    if count > 1:
        lines.append(Line(texts["mean"], *corners(curve.recall, curve.precision.mean(axis=0)), Look(INK), width=3.0))
    yield _pr(caption("pr", (), ()), texts["precision"], lines)


def cell_ap(cell: CellData) -> Iterator[Figure]:
    """Yield AP50 and AP50-95 of each class, the best on top; of very many classes the best and the worst."""
    from sweep.statistics.ap import average_precision

    if cell.statistics is None:
        return
    found = average_precision(cell.statistics)
    order = sorted(range(len(found.classes)), key=lambda row: (-found.per_class[row, 0], row))
    if not order:
        return
    texts = load_texts("figures")
    title = caption("ap", (), ())
    if len(order) > MAX_BARS:
        shape = {"best": EXTREME_BARS, "worst": EXTREME_BARS, "all": len(order)}
        title = str(texts["extremes"]).format(caption=title, **shape)
        order = [*order[:EXTREME_BARS], *order[-EXTREME_BARS:]]
    known = class_labels(cell.statistics)
    titles = tuple(known[int(found.classes[row])] for row in order)
    bars = []
    for name, numbers, look, shift in (
        (texts["ap50"], found.per_class[order, 0], Look(BLUE), -0.2),
        (texts["ap5095"], found.per_class[order].mean(axis=1), Look(SKY), 0.2),
    ):
        x = values(numbers)
        told = tuple(f"{label}: {name} {number:.3f}" for label, number in zip(titles, numbers, strict=True))
        places = values(index + shift for index in range(len(x)))
        written = tuple(f"{number:.3f}" for number in numbers) if len(x) <= MAX_WRITTEN else ()
        bars.append(Bars(name, x, places, look, told, 0.38, written))
    panel = Panel("", Axis(texts["ap"], (0.0, 1.05)), Axis("", rows(len(order)), titles), tuple(bars))
    yield Figure("ap", title, (panel,), panel_height=max((26 if len(order) <= MAX_WRITTEN else 19) * len(order), 80))


def cell_confusion(cell: CellData) -> Iterator[Figure]:
    """Yield the confusion matrix: a column a true class, each divided by its sum, a row a predicted one."""
    import numpy as np

    if cell.statistics is None or cell.statistics.confusion is None or not cell.statistics.confusion.sum():
        return
    matrix = cell.statistics.confusion
    count = len(matrix)
    if count - 1 > MAX_CONFUSED:
        return
    texts = load_texts("figures")
    known = class_labels(cell.statistics)
    titles = (*(known.get(index, str(index)) for index in range(count - 1)), str(texts["background"]))
    sums = matrix.sum(axis=0)
    shares = np.divide(matrix, sums, out=np.full(matrix.shape, np.nan), where=sums > 0)
    told = []
    for row in range(count):
        told.append(
            tuple(
                str(texts["confused" if column < count - 1 else "confused_background"]).format(
                    true=titles[column],
                    predicted=titles[row],
                    count=int(matrix[row, column]),
                    share=f"{shares[row, column]:.1%}",
                )
                if matrix[row, column]
                else ""
                for column in range(count)
            )
        )
    written = tuple(tuple(str(int(n)) if n else "" for n in line) for line in matrix) if count - 1 <= MAX_COUNTS else ()
    shares[matrix == 0] = np.nan
    heat = Heat(texts["share"], tuple(values(np.round(line, 3)) for line in shares), tuple(told), written)
    across = Axis(texts["true_class"], (-0.5, count - 0.5), titles)
    down = Axis(texts["predicted_class"], rows(count), titles)
    side = max(min(48, 900 / count), 9.5)
    yield Figure(
        "confusion",
        caption("confusion", (), ()),
        (Panel("", across, down, (heat,)),),
        panel_height=max(round(count * side), 160),
        width=min(1000, max(620, round(count * side * 1.35) + 330)),
    )


def class_labels(statistics: ImageStatistics) -> Mapping[int, str]:
    """Return what the classes are called in figures, by class id."""
    found = {int(one) for one in (*statistics.object_category, *statistics.category)}
    ids = sorted({*map(int, statistics.classes), *found})
    return dict(zip(ids, labels([statistics.classes.get(one, str(one)) for one in ids], CLASS_LABEL), strict=True))


def _pr(title: str, precision: str, lines: Sequence[Line]) -> Figure:
    texts = load_texts("figures")
    x, y = Axis(texts["recall"], (0.0, 1.0)), Axis(precision, (0.0, span((0, 1), zero=True, air=0.02)[1]))
    return Figure("pr", title, (Panel("", x, y, tuple(lines)),), panel_height=360)
