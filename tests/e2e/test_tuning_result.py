"""What a tuned cell is in MLflow: the best trial's checkpoint, figures and curves, and what its study came to."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from e2e.conftest import Desk, close_desk, make_desk
from support.tuned import TUNED, check_totals, runs_of_trials, trials

pytestmark = pytest.mark.slow
RECIPE_LR0 = 0.002
ONE = ("level=4", "act=relu")
LEARNS = ("recipe.imgsz=64", "recipe.batch=8", "npu=none")
SPACE = ("tune.space.lr0=tag(log, interval(0.0003, 0.1))", *(f"tune.space.{name}=null" for name in ("box", "dfl")))
FIGURES = ("precision", "recall", "mAP50", "mAP50-95")
METRICS = ("trials", "pruned", "failed", "lost", "epochs", "train_s", "best_trial", "value")
ARTIFACTS = {"tune/best.yaml", "tune/trials.csv", "tune/study.json", "tune/study.html", "tune/figures"}


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory, signs: Path) -> Iterator[tuple[Desk, tuple[str, ...]]]:
    """A tuned cell that starts from a checkpoint, so that two epochs find something: where, and its command."""
    desk = make_desk(tmp_path_factory.mktemp("tuned"), signs, measured=True)
    code, output = desk.run(*ONE, *LEARNS, "recipe.epochs=4")
    assert code == 0, output
    (learned,) = desk.cell_runs()
    weights = desk.store().client.download_artifacts(learned.run_id, "weights/best.pt", str(desk.folder))
    pruner = ("tune.pruner=percentile", "tune.pruner.percentile=1.0", "tune.pruner.n_startup_trials=1")
    tune = ("tune=optuna", *SPACE, *pruner, "tune.sampler=random")
    command = (*ONE, *LEARNS, f"model.weights={weights}", "recipe.epochs=2", "recipe.fraction=0.2", *tune)
    code, output = desk.run(*command, "tune.trials=4")
    assert code == 0, output
    yield desk, command
    close_desk(desk)


def cell_of(desk: Desk) -> Any:
    """The MLflow run of the only cell of the latest sweep."""
    (run_id,) = desk.last_cells()["run_id"]
    return next(run for run in desk.cell_runs() if run.run_id == run_id)


def study_json(desk: Desk, run_id: str, folder: Path) -> Any:
    path = desk.store().client.download_artifacts(run_id, "tune/study.json", str(folder))
    return json.loads(Path(path).read_text("utf-8"))


def test_the_cell_is_its_best_trial(tuned: tuple[Desk, tuple[str, ...]], tmp_path: Path) -> None:
    from sweep.tracking.read import curves

    desk, _ = tuned
    cell, store = cell_of(desk), desk.store()
    check_totals(store, desk.last_cells(), desk.home, 4)
    (study,) = trials(desk.home).values()
    best = max((trial for trial in study if trial.state.name == "COMPLETE"), key=lambda trial: trial.value)
    run = next(run for run in runs_of_trials(store, cell.run_id) if run.tags["tune.trial"] == str(best.number))

    assert best.value > 0, "the checkpoint learned nothing, and every trial is as good as the recipe"
    assert cell.metrics["best/mAP50-95"] == pytest.approx(best.value, abs=1e-9)
    assert cell.metrics["tune/value"] == best.value
    assert cell.metrics["tune/best_trial"] == best.number
    assert curves(store, cell.run_id, ("metrics/mAP50-95", "train/box_loss")).equals(
        curves(store, run.run_id, ("metrics/mAP50-95", "train/box_loss"))
    )
    checkpoints = [
        Path(store.client.download_artifacts(each.run_id, "weights/best.pt", str(tmp_path / each.run_id))).read_bytes()
        for each in (cell, run)
    ]
    assert checkpoints[0] == checkpoints[1]


def test_the_recipe_is_trial_0_and_the_tuned_figures_are_no_worse(tuned: tuple[Desk, tuple[str, ...]]) -> None:
    desk, _ = tuned
    cell = cell_of(desk)
    (study,) = trials(desk.home).values()
    recipe = study[0]

    assert (recipe.user_attrs["slot"], recipe.state.name) == (0, "COMPLETE")
    assert recipe.params["lr0"] == RECIPE_LR0
    assert cell.metrics["tune/recipe/mAP50-95"] == pytest.approx(recipe.value, abs=1e-9)
    assert cell.metrics["tune/tuned/mAP50-95"] >= cell.metrics["tune/recipe/mAP50-95"] > 0


def test_a_pruned_trial_trained_less_and_kept_its_curve(tuned: tuple[Desk, tuple[str, ...]]) -> None:
    desk, _ = tuned
    store, cell = desk.store(), cell_of(desk)
    (study,) = trials(desk.home).values()
    pruned = [trial for trial in study if trial.state.name == "PRUNED"]

    assert pruned, "with learning rates up to 0.1, nothing was pruned"
    assert cell.metrics["tune/pruned"] == len(pruned)
    by_number = {run.tags["tune.trial"]: run for run in runs_of_trials(store, cell.run_id)}
    for trial in pruned:
        run = by_number[str(trial.number)]
        assert (run.tags["tune.state"], run.status) == ("pruned", "finished")
        points = store.client.get_metric_history(run.run_id, "metrics/mAP50-95")
        assert {point.step: point.value for point in points} == trial.intermediate_values
        assert len(points) == 1
        assert "best/mAP50-95" not in run.metrics


def test_what_the_study_came_to_is_kept(tuned: tuple[Desk, tuple[str, ...]], tmp_path: Path) -> None:
    import pandas as pd
    import yaml

    desk, _ = tuned
    store, cell = desk.store(), cell_of(desk)
    ((name, study),) = trials(desk.home).items()
    facts = study_json(desk, cell.run_id, tmp_path)

    assert {f"tune/{metric}" for metric in METRICS} <= set(cell.metrics)
    assert cell.metrics["tune/epochs"] == sum(len(trial.intermediate_values) for trial in study)
    wanted = {"study": name, "sampler": "random", "pruner": "percentile", "objective": "metrics/mAP50-95"}
    wanted |= {"stopped": "total", "refit": "false", "trial_epochs": "2", "trials": "4"}
    assert {key: cell.tags[f"tune.{key}"] for key in wanted} == wanted
    assert cell.tags["tune.storage"].endswith("optuna/journal.log")
    best = study[int(cell.metrics["tune/best_trial"])].params
    assert {tag: value for tag, value in cell.tags.items() if tag.startswith("tune.best.")} == {
        f"tune.best.{parameter}": str(value) for parameter, value in best.items()
    }
    assert {file.path for file in store.client.list_artifacts(cell.run_id, "tune")} >= ARTIFACTS
    assert [trial["params"] for trial in facts["trials"]] == [trial.params for trial in study]
    assert facts["recipe"]["lr0"] == RECIPE_LR0
    assert {trial["run_id"] for trial in facts["trials"]} == {run.id for run in runs_of_trials(store, cell.run_id)}
    table = pd.read_csv(store.client.download_artifacts(cell.run_id, "tune/trials.csv", str(tmp_path)))
    assert table["recipe.lr0"].tolist() == pytest.approx([trial.params["lr0"] for trial in study])
    written = Path(store.client.download_artifacts(cell.run_id, "tune/best.yaml", str(tmp_path))).read_text("utf-8")
    recipe = yaml.safe_load(written)
    assert {parameter: recipe[parameter] for parameter in best} == best
    assert (recipe["epochs"], recipe["imgsz"], recipe["optimizer"]) == (2, 64, "AdamW")


def test_the_runs_of_trials_hold_the_contract(tuned: tuple[Desk, tuple[str, ...]]) -> None:
    desk, _ = tuned
    cell = cell_of(desk)
    (study,) = trials(desk.home).values()
    for run in runs_of_trials(desk.store(), cell.run_id):
        trial = study[int(run.tags["tune.trial"])]
        assert run.tags["sweep.kind"] == "trial"
        assert run.tags["tune.slot"] == str(trial.user_attrs["slot"])
        assert (run.tags["sweep.cell"], run.tags["sweep.cell_key"]) == (cell.cell, cell.key)
        assert (run.params["level"], run.params["act"], run.params["seed"]) == ("4", "relu", "0")
        assert float(run.params["recipe.lr0"]) == trial.params["lr0"]
        if trial.state.name == "COMPLETE":
            assert {f"best/{name}" for name in FIGURES} | {"best/epoch", "time/train_s"} <= set(run.metrics)


PLAIN = """
import json, sys
from ultralytics import YOLO
metrics = YOLO(sys.argv[1]).val(data=sys.argv[2], imgsz=64, batch=8, plots=False, verbose=False)
print("RESULT" + json.dumps({k: float(v) for k, v in metrics.results_dict.items()}))
"""


def test_the_checkpoint_works_in_plain_ultralytics(tuned: tuple[Desk, tuple[str, ...]], tmp_path: Path) -> None:
    desk, _ = tuned
    cell = cell_of(desk)
    path = desk.store().client.download_artifacts(cell.run_id, "weights/best.pt", str(tmp_path))
    data = desk.home / "datasets" / "signs" / "data.yaml"
    command = [sys.executable, "-c", PLAIN, path, str(data)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=tmp_path, timeout=300)

    assert done.returncode == 0, done.stderr
    plain = json.loads(done.stdout.rpartition("RESULT")[2])
    for name in FIGURES:
        assert plain[f"metrics/{name}(B)"] == pytest.approx(cell.metrics[f"best/{name}"], abs=1e-6)


def test_the_report_tells_of_the_tuning(tuned: tuple[Desk, tuple[str, ...]]) -> None:
    desk, _ = tuned
    newest = max(desk.home.glob("sweeps/*/report"), key=lambda path: path.parent.name)
    row = next(line for line in (newest / "tables" / "tuning.md").read_text().splitlines() if "-l4-relu-" in line)
    assert f"{cell_of(desk).metrics['tune/tuned/mAP50-95']:.4f}" in row
    assert "## Tuning" in (newest / "report.en.md").read_text("utf-8")
    assert "lr0" in (newest / "report.ko.md").read_text("utf-8")


def test_more_trials_are_added_to_those_that_are_there(tuned: tuple[Desk, tuple[str, ...]]) -> None:
    """It changes what the other tests look at, so it comes last."""
    desk, command = tuned
    (before,) = trials(desk.home).values()
    first = cell_of(desk)

    code, output = desk.run(*command, "tune.trials=5")

    assert code == 0, output
    (after,) = trials(desk.home).values()
    assert [(trial.number, trial.params) for trial in after[:4]] == [(trial.number, trial.params) for trial in before]
    assert len(after) == 5
    check_totals(desk.store(), desk.last_cells(), desk.home, 5)
    assert cell_of(desk).run_id != first.run_id
    assert runs_of_trials(desk.store(), first.run_id) == []
    assert cell_of(desk).metrics["best/mAP50-95"] >= first.metrics["best/mAP50-95"]


def test_a_refit_trains_the_best_values_as_long_as_the_recipe(desk: Desk) -> None:
    from sweep.tracking.read import curves

    code, output = desk.run(*ONE, *TUNED, "recipe.epochs=3", "tune.epochs=2", "tune.refit=true", "tune.trials=2")

    assert code == 0, output
    cell, store = cell_of(desk), desk.store()
    check_totals(store, desk.last_cells(), desk.home, 2)
    assert list(curves(store, cell.run_id).index) == [1, 2, 3]
    runs = runs_of_trials(store, cell.run_id)
    assert {run.params["recipe.epochs"] for run in runs} == {"2"}
    assert all(list(curves(store, run.run_id).index) == [1, 2] for run in runs)
    assert (cell.tags["tune.refit"], cell.tags["tune.trial_epochs"], cell.params["recipe.epochs"]) == ("true", "2", "3")


def test_a_warm_start_tries_the_best_values_of_a_finished_cell(desk: Desk) -> None:
    one_by_one = ("workers=1", "tune.trials=2", "tune.objective=train/box_loss", "tune.warm_start=true")
    code, output = desk.run("level=3,4", "act=relu", *TUNED, *one_by_one)

    assert code == 0, output
    check_totals(desk.store(), desk.last_cells(), desk.home, 2)
    studies = trials(desk.home)
    (first,) = (study for name, study in studies.items() if "-l3-" in name)
    (second,) = (study for name, study in studies.items() if "-l4-" in name)
    best = min(first, key=lambda trial: trial.value if trial.state.name == "COMPLETE" else float("inf"))
    (warm,) = (trial for trial in second if trial.user_attrs["slot"] == 1)
    assert warm.params == best.params
    assert first[1].params != first[0].params
