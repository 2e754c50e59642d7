"""The figures of a study: its history, and the importance of its parameters."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from support.sweep_data import cell_data
from support.sweeps import study_json
from sweep.report.data import CellData
from sweep.report.figures import Figure, cell_figures, to_plotly, to_png
from sweep.report.figures.figure import Bars, Line, Points, legend
from sweep.report.figures.study import MAX_BARS
from sweep.report.texts import speaking


def figures(cell: CellData) -> dict[str, Figure]:
    return {figure.name: figure for figure in cell_figures(cell)}


def of(**others: object) -> dict[str, Figure]:
    return figures(cell_data("a", 0.7, study=study_json(0.4, 0.5, **others)))


def test_the_history_shows_each_kind_of_trial_the_best_so_far_and_the_recipe() -> None:
    marks = {mark.name: mark for marks in legend(of()["study"]).values() for mark in marks}
    assert list(marks) == ["Recipe as it is", "Best so far", "Pruned", "Complete"]
    complete, pruned, best, recipe = (marks[name] for name in ("Complete", "Pruned", "Best so far", "Recipe as it is"))
    assert isinstance(complete, Points) and (complete.x, complete.y) == ((0, 1, 4), (0.4, 0.5, 0.45))
    assert isinstance(pruned, Points) and (pruned.x, pruned.y) == ((2,), (0.2,))
    assert pruned.look.symbol != complete.look.symbol and pruned.look.hollow
    assert isinstance(best, Line) and list(zip(best.x, best.y, strict=True)) == [
        (0, 0.4), (1, 0.4), (1, 0.5), (5, 0.5),
    ]  # fmt: skip
    assert isinstance(recipe, Line) and recipe.y == (0.4, 0.4)


def test_the_best_so_far_goes_down_where_less_is_better() -> None:
    trials = [{"number": n, "slot": n, "state": "complete", "value": value} for n, value in enumerate((0.5, 0.6, 0.3))]
    figure = of(trials=trials, direction="minimize", objective="val/box_loss")["study"]
    best = next(mark for mark in figure.panels[0].marks if mark.name == "Best so far")  # type: ignore[union-attr]
    assert isinstance(best, Line) and best.y == (0.5, 0.5, 0.3, 0.3)
    assert figure.panels[0].y.title == "Box loss, validation"


def test_a_study_of_pruned_trials_only_has_no_best() -> None:
    trials = [{"number": 0, "slot": 0, "state": "pruned", "value": 0.4, "epochs": None}]
    assert list(legend(of(trials=trials)["study"])) == ["Pruned"]


@pytest.mark.parametrize("trials", [[], [{"number": 0, "state": "failed", "value": 0.4}], [{"number": 0}]])
def test_without_a_value_there_is_no_history(trials: list[object]) -> None:
    assert "study" not in of(trials=trials)


def test_importance_is_a_bar_each_the_largest_on_top() -> None:
    figure = of(importance={"box": 0.2, "lr0": 0.7995, "cls": 0.0005})["importance"]
    bars = figure.panels[0].marks[0]
    assert isinstance(bars, Bars)
    assert figure.panels[0].y.labels == ("lr0", "box", "cls")
    assert bars.x == (79.95, 20, 0.05)
    assert "importance" not in of(importance={})
    many = of(importance={f"p{number}": 1.0 for number in range(30)})["importance"]
    assert len(many.panels[0].y.labels) == MAX_BARS


def test_an_untuned_cell_has_neither() -> None:
    assert figures(cell_data("a", 0.7)) == {}


@pytest.mark.parametrize("spoken", ["en", "ko"])
def test_both_renderers_draw_what_any_name_holds(spoken: str, tmp_path: Path) -> None:
    nasty = "<b>$x$</b> %{x} 표지판 🚦 " + "x" * 200
    with speaking(spoken):
        found = of(importance={nasty: 0.5, "lr0": 0.0}, objective=nasty)
        assert set(found) == {"study", "importance"}
        for name, figure in found.items():
            to_png(figure, tmp_path / f"{name}.png")
            first = (tmp_path / f"{name}.png").read_bytes()
            to_png(figure, tmp_path / f"{name}.png")
            assert (tmp_path / f"{name}.png").read_bytes() == first
            text = json.dumps(to_plotly(figure), allow_nan=False)
            assert "<b>$" not in text
