"""A cell's checkpoint as an MLflow model: what it answers, what it holds, where it lies."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from support.served import predict_elsewhere
from sweep.tracking import names, write
from sweep.tracking.models import log_model, logged_model, model_uri
from sweep.tracking.store import Store, open_store

if TYPE_CHECKING:
    from tests.integration.tracking.conftest import Detector

BOX = ["x1", "y1", "x2", "y2", "confidence", "class"]


def start_cell(store: Store, key: str = "key") -> str:
    sweep = write.start_sweep(store, sweep_id="s", name="s", command="c", tags={})
    axes = {"base": "yolo11n", "level": 4, "act": "relu", "seed": 0, "recipe": "quick", "data": "signs"}
    run_id = write.start_cell(
        store, parent_run_id=sweep, sweep_id="s", cell_name="yolo11n-l4", cell_key=key, params=axes, tags={}
    )
    write.log_summary(store, run_id, {"best/mAP50": 0.5, "best/recall": float("nan")})
    write.finish(store, run_id, "FINISHED")
    return run_id


def place_of(store: Store, run_id: str) -> Path:
    run = store.client.get_run(run_id)
    model = logged_model(store, run)
    assert model is not None
    return Path(model_uri(store, run, model).removeprefix("file://"))


@pytest.fixture(scope="module")
def logged(detector: Detector, tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, str, str]:
    """A store, the run of a cell that has ended, and the id of its model."""
    store = open_store(tmp_path_factory.mktemp("logged") / "home", "e")
    run_id = start_cell(store)
    model_id = log_model(store, run_id, detector.checkpoint, imgsz=detector.imgsz, names=detector.names)
    return store, run_id, model_id


@pytest.mark.slow
def test_the_model_finds_what_ultralytics_finds_where_this_package_is_not_installed(
    logged: tuple[Store, str, str], detector: Detector, tmp_path: Path
) -> None:
    store, run_id, model_id = logged
    addresses = f"runs:/{run_id}/model", f"models:/{model_id}"
    found = predict_elsewhere(detector.picture, tmp_path, *addresses, store_uri=store.uri, conf=detector.conf)
    expected = detector.boxes()
    assert len(expected) > 1
    np.testing.assert_array_equal(found[BOX].to_numpy().astype("float32"), expected)
    assert list(found["name"]) == [detector.names[int(kind)] for kind in expected[:, 5]]
    assert not list(tmp_path.iterdir()), "nothing is left in the current folder"


@pytest.mark.slow
def test_several_pictures_are_predicted_each_as_if_alone(logged: tuple[Store, str, str], detector: Detector) -> None:
    import mlflow

    store, run_id, _ = logged
    model = mlflow.pyfunc.load_model(str(place_of(store, run_id)))
    params = {"conf": detector.conf, "max_det": 5}
    image = detector.image
    alone = model.predict(image, params=params)
    assert list(alone.columns) == ["image", *BOX, "name"]
    assert len(alone) == 5
    assert alone["x2"].max() <= image.shape[1]

    pictures = np.empty(3, dtype=object)
    pictures[:] = [image[:16], image, str(detector.picture)]
    together = model.predict(pictures, params=params)
    for number in (1, 2):
        of_one = together[together["image"] == number].assign(image=0)
        assert of_one.reset_index(drop=True).equals(alone)
    plain = model.unwrap_python_model()
    for batch in (np.stack([image, image]), [image, image]):
        assert len(plain.predict(None, batch, params)) == 10
    assert model.predict(image, params={"conf": 1.0}).empty


@pytest.mark.slow
def test_what_is_no_picture_is_refused(logged: tuple[Store, str, str], detector: Detector) -> None:
    import mlflow
    from mlflow.exceptions import MlflowException

    store, run_id, _ = logged
    model = mlflow.pyfunc.load_model(str(place_of(store, run_id)))
    for wrong in (detector.image / 255, detector.image[..., 0], np.dstack([detector.image, detector.image])):
        with pytest.raises(MlflowException, match="does not match expected"):
            model.predict(wrong)
    pictures = np.empty(1, dtype=object)
    pictures[0] = detector.image / 255
    with pytest.raises(ValueError, match="RGB array"):
        model.predict(pictures)


def test_the_folder_says_what_the_model_takes_and_needs_and_nothing_of_this_machine(
    logged: tuple[Store, str, str], detector: Detector
) -> None:
    from importlib.metadata import version

    from mlflow.models import Model

    store, run_id, model_id = logged
    folder = place_of(store, run_id)
    assert (folder / "artifacts/best.pt").read_bytes() == detector.checkpoint.read_bytes()
    assert not (folder / "artifacts/best.pt").is_symlink()
    for file in folder.iterdir():
        if file.is_file():
            text = file.read_text("utf-8")
            assert str(store.home) not in text
            assert str(detector.checkpoint.parent) not in text
            assert str(Path(__file__).parents[3]) not in text, "where this package is"
    ultralytics = f"ultralytics=={version('ultralytics')}"
    assert ultralytics in (folder / "requirements.txt").read_text().splitlines()

    meta = Model.load(str(folder))
    assert (meta.model_id, meta.run_id) == (model_id, run_id)
    assert meta.signature is not None
    assert meta.signature.inputs.to_dict()[0]["tensor-spec"] == {"dtype": "uint8", "shape": (-1, -1, 3)}
    assert meta.signature.outputs.input_names() == ["image", *BOX, "name"]
    assert {spec.name: spec.default for spec in meta.signature.params.params}["imgsz"] == detector.imgsz
    example = meta.load_input_example(str(folder))
    assert (example.shape, example.dtype) == ((24, 32, 3), np.uint8)


@pytest.mark.slow
def test_the_input_example_passes_as_a_request_to_a_model_server(logged: tuple[Store, str, str]) -> None:
    from mlflow.models import Model, validate_serving_input

    store, run_id, _ = logged
    folder = str(place_of(store, run_id))
    request = Model.load(folder).get_serving_input(folder)
    assert request is not None
    with pytest.warns(FutureWarning, match="mlflow.models.predict"):  # which starts a process and writes files
        answer = validate_serving_input(folder, request)
    assert list(answer.columns) == ["image", *BOX, "name"]


def test_a_run_has_one_model_with_its_accuracy(logged: tuple[Store, str, str], detector: Detector) -> None:
    store, run_id, model_id = logged
    again = log_model(store, run_id, detector.checkpoint, imgsz=detector.imgsz, names=detector.names)
    assert again == model_id
    run = store.client.get_run(run_id)
    assert [output.model_id for output in run.outputs.model_outputs] == [model_id]
    (model,) = store.client.search_logged_models([store.experiment_id])
    assert (model.name, model.source_run_id, str(model.status)) == ("model", run_id, "READY")
    assert model.tags[names.CELL] == "yolo11n-l4"
    assert model.params["act"] == "relu"
    assert {point.key: point.value for point in model.metrics} == {"best/mAP50": 0.5}, "a missing figure is no 0"
    assert len(store.client.get_metric_history(run_id, "best/mAP50")) == 1
    assert run.info.status == "FINISHED"
    assert not list(store.home.glob(".staging*"))


def test_what_a_broken_upload_left_does_not_stand_in_the_way(detector: Detector, tmp_path: Path) -> None:
    store = open_store(tmp_path / "home", "e")
    run_id = start_cell(store)
    left = store.client.create_logged_model(store.experiment_id, name=names.MODEL, source_run_id=run_id)
    assert str(left.status) == "PENDING"
    model_id = log_model(store, run_id, detector.checkpoint, imgsz=32, names=detector.names)
    assert [model.model_id for model in store.client.search_logged_models([store.experiment_id])] == [model_id]

    other = start_cell(store, "other")
    with pytest.raises(FileNotFoundError, match=r"no such checkpoint.*gone\.pt"):
        log_model(store, other, tmp_path / "gone.pt", imgsz=32, names=detector.names)
    with pytest.raises(ValueError, match="invalid literal"):
        log_model(store, other, detector.checkpoint, imgsz=32, names={"no number": "stop"})  # type: ignore[dict-item]
    assert logged_model(store, store.client.get_run(other)) is None
    assert len(store.client.search_logged_models([store.experiment_id])) == 1


@pytest.mark.parametrize("way", ["moved", "copied"])
def test_a_model_logged_in_a_moved_home_stays_in_it(detector: Detector, tmp_path: Path, way: str) -> None:
    old = open_store(tmp_path / "old", "e")
    before_the_move, after_it = start_cell(old, "a"), start_cell(old, "b")
    write.log_json(old, after_it, {}, "any.json")
    write.log_json(old, before_the_move, {}, "any.json")
    log_model(old, before_the_move, detector.checkpoint, imgsz=32, names=detector.names)
    (shutil.move if way == "moved" else shutil.copytree)(tmp_path / "old", tmp_path / "new")
    files = sorted(tmp_path.glob("old/**/*"))

    store = open_store(tmp_path / "new", "e")
    log_model(store, after_it, detector.checkpoint, imgsz=32, names=detector.names)
    assert sorted(tmp_path.glob("old/**/*")) == files, "nothing was written to the old place"
    for run_id in (before_the_move, after_it):
        folder = place_of(store, run_id)
        assert folder.is_relative_to(tmp_path / "new")
        assert (folder / "MLmodel").is_file()
        assert (folder / "artifacts/best.pt").is_file()


def test_names_of_classes_can_hold_anything(detector: Detector, tmp_path: Path) -> None:
    from mlflow.models import Model

    classes = {0: "<script>alert(1)</script>", 1: "a: b\n- c # '\"", 2: "🚦" * 200, 3: "\ud800", 10: "=cmd()"}
    store = open_store(tmp_path / "집 home", "e")
    run_id = start_cell(store)
    log_model(store, run_id, detector.checkpoint, imgsz=32, names=classes)
    (folder,) = (tmp_path / "집 home/artifacts/models").glob("*/artifacts")
    kept = Model.load(str(folder)).flavors["python_function"]["config"]["names"]
    assert kept == classes | {3: "?"}
    assert json.loads((folder / "serving_input_example.json").read_text()).keys() == {"inputs"}
