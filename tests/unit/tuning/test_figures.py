"""The figures of real studies in memory; the page is opened in a browser where there is one."""

from __future__ import annotations

import math
import warnings
from pathlib import Path

import matplotlib
import optuna
import pytest
from matplotlib import pyplot
from PIL import Image

from support.browser import browser, console, requests, wait
from sweep.tuning.figures import write_figures

OBJECTIVE = "metrics/mAP50-95"
PICTURES = {f"tune/figures/{name}.png" for name in ("history", "importance", "slice", "intermediate")}
EVERYTHING = PICTURES | {"tune/study.html"}


def make_study(
    trials: int = 20, names: tuple[str, ...] = ("lr0", "box"), *, flat: bool = False, choice: str = "SGD"
) -> optuna.Study:
    """A study whose worse trials are pruned after three of nine epochs."""
    study = optuna.create_study(
        study_name=names[0] if "<" in names[0] else "yolo11n-l4-relu-s0",
        direction="maximize",
        sampler=optuna.samplers.RandomSampler(seed=1),
    )
    for number in range(trials):
        trial = study.ask()
        levels = [trial.suggest_float(name, 0.0003, 0.02, log=True) for name in names]
        trial.suggest_categorical("optimizer", [choice, "AdamW"]) if len(names) > 1 else None
        goal = 0.5 if flat else math.exp(-((math.log(levels[0]) + 5) ** 2) / 3)
        pruned = number > 0 and goal < 0.3
        for epoch in range(1, 4 if pruned else 10):
            trial.report(goal * epoch / 9, epoch)
        study.tell(trial, None if pruned else goal, state=_state(pruned))
    return study


def _state(pruned: bool) -> optuna.trial.TrialState:
    return optuna.trial.TrialState.PRUNED if pruned else optuna.trial.TrialState.COMPLETE


def names_of(study: optuna.Study, folder: Path) -> set[str]:
    written = write_figures(study, folder, objective=OBJECTIVE)
    for name, path in written.items():
        assert path.name == Path(name).name
        if path.suffix == ".png":
            with Image.open(path) as picture:
                assert min(picture.size) > 200
                assert len(picture.convert("L").getcolors()) > 50  # not an empty sheet
    return set(written)


def test_all_figures_and_nothing_left_behind(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    study = make_study()
    assert {trial.state.name for trial in study.trials} == {"COMPLETE", "PRUNED"}
    style = dict(matplotlib.rcParams)
    capfd.readouterr()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert names_of(study, tmp_path / "new" / "folder") == EVERYTHING
    assert pyplot.get_fignums() == []
    assert dict(matplotlib.rcParams) == style
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("study", "absent"),
    [
        (make_study(0), EVERYTHING),
        (make_study(1), {"tune/figures/importance.png", "tune/figures/slice.png"}),
        (make_study(6, ("lr0",)), {"tune/figures/importance.png"}),
        (make_study(6, flat=True), {"tune/figures/importance.png"}),
    ],
    ids=["no trial", "one trial", "one parameter", "all equal"],
)
def test_what_cannot_be_drawn_is_left_out(study: optuna.Study, absent: set[str], tmp_path: Path) -> None:
    assert names_of(study, tmp_path) == EVERYTHING - absent


def test_without_a_complete_trial_there_are_curves_only(tmp_path: Path) -> None:
    study = optuna.create_study(direction="maximize")
    for _ in range(3):
        trial = study.ask()
        trial.suggest_float("lr0", 0.1, 0.2)
        trial.report(0.1, 1)
        study.tell(trial, state=optuna.trial.TrialState.PRUNED)
    assert names_of(study, tmp_path) == {"tune/figures/intermediate.png", "tune/study.html"}


def test_many_trials_do_not_stretch_the_curves(tmp_path: Path) -> None:
    few, many = (write_figures(make_study(count), tmp_path / str(count), objective=OBJECTIVE) for count in (20, 120))
    heights = [Image.open(written["tune/figures/intermediate.png"]).height for written in (few, many)]
    assert heights[1] < 1.2 * heights[0]


def test_the_same_study_gives_the_same_bytes(tmp_path: Path) -> None:
    first, again = (write_figures(make_study(), tmp_path / name, objective=OBJECTIVE) for name in ("a", "b"))
    assert [path.read_bytes() for path in first.values()] == [path.read_bytes() for path in again.values()]


HOSTILE = "</script><script>document.title='taken'</script><img src=x onerror=\"document.title='taken'\">$\\frac{$%{x}"


def test_hostile_names_are_drawn(tmp_path: Path) -> None:
    study = make_study(8, (HOSTILE, "box"), choice=HOSTILE)
    assert names_of(study, tmp_path) == EVERYTHING


@pytest.mark.parametrize("name", ["lr0", HOSTILE])
def test_the_page_draws_everything_without_a_network(name: str, tmp_path: Path) -> None:
    study = make_study(8, (name, "box"), choice=name)
    page = write_figures(study, tmp_path, objective=OBJECTIVE)["tune/study.html"]
    with browser(tmp_path / "profile") as driver:
        driver.get(page.as_uri())
        count = "return document.querySelectorAll('.js-plotly-plot .main-svg path').length"
        wait(lambda: driver.execute_script(count) > 20, "the figures")
        drawn: list[str] = driver.execute_script(
            "return [...document.querySelectorAll('.js-plotly-plot')].map(plot => plot.id)"
        )
        assert drawn == ["history", "importance", "slice", "intermediate"]
        assert driver.title == study.study_name
        asked = [address for address in requests(driver) if not address.startswith(("data:", "blob:"))]
        assert asked == [page.as_uri()]
        assert driver.execute_script("return document.querySelectorAll('img').length") == 0
        links = "return document.querySelectorAll('a[href], [data-title*=loud]').length"
        assert driver.execute_script(links) == 0
        wide = "return document.documentElement.scrollWidth > document.documentElement.clientWidth"
        assert not driver.execute_script(wide)
        assert console(driver) == []
