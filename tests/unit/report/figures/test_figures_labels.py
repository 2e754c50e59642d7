"""Names of any kind become labels that are short, on one line, and unlike one another."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from sweep.report.figures.labels import LONGEST, cut, labels, text_width


@given(st.lists(st.text(max_size=250), max_size=12))
def test_labels_are_short_and_unique(names: list[str]) -> None:
    made = labels(names)
    assert len(set(made)) == len(made) == len(names)
    assert all(label and label.isprintable() for label in made)
    assert all(text_width(label, 12) <= LONGEST for label in made)


def test_what_is_short_stays_as_it_is() -> None:
    assert labels(["yolo11n-l4-relu-s0", "교통표지판"]) == ("yolo11n-l4-relu-s0", "교통표지판")


def test_long_names_lose_their_middle() -> None:
    label = cut("yolo11n-l4-" + "x" * 200 + "-s0-ab12cd34", LONGEST)
    assert label.startswith("yolo11n-l4-x") and label.endswith("s0-ab12cd34") and "…" in label


def test_long_names_that_differ_in_the_middle_are_numbered() -> None:
    first, second = labels(["a" * 90 + "1" + "b" * 109, "a" * 90 + "2" + "b" * 109])
    assert second.endswith(" (2)") and not first.endswith(")")


def test_syllables_that_were_taken_apart_are_joined() -> None:
    assert cut(unicodedata.normalize("NFD", "신호등"), LONGEST) == "신호등"
