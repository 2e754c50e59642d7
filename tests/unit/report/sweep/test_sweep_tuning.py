"""The tuning section of a sweep's report: its figures, its caveats, and names that hold anything."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from support.sweep_data import cell_data, sweep_data
from support.sweep_markdown import checked
from support.sweeps import study_json, tuned, tuned_tags
from sweep.report.data import CellData
from sweep.report.sweep.tuning import MAX_COLUMNS
from sweep.report.texts import load_texts, speaking
from sweep.tracking import names

LANGUAGES = ("en", "ko")
NASTY = [
    "<script>alert(1)</script>",
    "a|b||c",
    "표지판 🚦",
    "x" * 200,
    "a\nb\r\n# c",
    "`c` **b** ```",
    "{cell} {0}",
    "\\",
]


@pytest.fixture(params=LANGUAGES)
def language(request: pytest.FixtureRequest) -> Iterator[str]:
    with speaking(request.param):
        yield request.param


def cell(name: str, recipe: float = 0.4, best: float = 0.45, **others: Any) -> CellData:
    tags = others.pop("tags", tuned_tags())
    study = others.pop("study", study_json(recipe, best))
    return cell_data(name, best + 0.2, folder=name, tags=tags, study=study, **(tuned(recipe, best) | others))


def section(*cells: CellData, language: str = "en") -> str:
    with speaking(language):
        text = checked(sweep_data(*cells))
        title = load_texts("tuning")["sweep"]["title"]
    found = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", text, flags=re.S | re.M)
    return found[1] if found else ""


def line(text: str, start: str) -> str:
    (found,) = (line for line in text.splitlines() if line.startswith(start))
    return found


def test_without_tuned_cells_there_is_no_section(language: str) -> None:
    text = checked(sweep_data(cell_data("a", 0.8), cell_data("b", 0.7, level="2")))
    assert not re.search("tun(e|ing)|튜닝", text, flags=re.I)


def test_a_cell_has_recipe_tuned_and_gain(language: str) -> None:
    told = section(cell("a"), cell_data("plain", 0.7), language=language)
    assert "| a | 0.6000 | 0.6500 | +5.00 | 0.4000 | 0.4500 | +5.00 | 4 | 1 | 33 |" in told
    assert "| plain | – | – | – | – | – | – | – | – | – |" in told


def test_trials_pruned_and_epochs_saved_are_summed() -> None:
    told = section(cell("a", **{"tune/failed": 1.0}), cell("b", **{"tune/lost": 2.0}), cell_data("plain", 0.7))
    assert "Tuned cells: 2 of 3." in told
    assert "Trials that ended: 8, of which pruned: 2 (25 %)." in told
    assert "Epochs trained: 66. As many trials without pruning would have taken 80: 14 saved (18 %)." in told
    assert "in an error: 1. Trials whose worker died, and that were run again: 2." in told


def test_nothing_is_said_to_be_saved_where_nothing_was() -> None:
    assert "nothing was saved" in section(cell("a", **{"tune/epochs": 44.0}))
    unknown = tuned_tags()
    del unknown[names.TUNE_EPOCHS_TAG]
    told = section(cell("a", tags=unknown))
    assert "- Epochs trained: 33.\n" in told and "saved" not in told


def test_methods_and_what_ended_the_studies_are_told_in_words() -> None:
    told = section(cell("a"), cell("b", tags=tuned_tags(**{names.TUNE_STOPPED: "patience=5"})))
    assert "Sampler: TPE. Pruner: Hyperband. Objective: mAP50-95," in told
    assert "all trials asked for have ended (cells: 1), 5 trials in a row without an improvement (cells: 1)." in told
    timed = section(cell("a", tags=tuned_tags(**{names.TUNE_STOPPED: "budget_min=10"})))
    assert "10 minutes of training used up (cells: 1)." in timed


def test_cells_that_were_tuned_otherwise_are_told_apart() -> None:
    told = section(cell("a"), cell("b", tags=tuned_tags(**{names.TUNE_SAMPLER: "own_sampler"})))
    assert line(told, "- [a](cells/a/report.en.md): Sampler: TPE.")
    assert line(told, r"- [b](cells/b/report.en.md): Sampler: own\_sampler.")


def test_the_selection_on_the_validation_images_is_admitted() -> None:
    told = section(cell("a"), cell("b", **{"tune/trials": 9.0}))
    assert "the best of 9 trials, and it was selected on the same validation images" in told
    assert "equal budget: at most 10 epochs each" in told


def test_what_a_result_is_depends_on_the_refit() -> None:
    refit = tuned_tags(**{names.TUNE_REFIT: "true"})
    told = section(cell("short", **{"recipe.epochs": "30"}), cell("again", tags=refit, **{"recipe.epochs": "30"}))
    assert "[short]" in line(told, "- Cells whose result") and "[again]" not in line(told, "- Cells whose result")
    assert "[short]" in line(told, "- Trials shorter") and "[again]" not in line(told, "- Trials shorter")
    assert "[again]" in line(told, "- Cells whose best parameters were trained again")
    assert "shorter" not in section(cell("a", **{"recipe.epochs": "10"}))


def test_a_recipe_that_no_trial_beat_is_named() -> None:
    told = section(cell("kept", 0.4, 0.4, study=None), cell("better"))
    assert line(told, "- No trial was better than the recipe: [kept]") == (
        "- No trial was better than the recipe: [kept](cells/kept/report.en.md)."
    )


def test_best_parameters_stand_beside_those_of_the_recipe() -> None:
    told = section(cell("a"), cell("b", tags=tuned_tags({"lr0": 0.0123456, "cls": 0.7})))
    assert "| Parameter | Recipe | a | b |" in told
    assert "| lr0 | 0.002 | 0.003457 | 0.01235 |" in told
    assert "| box | 7.5 | 9.5 | – |" in told


def test_recipes_that_differ_are_told_in_each_cell() -> None:
    other = study_json(0.4, 0.5, recipe={"lr0": 0.01, "box": 7.5})
    told = section(cell("a"), cell("b", study=other))
    assert "| lr0 | differs | 0.003457 (recipe: 0.002) | 0.003457 (recipe: 0.01) |" in told
    assert "| box | 7.5 | 9.5 | 9.5 |" in told


def test_without_the_study_the_recipe_is_that_of_the_run() -> None:
    told = section(cell("a", study=None, **{"recipe.lr0": "0.002"}))
    assert "| lr0 | 0.002 | 0.003457 |" in told
    assert "| box | Ultralytics' default | 9.5 |" in told
    assert "mattered" not in told


def test_of_many_cells_the_first_are_shown() -> None:
    told = section(*(cell(f"c{number}") for number in range(MAX_COLUMNS + 3)))
    assert "3 more tuned cells" in told
    assert line(told, "| Parameter |").count("|") == MAX_COLUMNS + 3


def test_importance_is_told_largest_first_and_not_where_there_is_none() -> None:
    shares = {f"p{number}": 1 / 2 ** (number + 1) for number in range(6)} | {"tiny": 0.0002}
    told = section(cell("a", study=study_json(0.4, 0.5, importance=shares)), cell("b"))
    assert "| [a](cells/a/report.en.md) | p0 50 %, p1 25 %, p2 12 %, p3 6 %, p4 3 % and 2 more |" in told
    assert "| [b](cells/b/report.en.md) | lr0 75 %, box 25 % |" in told
    assert "mattered" not in section(cell("a", study=study_json(0.4, 0.5, importance={})))


@pytest.mark.parametrize("text", NASTY)
def test_names_and_values_that_hold_anything(text: str, language: str) -> None:
    tags = dict.fromkeys(tuned_tags({}), text) | {f"{names.TUNE_BEST_TAG_PREFIX}{text}": text}
    study = study_json(0.4, 0.5, space={text: text}, recipe={text: text}, best={text: text}, importance={text: 0.5})
    cells = [cell_data(text, 0.7, folder=f"f{n}", tags=tags, study=study, **tuned(0.4, 0.5)) for n in range(2)]
    told = section(*cells, cell("ok"), language=language)
    assert "<script" not in told
    assert "\n# c" not in told
