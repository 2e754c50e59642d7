"""AP by class, from kept statistics."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sweep.report.cell import cell_report
from sweep.report.cell.classes import class_figures, class_notes, class_table
from sweep.report.data import CellData, SweepData
from sweep.statistics.images import ImageStatistics

MakeCell = Callable[..., CellData]
MakeSweep = Callable[..., SweepData]


def statistics(objects: int = 4) -> ImageStatistics:
    """Two images; of class 0 all objects are found, of class 1 none, class 2 has none."""
    category = np.array([0, 0, 1, 1][:objects], dtype=np.int32)
    image = np.array([0, 1, 1, 1][:objects], dtype=np.int32)
    return ImageStatistics(
        images=("a.jpg", "b.jpg"),
        classes={0: "stop", 1: "give | way", 2: "none"},
        thresholds=np.linspace(0.5, 0.95, 10),
        image=np.array([0, 1], dtype=np.int32),
        confidence=np.array([0.9, 0.8], dtype=np.float32),
        category=np.array([0, 0], dtype=np.int32),
        correct=np.ones((2, 10), dtype=bool),
        object_image=image,
        object_category=category,
    )


def test_the_weakest_class_comes_first_with_its_objects_and_images() -> None:
    weak, strong = class_figures(statistics())
    assert (weak.name, weak.ap50, weak.objects, weak.images) == ("give | way", 0.0, 2, 1)
    assert (strong.name, strong.objects, strong.images) == ("stop", 2, 2)
    assert strong.ap50 > 0.99


def test_the_table_ends_with_the_mean(make_cell: MakeCell) -> None:
    lines = str(class_table(make_cell(statistics=statistics()))).split("\n")
    assert lines[2] == r"| give \| way | 0.000 | 0.000 | 2 | 1 |"
    assert lines[-1].startswith("| **All (2)** | **0.49") and lines[-1].endswith("| **4** | **2** |")


def test_classes_without_objects_are_named(make_cell: MakeCell) -> None:
    assert any("none" in note for note in class_notes(make_cell(statistics=statistics())))


def test_no_statistics_and_no_objects_are_told_apart(make_cell: MakeCell) -> None:
    without, empty = make_cell(), make_cell(statistics=statistics(objects=0))
    assert class_table(without) is None and class_table(empty) is None
    assert class_notes(without) != class_notes(empty)


def test_cells_with_the_same_detections_are_told_to_be_tied(make_cell: MakeCell, make_sweep: MakeSweep) -> None:
    accuracy = {"best/mAP50": 0.4975, "best/mAP50-95": 0.4975}
    four = make_cell("four", accuracy, statistics=statistics())
    two = make_cell("two", {**accuracy, "level": "2"}, statistics=statistics())
    sweep = make_sweep(four, two)
    assert "cannot be told apart from: two" in cell_report(sweep, four, {})
    text = cell_report(sweep, two, {})
    assert "cannot be told apart from the leader `four`: difference 0.000" in text
    assert "Not to be told apart from the best (Level 2 ReLU)" in text
