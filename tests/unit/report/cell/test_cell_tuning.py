"""The tuning section of a cell's report."""

from __future__ import annotations

import re

import pytest

from support.sweep_data import cell_data, sweep_data
from support.sweep_markdown import tables_are_whole
from support.sweeps import study_json, tuned, tuned_tags
from sweep.report.cell import cell_report
from sweep.report.data import CellData
from sweep.report.texts import load_texts, speaking
from sweep.tracking import names

LANGUAGES = pytest.mark.parametrize("language", ["en", "ko"])
NASTY = "<script>alert(1)</script> | a|b ``` **b** [x](y)\n# head {0}"


def tuned_cell(**others: object) -> CellData:
    content: dict[str, object] = {"tags": tuned_tags(), "study": study_json(0.4, 0.45)}
    return cell_data("a", 0.7, **(content | tuned(0.4, 0.45) | others))  # type: ignore[arg-type]


def report(cell: CellData, language: str = "en", **figures: str) -> str:
    with speaking(language):
        return cell_report(sweep_data(cell), cell, {f"figures/{name}.png": title for name, title in figures.items()})


def section(text: str, language: str = "en") -> str:
    with speaking(language):
        title = load_texts("tuning")["cell"]["title"]
    found = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", text, flags=re.S | re.M)
    return found[1] if found else ""


@LANGUAGES
def test_an_untuned_cell_says_nothing_of_tuning(language: str) -> None:
    assert not re.search("tun(e|ed|ing)|튜닝", report(cell_data("a", 0.8), language), flags=re.I)


@LANGUAGES
def test_recipe_best_trial_and_gain(language: str) -> None:
    told = section(report(tuned_cell(), language), language)
    assert "| **mAP50** | 0.6000 | 0.6500 | +5.00 |" in told
    assert "| **mAP50-95** | 0.4000 | 0.4500 | +5.00 |" in told


def test_parameters_have_their_space_their_values_and_their_importance() -> None:
    told = section(report(tuned_cell()))
    rows = [line for line in told.splitlines() if line.startswith(("| **lr0", "| **box"))]
    assert rows == [
        "| **lr0** | tag(log, interval(0.0003, 0.02)) | 0.002 | 0.003457 | 75 % |",
        "| **box** | interval(2.0, 15.0) | 7.5 | 9.5 | 25 % |",
    ]


def test_the_history_holds_each_improvement_and_what_failed() -> None:
    told = section(report(tuned_cell()))
    assert "| Trial | mAP50-95 | Epochs |\n| ---: | ---: | ---: |\n| 0 | 0.4000 | 10 |\n| 1 | 0.4500 | 10 |\n\n" in told
    assert "- Trial 5 failed: ValueError: boom" in told


def test_the_hyperparameters_are_said_to_be_the_recipes() -> None:
    sentence = load_texts("tuning")["cell"]["see"]
    assert sentence in report(tuned_cell())
    kept = tuned_cell(study=None, **tuned(0.4, 0.4))
    assert sentence not in report(kept)
    assert "No trial was better than the recipe" in section(report(kept))


def test_without_a_study_the_parameters_are_told_by_the_tags() -> None:
    told = section(report(tuned_cell(study=["garbage"], **{"recipe.lr0": "0.002"})))
    assert "| **lr0** | 0.002 | 0.003457 |" in told
    assert "`tune/study.json`" in told and "Importance" not in told


def test_a_refit_is_told_apart_from_the_trial() -> None:
    refit = tuned_cell(tags=tuned_tags(**{names.TUNE_REFIT: "true"}), **{"recipe.epochs": "30"})
    assert "is that longer training" in section(report(refit)) and "fewer epochs" not in section(report(refit))
    short = section(report(tuned_cell(**{"recipe.epochs": "30"})))
    assert "Its trials have 10 epochs, the recipe has 30" in short


def test_the_figures_stand_in_the_section() -> None:
    told = section(report(tuned_cell(), study="History", importance="Shares", curves="Curves"))
    assert re.findall(r"!\[(\w+)\]", told) == ["History", "Shares"]


@LANGUAGES
def test_a_failed_cell_with_figures_of_a_study_has_the_section(language: str) -> None:
    told = section(report(tuned_cell(status="failed", reason="boom"), language), language)
    assert "| **mAP50** | 0.6000 | 0.6500 | +5.00 |" in told


@LANGUAGES
def test_figures_that_are_missing_say_so(language: str) -> None:
    cell = cell_data("a", 0.7, **{"tune/trials": 3.0})
    told = section(report(cell, language), language)
    with speaking(language):
        missing = load_texts()["missing"]["not_measured"]
    assert f"| **mAP50** | {missing} | {missing} | {missing} |" in told


@LANGUAGES
def test_names_and_values_that_hold_anything(language: str) -> None:
    trials = [{"number": 0, "slot": 0, "state": "failed", "value": 0.4, "epochs": 1, "reason": NASTY}]
    own = {NASTY: NASTY}
    study = study_json(0.4, 0.5, space=own, recipe=own, best=own, importance={NASTY: 0.5}, trials=trials)
    tags = dict.fromkeys(tuned_tags({}), NASTY) | {f"{names.TUNE_BEST_TAG_PREFIX}{NASTY}": NASTY}
    text = report(tuned_cell(tags=tags, study=study), language)
    assert section(text, language)
    assert tables_are_whole(text)
    assert "<script" not in text and "\n# head" not in text
