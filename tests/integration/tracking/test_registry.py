"""The champion in MLflow's registry."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from support.mlflow_server import mlflow_server
from support.served import load_table_elsewhere, predict_elsewhere
from sweep.errors import SweepError
from sweep.tracking import names, write
from sweep.tracking.comparison import COMPARISON, log_comparison
from sweep.tracking.models import log_model
from sweep.tracking.registry import CHAMPION, name_problem, register_champion
from sweep.tracking.store import Store, open_store

if TYPE_CHECKING:
    from tests.integration.tracking.conftest import Detector

BOX = ["x1", "y1", "x2", "y2", "confidence", "class"]


def start_cell(store: Store, name: str) -> str:
    return write.start_cell(
        store, parent_run_id="0" * 32, sweep_id="s", cell_name=name, cell_key=f"key of {name}", params={}, tags={}
    )


def cell_with_model(store: Store, name: str, detector: Detector) -> str:
    run_id = start_cell(store, name)
    log_model(store, run_id, detector.checkpoint, imgsz=detector.imgsz, names=detector.names)
    return run_id


def champion(store: Store, name: str) -> str:
    return str(store.client.get_model_version_by_alias(name, CHAMPION).run_id)


@pytest.fixture(scope="module")
def cell(detector: Detector, tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, str]:
    """A store and the run of a cell with a model."""
    store = open_store(tmp_path_factory.mktemp("cell"), "e")
    return store, cell_with_model(store, "cell", detector)


def test_the_alias_moves_to_the_recommended_cell_and_versions_are_not_repeated(
    detector: Detector, tmp_path: Path
) -> None:
    store = open_store(tmp_path, "e")
    first, second = (cell_with_model(store, name, detector) for name in ("첫째", "second"))
    assert register_champion(store, first, "도로 signs") == "1"
    assert register_champion(store, first, "도로 signs") == "1"
    assert register_champion(store, second, "도로 signs") == "2"
    assert champion(store, "도로 signs") == second
    assert register_champion(store, first, "도로 signs") == "1", "it is there already"
    assert champion(store, "도로 signs") == first
    assert len(store.client.search_model_versions("name = '도로 signs'")) == 2
    version = store.client.get_model_version("도로 signs", "1")
    assert version.tags == {names.CELL: "첫째", names.CELL_KEY: "key of 첫째", names.SWEEP_ID: "s"}
    assert register_champion(store, first, "another name") == "1"


@pytest.mark.slow
def test_the_champion_of_a_moved_home_is_found_there(detector: Detector, tmp_path: Path) -> None:
    old = open_store(tmp_path / "old", "e")
    run_id = cell_with_model(old, "cell", detector)
    register_champion(old, run_id, "signs")
    (tmp_path / "old").rename(tmp_path / "new")

    store = open_store(tmp_path / "new", "e")
    assert register_champion(store, run_id, "signs") == "2", "the files of version 1 are gone from where it says"
    assert register_champion(store, run_id, "signs") == "2"
    (tmp_path / "cwd").mkdir()
    found = predict_elsewhere(
        detector.picture, tmp_path / "cwd", "models:/signs@champion", store_uri=store.uri, conf=detector.conf
    )
    assert len(found) == len(detector.boxes())
    assert not (tmp_path / "old").exists()


@pytest.mark.slow
def test_on_a_server(detector: Detector, tmp_path: Path) -> None:
    import pandas as pd

    (tmp_path / "cwd").mkdir()
    with mlflow_server(tmp_path / "server") as uri:
        store = open_store(tmp_path / "home", "e", uri)
        run_id = cell_with_model(store, "cell", detector)
        assert cell_with_model(store, "other", detector) != run_id
        assert register_champion(store, run_id, "signs") == "1"
        assert register_champion(store, run_id, "signs") == "1"
        log_comparison(store, run_id, pd.DataFrame({"a": [1.5]}))
        log_comparison(store, run_id, pd.DataFrame({"a": [2.5]}))
        table = load_table_elsewhere(COMPARISON, run_id, tmp_path / "cwd", store_uri=uri)
        assert table["a"].tolist() == [2.5]
        addresses = "models:/signs@champion", f"runs:/{run_id}/model"
        found = predict_elsewhere(detector.picture, tmp_path / "cwd", *addresses, store_uri=uri, conf=detector.conf)
        np.testing.assert_array_equal(found[BOX].to_numpy().astype("float32"), detector.boxes())
        (model,) = (m for m in store.client.search_logged_models([store.experiment_id]) if m.source_run_id == run_id)
        assert "signs" in model.tags["mlflow.modelVersions"]
    assert {path.name for path in (tmp_path / "home").iterdir()} <= {"mlflow.lock"}
    assert not list((tmp_path / "cwd").iterdir())


def test_a_run_without_a_model_is_not_registered(tmp_path: Path) -> None:
    store = open_store(tmp_path, "e")
    with pytest.raises(SweepError, match=r"old cell .* holds no model to register"):
        register_champion(store, start_cell(store, "old cell"), "signs")
    assert store.client.search_registered_models() == []


def test_the_name_of_a_prompt_is_refused(detector: Detector, tmp_path: Path) -> None:
    store = open_store(tmp_path, "e")
    store.client.register_prompt("signs", "Say {{ word }}.")
    with pytest.raises(SweepError, match="a prompt has this name"):
        register_champion(store, cell_with_model(store, "cell", detector), "signs")


@pytest.mark.parametrize("name", ["", "  ", "a/b", "a:b", "a?b", "a\nb", ".", "..", "..a", " a", "x" * 257, "\ud800"])
def test_a_name_that_the_registry_refuses_is_a_sentence_before_anything_starts(name: str, tmp_path: Path) -> None:
    problem = name_problem(name)
    assert problem is not None
    assert problem.startswith("report.register=")
    assert "\n" not in problem
    problem.encode()
    with pytest.raises(SweepError):
        register_champion(Store("sqlite:////nowhere/mlflow.db", "e", "1", tmp_path), "0" * 32, name)


@pytest.mark.parametrize(
    "name", ["road signs", "도로-표지", "a@b", "50%", 'it\'s "it"', "<b>|=cmd()", "🚦", "x" * 256, "a#1"]
)
def test_a_name_that_passes_is_found_by_its_address(name: str, cell: tuple[Store, str]) -> None:
    from mlflow.store.artifact.utils.models import get_model_name_and_version

    assert name_problem(name) is None
    store, run_id = cell
    version = register_champion(store, run_id, name)
    found, number = get_model_name_and_version(store.client, f"models:/{name}@champion")
    assert (found, str(number)) == (name, version)
