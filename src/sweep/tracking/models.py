"""A cell's checkpoint as an MLflow model: `mlflow.pyfunc.load_model(f"runs:/{run_id}/model").predict(image)`."""

from __future__ import annotations

import json
import math
import os
import platform
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sweep.packages import installed_version
from sweep.tracking import names as words
from sweep.tracking.artifacts import moved_folder
from sweep.tracking.store import Store

if TYPE_CHECKING:
    from mlflow.entities import LoggedModel, Run
    from mlflow.models import ModelSignature

CODE: Final = Path(__file__).with_name("served_model.py")
MODEL_TYPE: Final = "object-detection"
# What the model needs where it is loaded; versions are those that trained it.
REQUIREMENTS: Final = ("mlflow", "ultralytics", "torch", "torchvision", "numpy", "pandas")
# Ultralytics' defaults for prediction (8.4: `Model.predict` and cfg/default.yaml).
CONF, IOU, MAX_DET = 0.25, 0.7, 300
EXAMPLE_SHAPE: Final = (24, 32, 3)  # small: MLflow keeps it as JSON, twice

_MLMODEL = "MLmodel"
_REQUIREMENTS, _PYTHON_ENV = "requirements.txt", "python_env.yaml"
_EXAMPLE, _SERVING_EXAMPLE = "input_example.json", "serving_input_example.json"
_CHECKPOINT = "artifacts/best.pt"


def log_model(store: Store, run_id: str, checkpoint: Path, *, imgsz: int, names: Mapping[int, str]) -> str:
    """Log a checkpoint as the model of a run, and return the model's id; a run that has one keeps it.

    The model is a folder: MLmodel (signature, parameters, class names), `served_model.py`, the checkpoint, an input
    example and its requirements. Beside the checkpoint's own training arguments it holds no path of this machine.

    Args:
        store: The opened store.
        run_id: The cell's run; it may have ended.
        checkpoint: A detection checkpoint of Ultralytics.
        imgsz: Side of the input in pixels, as in training.
        names: The names of the classes.

    Raises:
        FileNotFoundError: There is no such checkpoint.
    """
    if not checkpoint.is_file():
        raise FileNotFoundError(f"no such checkpoint to log: {checkpoint}")
    run = store.client.get_run(run_id)
    known = logged_model(store, run)
    if known is not None:
        _link(store, run, known)
        return str(known.model_id)
    for broken in _models(store, run):  # left by an upload whose process died; MLflow would find it by its name
        store.client.delete_logged_model(broken.model_id)
    model = store.client.create_logged_model(
        run.info.experiment_id,
        name=words.MODEL,
        source_run_id=run_id,
        tags={tag: run.data.tags[tag] for tag in (words.CELL, words.CELL_KEY, words.SWEEP_ID) if tag in run.data.tags},
        params={axis: run.data.params[axis] for axis in words.AXES if axis in run.data.params} | {"imgsz": str(imgsz)},
        model_type=MODEL_TYPE,
    )
    try:
        store.home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=store.home, prefix=f".staging-{os.getpid()}-") as folder:
            _write(Path(folder), checkpoint, model, imgsz, names)
            _upload(store, run, model, Path(folder))
        store.client.finalize_logged_model(model.model_id, "READY")
    except BaseException:
        with suppress(Exception):  # a server that is away: the next call removes it
            store.client.delete_logged_model(model.model_id)
        raise
    _link(store, run, model)
    return str(model.model_id)


def logged_model(store: Store, run: Run) -> LoggedModel | None:
    """Return the model that was logged for a run, or None where there is none that is complete."""
    return next((model for model in _models(store, run) if str(model.status) == "READY"), None)


def model_uri(store: Store, run: Run, model: LoggedModel) -> str:
    """Return where the files of a model are: what MLflow recorded, or their place in a home that was moved since."""
    moved = _moved(store, run, model)
    return str(model.artifact_location) if moved is None else moved.as_uri()


def _models(store: Store, run: Run) -> list[LoggedModel]:
    name_and_run = f"name = '{words.MODEL}' AND source_run_id = '{run.info.run_id}'"
    return list(store.client.search_logged_models([run.info.experiment_id], name_and_run))


def _moved(store: Store, run: Run, model: LoggedModel) -> Path | None:
    """The folder of a model whose run lies in a home that was moved or copied; None where MLflow knows its place."""
    if moved_folder(store, run.info.run_id, run.info.artifact_uri) is None:
        return None
    return store.home / "artifacts" / "models" / str(model.model_id) / "artifacts"


def _upload(store: Store, run: Run, model: LoggedModel, folder: Path) -> None:
    moved = _moved(store, run, model)
    if moved is None:
        store.client.log_model_artifacts(model.model_id, str(folder))
    else:  # MLflow would write to the old place
        shutil.copytree(folder, moved, dirs_exist_ok=True)


def _link(store: Store, run: Run, model: LoggedModel) -> None:
    """Make the model an output of its run, and show the run's accuracy with it."""
    from mlflow.entities import LoggedModelOutput, Metric

    outputs = run.outputs.model_outputs if run.outputs else []
    if model.model_id in {output.model_id for output in outputs}:
        return
    store.client.log_outputs(run.info.run_id, [LoggedModelOutput(model.model_id, step=0)])
    metrics = []
    for name in words.BEST:
        if math.isnan(run.data.metrics.get(name, math.nan)):  # MLflow keeps NaN as 0 with a model
            continue
        # The run's own point again, with its time: the run gets no second one.
        point = max(store.client.get_metric_history(run.info.run_id, name), key=lambda each: each.timestamp)
        metrics.append(Metric(name, point.value, point.timestamp, point.step, model_id=model.model_id))
    if metrics:
        store.client.log_batch(run.info.run_id, metrics=metrics)


def _write(folder: Path, checkpoint: Path, model: LoggedModel, imgsz: int, names: Mapping[int, str]) -> None:
    """Write the model's folder.

    `mlflow.pyfunc.save_model` would do it, too, but writes the absolute places of code and checkpoint into MLmodel,
    copies a `pyproject.toml` and `uv.lock` of the current folder, and runs the code once.
    """
    from mlflow.models import Model
    from mlflow.pyfunc import add_to_model

    (folder / _CHECKPOINT).parent.mkdir()
    (folder / _CHECKPOINT).symlink_to(checkpoint.absolute())
    shutil.copyfile(CODE, folder / CODE.name)
    _write_requirements(folder)
    example = _example()
    _write_text(folder / _EXAMPLE, json.dumps(example))
    _write_text(folder / _SERVING_EXAMPLE, json.dumps({"inputs": example}))
    meta = Model(
        artifact_path=words.MODEL,
        run_id=model.source_run_id,
        model_uuid=model.model_id,
        model_id=model.model_id,
        signature=signature(imgsz),
        saved_input_example_info={
            "artifact_path": _EXAMPLE,
            "serving_input_path": _SERVING_EXAMPLE,
            "type": "ndarray",
        },
        model_size_bytes=sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()),
    )
    add_to_model(
        meta,
        loader_module="mlflow.pyfunc.loaders.code_model",
        model_code_path=CODE.name,
        python_env=_PYTHON_ENV,
        artifacts={"checkpoint": {"path": _CHECKPOINT, "uri": _CHECKPOINT}},
        model_config={"imgsz": imgsz, "names": {int(number): _utf8(name) for number, name in names.items()}},
        streamable=False,
    )
    meta.save(folder / _MLMODEL)


def signature(imgsz: int) -> ModelSignature:
    """Return what the model takes and gives: a picture of any size, Ultralytics' options, a row a box.

    MLflow lets an object array of pictures or of paths pass as well (`_enforce_tensor_spec`, ragged arrays).
    """
    import numpy as np
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, ParamSchema, ParamSpec, Schema, TensorSpec

    corners = [ColSpec("double", name) for name in ("x1", "y1", "x2", "y2", "confidence")]
    return ModelSignature(
        inputs=Schema([TensorSpec(np.dtype("uint8"), (-1, -1, 3))]),
        outputs=Schema([ColSpec("long", "image"), *corners, ColSpec("long", "class"), ColSpec("string", "name")]),
        params=ParamSchema(
            [
                ParamSpec("conf", "double", CONF),
                ParamSpec("iou", "double", IOU),
                ParamSpec("max_det", "long", MAX_DET),
                ParamSpec("imgsz", "long", imgsz),
            ]
        ),
    )


def _example() -> list[Any]:
    """A small picture: red grows to the right, green downwards, blue against both."""
    height, width, _ = EXAMPLE_SHAPE
    return [
        [[255 * x // (width - 1), 255 * y // (height - 1), 255 - 255 * x // (width - 1)] for x in range(width)]
        for y in range(height)
    ]


def _write_requirements(folder: Path) -> None:
    """Pin what is installed here, without the part of a version that no package index has (`+cpu`)."""
    found = {name: (installed_version(name) or "").partition("+")[0] for name in REQUIREMENTS}
    lines = [f"{name}=={version}" if version else name for name, version in found.items()]
    _write_text(folder / _REQUIREMENTS, "\n".join(lines))
    environment = (
        f"python: {platform.python_version()}\nbuild_dependencies:\n- pip\ndependencies:\n- -r {_REQUIREMENTS}\n"
    )
    _write_text(folder / _PYTHON_ENV, environment)


def _utf8(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")


def _write_text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
