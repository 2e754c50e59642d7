"""Label files: whatever the text, there are boxes or flaws and never an exception."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweep.data.labels import decode_labels, label_path, parse_labels

shares = st.floats(0, 1)
fields = st.one_of(st.text(max_size=6), st.floats().map(str), st.integers(-3, 10).map(str))
lines = st.lists(fields, max_size=12).map(" ".join)


@given(st.lists(lines, max_size=6).map("\n".join) | st.text(), st.none() | st.integers(1, 5))
def test_never_raises(text: str, nc: int | None) -> None:
    labels = parse_labels(text, nc)
    assert len(labels.boxes) + len(labels.flaws) >= labels.lines
    for kind, x, y, width, height in labels.boxes:
        assert kind >= 0 and (nc is None or kind < nc)
        assert all(-0.02 <= value <= 1.02 for value in (x, y, width, height))
    assert all(1 <= flaw.line <= len(text.splitlines()) for flaw in labels.flaws)


@given(st.binary())
def test_bytes_never_raise(content: bytes) -> None:
    decode_labels(content, 3)


@given(st.integers(0, 4), shares, shares, shares, shares)
def test_boxes_inside_the_picture_pass(kind: int, left: float, right: float, top: float, bottom: float) -> None:
    left, right, top, bottom = min(left, right), max(left, right), min(top, bottom), max(top, bottom)
    box = (kind, (left + right) / 2, (top + bottom) / 2, right - left, bottom - top)
    labels = parse_labels(" ".join(map(str, box)), 5)
    assert (labels.boxes, labels.flaws) == ((box,), ())


def test_polygon_becomes_the_box_around_it() -> None:
    labels = parse_labels("1 0.25 0.5 0.75 0.5 0.5 1.0\n", 2)
    assert labels.boxes == ((1, 0.5, 0.75, 0.5, 0.5),)


def test_lines_are_counted_with_blank_ones() -> None:
    labels = parse_labels("\n\n0 0.5 0.5 0.1 0.1\n\n9 0.5 0.5 0.1 0.1", 2)
    assert [(flaw.kind, flaw.line) for flaw in labels.flaws] == [("class ids out of range", 5)]


def test_repeated_and_flat_boxes_are_counted() -> None:
    labels = parse_labels("0 0.5 0.5 0.1 0\n0 .50 0.5 0.1 0\n", 1)
    assert (labels.lines, labels.repeated, labels.flat) == (2, 1, 2)


@pytest.mark.parametrize(
    ("image", "label"),
    [
        ("/a/images/train/x.jpg", "/a/labels/train/x.txt"),
        ("/images/a/images/x.y.PNG", "/images/a/labels/x.y.txt"),
        ("/a/pictures/x.jpg", "/a/pictures/x.txt"),
    ],
)
def test_label_path(image: str, label: str) -> None:
    assert label_path(image) == label
