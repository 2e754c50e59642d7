"""Average precision of each class, from the kept statistics of the validation images."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from sweep.report.cell.grid import Head, grid
from sweep.report.cell.wording import bold, joined, phrase
from sweep.report.cells import number
from sweep.report.data import CellData
from sweep.report.render import Markdown

if TYPE_CHECKING:
    from sweep.statistics.images import ImageStatistics

MAX_CLASSES: Final = 100  # rows of the table, the weakest classes
MAX_NAMES: Final = 20  # names in a sentence


@dataclass(frozen=True)
class ClassFigures:
    """A class with objects: AP in 0 to 1, the number of its objects and of the images that hold them."""

    name: str
    ap50: float
    ap5095: float
    objects: int
    images: int


@lru_cache(maxsize=64)
def class_figures(statistics: ImageStatistics) -> tuple[ClassFigures, ...]:
    """Return the figures of the classes that have objects, the lowest AP50 first; of equal ones by class id."""
    import numpy as np

    from sweep.statistics.ap import average_precision

    precision = average_precision(statistics)
    found = []
    for category, row in zip(precision.classes.tolist(), precision.per_class, strict=True):
        own = statistics.object_category == category
        found.append(
            ClassFigures(
                statistics.classes.get(category, str(category)),
                float(row[0]),
                float(row.mean()),
                int(own.sum()),
                int(np.unique(statistics.object_image[own]).size),
            )
        )
    return tuple(sorted(found, key=lambda figures: figures.ap50))


def class_table(cell: CellData) -> Markdown | None:
    """Return the table of the classes, the weakest first; None where no statistics were kept, or nothing is in them."""
    figures = class_figures(cell.statistics) if cell.statistics is not None else ()
    if cell.statistics is None or not figures:
        return None
    rows: list[list[object]] = [
        [it.name, number(it.ap50, 3), number(it.ap5095, 3), str(it.objects), str(it.images)]
        for it in figures[:MAX_CLASSES]
    ]
    count = len(figures)
    mean50, mean5095 = (sum(values) / count for values in zip(*((it.ap50, it.ap5095) for it in figures), strict=True))
    objects, images = str(len(cell.statistics.object_category)), str(len(cell.statistics.images))
    total = [phrase("classes.all", count=count), number(mean50, 3), number(mean5095, 3), objects, images]
    rows.append([bold(value) for value in total])
    numbers = (Head(phrase(f"classes.{name}"), right=True) for name in ("ap50", "ap5095", "objects", "images"))
    return grid([Head(phrase("classes.class")), *numbers], rows)


def class_notes(cell: CellData) -> list[Markdown]:
    """Return what the table does not show."""
    if cell.statistics is None:
        return [phrase("classes.not_kept")]
    figures = class_figures(cell.statistics)
    if not figures:
        return [phrase("classes.no_objects")]
    notes = [phrase("classes.about")]
    if len(figures) > MAX_CLASSES:
        lowest = number(figures[MAX_CLASSES].ap50, 3)
        notes.append(phrase("classes.more", count=len(figures) - MAX_CLASSES, lowest=lowest))
    ids = {int(category) for category in cell.statistics.object_category}
    empty = [name for category, name in sorted(cell.statistics.classes.items()) if category not in ids]
    if empty:
        notes.append(phrase("classes.empty", names=joined(empty[:MAX_NAMES]), count=len(empty)))
    return notes
