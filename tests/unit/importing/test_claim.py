"""The overrides of an import: those of a sweep, as far as a folder needs them."""

from __future__ import annotations

from pathlib import Path

import pytest

from sweep.errors import SweepError
from sweep.importing.claim import read_claim


def problems(*overrides: str) -> list[str]:
    with pytest.raises(SweepError) as error:
        read_claim(overrides)
    return list(error.value.problems)


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_level_and_activation_are_enough() -> None:
    claim = read_claim(["level=4", "act=relu"])
    assert (claim.cell.base["name"], claim.cell.level["name"], claim.cell.act["name"]) == ("yolo11n", "4", "relu")
    assert claim.given == {"level", "act"}
    assert claim.data is None


def test_everything_else_can_be_said(tmp_path: Path) -> None:
    claim = read_claim(
        ["level=2", "act=silu", "base=yolov8n", "seed=3", "recipe=v3", f"data={tmp_path}/표지판/data.yaml"]
    )
    assert (claim.cell.base["name"], claim.cell.seed, claim.cell.recipe["name"]) == ("yolov8n", 3, "v3")
    assert claim.cell.weights is None
    assert claim.data is not None
    assert claim.data["path"] == f"{tmp_path}/표지판/data.yaml"


def test_the_users_own_level_is_a_choice(tmp_path: Path) -> None:
    own = tmp_path / "conf/levels/hand.yaml"
    own.parent.mkdir(parents=True)
    own.write_text("title: {en: by hand}\ntransforms: []\n", "utf-8")
    assert read_claim(["level=hand", "act=relu"]).cell.level["title"] == {"en": "by hand"}


def test_what_is_missing_is_asked_for_with_its_choices() -> None:
    level, act = problems()
    assert level.startswith("level= is missing")
    assert "0, 2, 3, 4" in level
    assert "leakyrelu" in act


def test_all_mistakes_are_told_at_once() -> None:
    text = "\n".join(problems("level=7", "act=rellu", "base=yolo11m", "seed=-1", "lvl=3"))
    assert "There is no level 7" in text
    assert "Did you mean `relu`" in text
    assert "There is no base `yolo11m`" in text
    assert "seed=-1" in text
    assert "Did you mean `level`" in text


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("level=2,3", "names several"),
        ("home=/x", "--home DIR"),
        ("tracking.uri=http://h", "--tracking-uri URI"),
        ("recipe.lr0=0.1", "args.yaml"),
        ("workers=2", "not for an import"),
        ("data.allow_download=true", "goes with a data set that is named"),
        ("relu", "neither an option nor a verb"),
    ],
)
def test_what_is_for_a_sweep_only_is_refused(override: str, said: str) -> None:
    others = [text for text in ("level=4", "act=relu") if text.partition("=")[0] != override.partition("=")[0]]
    (problem,) = problems(*others, override)
    assert said in problem
