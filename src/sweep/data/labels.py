"""Read YOLO label files as Ultralytics reads them, but say what is wrong and in which line."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from typing import Literal

Kind = Literal["broken label lines", "class ids out of range", "boxes outside the picture"]
Box = tuple[int, float, float, float, float]
"""class, x centre, y centre, width, height, as shares of the picture's sides."""

TOLERANCE = 0.01
"""How far a coordinate may lie outside 0..1: what `ultralytics.data.utils.verify_image_label` lets pass."""


@dataclass(frozen=True)
class Flaw:
    """A problem in one line (counted from 1; 0 is the whole file) of a label file."""

    kind: Kind
    line: int
    text: str


@dataclass(frozen=True)
class Labels:
    """The content of a label file.

    Attributes:
        boxes: One for each good line, repeated lines included.
        flaws: What is wrong.
        lines: Number of lines that are not blank.
        repeated: Lines that say the same as an earlier one (Ultralytics drops them).
        flat: Boxes without area.
    """

    boxes: tuple[Box, ...]
    flaws: tuple[Flaw, ...]
    lines: int
    repeated: int
    flat: int


def label_path(image: str) -> str:
    """The label file of an image: the last `/images/` becomes `/labels/`, the extension `.txt`."""
    before, after = f"{os.sep}images{os.sep}", f"{os.sep}labels{os.sep}"
    return after.join(image.rsplit(before, 1)).rsplit(".", 1)[0] + ".txt"


def decode_labels(content: bytes, nc: int | None) -> Labels:
    """Like `parse_labels`, from the bytes of the file (UTF-8, with or without byte-order mark)."""
    try:
        return parse_labels(content.decode("utf-8-sig"), nc)
    except UnicodeDecodeError:
        return Labels((), (Flaw("broken label lines", 0, "is not a text file in UTF-8"),), 1, 0, 0)


def parse_labels(text: str, nc: int | None) -> Labels:
    """Read a label file: `class x y width height` a line, or `class x1 y1 x2 y2 x3 y3 …` in all lines.

    Never raises.

    Args:
        text: The file's content.
        nc: Number of classes, None where it is not known (then ids are not held against it).
    """
    rows = [(number, line.split()) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]
    polygons = any(len(fields) > 6 for _, fields in rows)
    boxes: list[Box] = []
    flaws: list[Flaw] = []
    seen: set[tuple[float, ...]] = set()
    for number, fields in rows:
        values = _numbers(fields)
        if isinstance(values, str):
            flaws.append(Flaw("broken label lines", number, values))
        elif wrong := _shape_problem(len(fields), polygons):
            flaws.append(Flaw("broken label lines", number, wrong))
        else:
            box = _enclosing(values) if polygons else values
            found = [*_class_problem(values[0], nc, number), *_place_problem(values, box, polygons, number)]
            flaws += found
            if not found:
                boxes.append((int(box[0]), box[1], box[2], box[3], box[4]))
                seen.add(tuple(values))
    flat = sum(width == 0 or height == 0 for *_, width, height in boxes)
    return Labels(tuple(boxes), tuple(flaws), len(rows), len(boxes) - len(seen), flat)


def _numbers(fields: list[str]) -> list[float] | str:
    values = []
    for field in fields:
        try:
            value = float(field)
        except ValueError:
            return f"{field[:40]!r} is not a number"
        if not math.isfinite(value):
            return f"{field[:40]!r} is not a finite number"
        values.append(value)
    return values


def _shape_problem(columns: int, polygons: bool) -> str | None:
    if not polygons:
        return None if columns == 5 else f"has {columns} columns, a box has 5: class x y width height"
    if columns == 5:
        return "is a box in a file of polygons: Ultralytics refuses a file that mixes both"
    if columns < 7 or columns % 2 == 0:
        return f"has {columns} columns, a polygon has the class and then x y of at least 3 points"
    return None


def _enclosing(values: list[float]) -> list[float]:
    """The box around a polygon."""
    xs, ys = values[1::2], values[2::2]
    left, right, top, bottom = min(xs), max(xs), min(ys), max(ys)
    return [values[0], (left + right) / 2, (top + bottom) / 2, right - left, bottom - top]


def _class_problem(value: float, nc: int | None, line: int) -> list[Flaw]:
    if value != int(value):
        return [Flaw("class ids out of range", line, f"class {value:g} is not an integer")]
    if value < 0 or (nc is not None and value >= nc):
        allowed = "ids start at 0" if nc is None else f"the {nc} names of the data set have the ids 0 to {nc - 1}"
        return [Flaw("class ids out of range", line, f"class {value:g} is out of range: {allowed}")]
    return []


def _place_problem(values: list[float], box: list[float], polygons: bool, line: int) -> list[Flaw]:
    _, x, y, width, height = box
    if width < 0 or height < 0:
        text = f"width {width:g} and height {height:g} must not be negative"
        return [Flaw("boxes outside the picture", line, text)]
    edges = (x - width / 2, x + width / 2, y - height / 2, y + height / 2)
    low, high = -TOLERANCE, 1 + TOLERANCE
    if all(low <= edge <= high for edge in edges) and all(low <= value <= high for value in values[1:]):
        return []
    what = "polygon" if polygons else "box"
    text = (
        f"{what} outside the picture: it spans x {edges[0]:.4g} to {edges[1]:.4g} and y {edges[2]:.4g} to "
        f"{edges[3]:.4g}, which must lie in 0 to 1"
    )
    if max(values[1:]) > 2:
        text += " (these look like pixels; divide by the picture's width and height)"
    return [Flaw("boxes outside the picture", line, text)]
