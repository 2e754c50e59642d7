"""Write runs: a sweep, its cells, their metrics, inputs and artifacts. Explicit run ids everywhere."""

from __future__ import annotations

import json
import math
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any, Literal

import tenacity

from sweep.redaction import redacted
from sweep.tracking import names
from sweep.tracking.artifacts import artifact_folder
from sweep.tracking.store import Store

# MLflow's limits (mlflow/utils/validation.py). A batch of over 100 params or tags is split by MLflow's
# client.
MAX_PARAM = 6000
MAX_TAG = 8000
MAX_DATASET_DIGEST = 36
ATTEMPTS = 10  # to log an input that other runs log at the same moment
# A traceback in a tag: its head and, longer, its end, where the error is.
_TAG_HEAD, _TAG_TAIL = 800, 3000
_CUT = "\n…\n"

Status = Literal["FINISHED", "FAILED", "KILLED"]


def start_sweep(store: Store, *, sweep_id: str, name: str, command: str, tags: Mapping[str, str]) -> str:
    """Start the parent run of a sweep and return its run id. `command` is what the user typed."""
    return _create_run(
        store,
        name,
        {
            **tags,
            names.KIND: names.KIND_SWEEP,
            names.SWEEP_ID: sweep_id,
            names.SWEEP_COMMAND: command,
        },
    )


def start_cell(
    store: Store,
    *,
    parent_run_id: str,
    sweep_id: str,
    cell_name: str,
    cell_key: str,
    params: Mapping[str, Any],
    tags: Mapping[str, str],
    started: datetime | None = None,
) -> str:
    """Start the run of a cell under its sweep and return its run id.

    Args:
        params: `base level act seed recipe data` and the recipe's values. Nested mappings are flattened
            with dots (`{"recipe": {"lr0": 1}}` is `recipe.lr0`); values are cut at MLflow's 6,000 characters.
        started: when its training began; None: now.
    """
    run_id = _create_run(
        store,
        cell_name,
        {
            **tags,
            names.PARENT: parent_run_id,
            names.KIND: names.KIND_CELL,
            names.SWEEP_ID: sweep_id,
            names.CELL: cell_name,
            names.CELL_KEY: cell_key,
        },
        started,
    )
    log_params(store, run_id, params)
    return run_id


def log_params(store: Store, run_id: str, params: Mapping[str, Any]) -> None:
    """Log parameters, flattened and cut to MLflow's limits. A logged one can't be changed."""
    from mlflow.entities import Param

    flat = flatten(params)
    store.client.log_batch(run_id, params=[Param(key, _cut(value, MAX_PARAM)) for key, value in flat.items()])


def flatten(params: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Return nested parameters as one level of `a.b` names with text values, in the given order."""
    flat: dict[str, str] = {}
    for key, value in params.items():
        if isinstance(value, Mapping):
            flat.update(flatten(value, f"{prefix}{key}."))
        else:
            flat[f"{prefix}{key}"] = str(value)
    return flat


def log_epoch(store: Store, run_id: str, epoch: int, metrics: Mapping[str, float]) -> None:
    """Log the metrics of one epoch (counted from 1) in one batch, step = epoch."""
    _log_metrics(store, run_id, metrics, step=epoch)


def log_summary(store: Store, run_id: str, metrics: Mapping[str, float]) -> None:
    """Log metrics that a run has once, at step 0."""
    _log_metrics(store, run_id, metrics, step=0)


def log_dataset_input(store: Store, run_id: str, *, name: str, digest: str, source: str, context: str) -> None:
    """Log a data set as an input of the run.

    MLflow keeps 36 characters of a digest: it gets the first 36, the tag `sweep.data_digest` and the input's
    profile hold all of it. `source` says where the data is, `context` what it is used for ("training").
    """
    from mlflow.entities import Dataset, DatasetInput, InputTag

    data = Dataset(
        name=name[:500],
        digest=digest[:MAX_DATASET_DIGEST],
        source_type="local",
        source=json.dumps({"uri": redacted(source)}, ensure_ascii=False),
        profile=json.dumps({"digest": digest}),
    )
    inputs = [DatasetInput(data, [InputTag("mlflow.data.context", context)])]
    # MLflow looks whether it knows the data set, and then adds it: of runs that do so at one moment one succeeds.
    for attempt in tenacity.Retrying(
        retry=tenacity.retry_if_exception(_is_there_already),
        stop=tenacity.stop_after_attempt(ATTEMPTS),
        wait=tenacity.wait_random(0, 0.2),
        reraise=True,
    ):
        with attempt:
            store.client.log_inputs(run_id, inputs)
    store.client.set_tag(run_id, names.DATA_DIGEST, digest)


def _is_there_already(error: BaseException) -> bool:
    """Whether a database refused a row because another process has just added it; also as a server tells it."""
    from mlflow.exceptions import MlflowException

    text = str(error).lower()
    return isinstance(error, MlflowException) and ("unique" in text or "duplicate" in text)


def log_files(store: Store, run_id: str, files: Mapping[str, Path], artifact_uri: str | None = None) -> None:
    """Log local files under the artifact paths that the mapping names (`{"weights/best.pt": Path(...)}`).

    Who knows the run's artifact_uri spares a question to the store, which counts where there are a thousand runs.

    Raises FileNotFoundError, before anything is copied, when one of them is missing.
    """
    missing = [str(path) for path in files.values() if not path.is_file()]
    if missing:
        raise FileNotFoundError(f"no such file to log: {', '.join(missing)}")
    if not files:
        return
    folder = artifact_folder(store, run_id, artifact_uri or store.client.get_run(run_id).info.artifact_uri)
    if folder is not None:  # MLflow would copy them there as well, but in a moved home to the old place
        for artifact_path, path in files.items():
            place = _inside(folder, artifact_path)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, place)
        return
    with _staging(store) as staged:
        for artifact_path, path in files.items():
            place = _inside(staged, artifact_path)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.symlink_to(path.absolute())
        store.client.log_artifacts(run_id, str(staged))


def log_json(store: Store, run_id: str, content: Any, artifact_path: str) -> None:
    """Log a value as a JSON artifact: UTF-8, two spaces, keys in the given order (same value, same bytes)."""
    store.home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=store.home, prefix=f".staging-{os.getpid()}-") as folder:
        file = Path(folder) / "content.json"
        file.write_text(redacted(json.dumps(content, ensure_ascii=False, indent=2)) + "\n", encoding="utf-8")
        log_files(store, run_id, {artifact_path: file})


def log_cells(store: Store, sweep_run_id: str, *, sweep_id: str, cells: Sequence[Mapping[str, Any]]) -> None:
    """Log `cells.json` of a sweep: its cells in grid order, reused ones included.

    Each cell is `{"cell", "key", "run_id": str | None, "state": finished|failed|killed|skipped, "reused":
    bool, "reason": str | None}`, and may have `"params"`: the axes of a cell that never came to have a run.
    """
    log_json(store, sweep_run_id, {"sweep_id": sweep_id, "cells": [dict(cell) for cell in cells]}, names.CELLS_JSON)


def set_tags(store: Store, run_id: str, tags: Mapping[str, str]) -> None:
    """Set or change tags of a run, in one batch. Long values are cut in the middle."""
    from mlflow.entities import RunTag

    store.client.log_batch(run_id, tags=[RunTag(key, cut_tag(str(value))) for key, value in tags.items()])


def finish(store: Store, run_id: str, status: Status, reason: str | None = None, ended: datetime | None = None) -> None:
    """End a run, now or at a time that is past. `reason` goes to `sweep.reason`; of a long one its head and its end."""
    if reason:
        set_tags(store, run_id, {names.REASON: reason})
    store.client.set_terminated(run_id, status, end_time=None if ended is None else milliseconds(ended))


def milliseconds(time: datetime) -> int:
    """Return a time as MLflow counts it: milliseconds since 1970."""
    return int(time.timestamp() * 1000)


def cut_tag(text: str) -> str:
    """Return the text, or its head and its end where it is too long for a tag."""
    text = redacted(text)
    if len(text) <= _TAG_HEAD + len(_CUT) + _TAG_TAIL:
        return text
    return f"{text[:_TAG_HEAD]}{_CUT}{text[-_TAG_TAIL:]}"


def _create_run(store: Store, name: str, tags: Mapping[str, str], started: datetime | None = None) -> str:
    cut = {key: cut_tag(str(value)) for key, value in tags.items()} | {names.HOME: cut_tag(str(store.home))}
    began = None if started is None else milliseconds(started)
    return str(store.client.create_run(store.experiment_id, start_time=began, tags=cut, run_name=name).info.run_id)


def _log_metrics(store: Store, run_id: str, metrics: Mapping[str, float], step: int) -> None:
    from mlflow.entities import Metric

    now = int(time.time() * 1000)
    batch = [Metric(key, storable(value), now, step) for key, value in metrics.items()]
    store.client.log_batch(run_id, metrics=batch)


def storable(value: float) -> float:
    """Return what every store can hold: MLflow keeps NaN, and infinity as the largest double."""
    number = float(value)
    return math.copysign(1.7976931348623157e308, number) if math.isinf(number) else number


def _cut(text: str, limit: int) -> str:
    text = redacted(text)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _inside(folder: Path, artifact_path: str) -> Path:
    parts = PurePosixPath(artifact_path)
    if parts.is_absolute() or ".." in parts.parts or not parts.parts:
        raise ValueError(f"an artifact path is relative and stays inside the run: {artifact_path!r}")
    return folder.joinpath(*parts.parts)


@contextmanager
def _staging(store: Store) -> Iterator[Path]:
    """A folder in home that looks like the artifacts to log: one call logs them all, under their names."""
    store.home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=store.home, prefix=f".staging-{os.getpid()}-") as folder:
        yield Path(folder)
