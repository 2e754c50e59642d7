"""Deliver the journal of a run to MLflow, record by record: each of them comes to the same if it is delivered twice.

MLflow keeps one point for a metric, step, time and value, so a point that may have been delivered is delivered again
with its own time. A run is found again by the tag that holds its local id.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from filelock import FileLock, Timeout

from sweep.tracking import names, write
from sweep.tracking.read import search
from sweep.tracking.spool.cursor import Cursor, is_delivered, read_cursor, write_cursor
from sweep.tracking.spool.journal import JOURNAL, read
from sweep.tracking.spool.pending import mark, unmark
from sweep.tracking.store import Store

LOCK: Final = "deliver.lock"  # in a run's folder: one process delivers it
PARENT_WAIT_S: Final = 10.0
OUTBOX: Final = "outbox"  # in a run's folder: files on their way to MLflow
BATCH: Final = 1000  # MLflow's limit of metrics in one call (mlflow/utils/validation.py)

Record = dict[str, Any]


class Undelivered(Exception):
    """A run that cannot be delivered now, for another one that has to come before it."""


def deliver(store: Store, folder: Path) -> bool:
    """Deliver what MLflow does not have of a run; returns whether it has all, and the run has ended.

    Where another process delivers the run, nothing is done, and it is not all.

    Raises:
        Exception: Whatever MLflow raises; what was delivered before stays so.
    """
    try:
        with FileLock(folder / LOCK, timeout=0):
            if not _deliver(store, folder):
                return False
    except Timeout:
        return False
    unmark(store.home, folder.name)
    if is_delivered(folder):
        return True
    mark(store.home, folder.name, folder)  # more was logged in this moment
    return False


def mlflow_id(store: Store, folder: Path) -> str:
    """MLflow's id of a run of this home, which is created now if it was not yet; of another home it has to be there.

    Raises:
        Undelivered: Another process is about to create it, or there is no such run.
    """
    known = read_cursor(folder).run_id
    if known is not None:
        return known
    if not (folder / JOURNAL).exists():
        elsewhere = next(_of_local_id(store, folder.name), None)
        if elsewhere is None:
            raise Undelivered(f"{folder.name}: its journal is not in this home, and MLflow does not have it yet")
        return str(elsewhere.run_id)
    try:
        with FileLock(folder / LOCK, timeout=PARENT_WAIT_S):
            known = read_cursor(folder).run_id
            if known is not None:
                return known
            first = next(read(folder / JOURNAL), None)
            if first is None or first[0]["op"] != "create":
                raise Undelivered(f"{folder.name}: its journal is not in this home")
            cursor = _create(store, first[0], first[1])
            write_cursor(folder, cursor)
            return str(cursor.run_id)
    except Timeout:
        raise Undelivered(f"{folder.name}: another process delivers it") from None


def _deliver(store: Store, folder: Path) -> bool:
    cursor = read_cursor(folder)
    if cursor.dropped:
        return True
    for records, offset in _batches(folder / JOURNAL, cursor.offset):
        try:
            cursor = replace(_apply(store, folder, cursor, records, offset), offset=offset)
        except Exception:
            after = None if cursor.run_id is None else _without_run(store, cursor)
            if after is None:
                raise
            write_cursor(folder, after)
            return after.dropped
        write_cursor(folder, cursor)
        if records[0]["op"] in ("files", "model"):
            _forget(folder, records[0])
    if not (has_ended(folder) and is_delivered(folder)):
        return False
    _remove_twins(store, folder.name, str(cursor.run_id))
    shutil.rmtree(folder / OUTBOX, ignore_errors=True)
    return True


def _batches(path: Path, offset: int) -> Iterator[tuple[list[Record], int]]:
    """The records from an offset on; metrics that follow each other come together, as many as MLflow takes."""
    batch: list[Record] = []
    points, end = 0, offset
    for record, behind in read(path, offset):
        together = bool(batch) and batch[0]["op"] == record["op"] == "metrics"
        count = len(record.get("metrics", ()))
        if batch and (not together or points + count > BATCH):
            yield batch, end
            batch, points = [], 0
        batch.append(record)
        points, end = points + count, behind
    if batch:
        yield batch, end


def _apply(store: Store, folder: Path, cursor: Cursor, records: list[Record], offset: int) -> Cursor:
    """Do in MLflow what records say; they are metrics, or there is one."""
    first = records[0]
    if first["op"] == "create":
        return _create(store, first, offset) if cursor.run_id is None else cursor
    if cursor.run_id is None:
        raise Undelivered(f"{folder.name}: its journal has no beginning")
    if first["op"] == "metrics":
        _log_metrics(store, cursor.run_id, records)
    else:
        _OPERATIONS[first["op"]](store, folder, cursor.run_id, first)
    return cursor


def _create(store: Store, record: Record, offset: int) -> Cursor:
    """Create the run in MLflow, unless an earlier attempt has, whose answer did not come."""
    local_id = record["tags"][names.LOCAL_ID]
    found = next(_of_local_id(store, local_id), None)
    run_id = found.run_id if found is not None else _new_run(store, record)
    if record["params"]:
        write.log_params(store, run_id, record["params"])
    return Cursor(run_id, offset)


def _new_run(store: Store, record: Record) -> str:
    tags = dict(record["tags"])
    if record["parent"] is not None:
        tags[names.PARENT] = mlflow_id(store, store.home / record["parent"])
    client = store.client
    return str(
        client.create_run(
            store.experiment_id, start_time=record["time"], tags=tags, run_name=record["name"]
        ).info.run_id
    )


def _log_metrics(store: Store, run_id: str, records: list[Record]) -> None:
    from mlflow.entities import Metric

    points = [
        Metric(name, write.storable(value), record["time"], record["step"])
        for record in records
        for name, value in record["metrics"].items()
    ]
    for start in range(0, len(points), BATCH):
        store.client.log_batch(run_id, metrics=points[start : start + BATCH])


def _log_input(store: Store, _: Path, run_id: str, record: Record) -> None:
    given = {name: record[name] for name in ("name", "digest", "source", "context")}
    write.log_dataset_input(store, run_id, **given)


def _log_files(store: Store, folder: Path, run_id: str, record: Record) -> None:
    files = {artifact: folder / place for artifact, place in record["files"].items()}
    there = {artifact: path for artifact, path in files.items() if path.is_file()}
    write.log_files(store, run_id, there)  # those that are missing were delivered before


def _log_model(store: Store, folder: Path, run_id: str, record: Record) -> None:
    from sweep.tracking.models import log_model

    checkpoint = folder / record["file"]
    if checkpoint.is_file():
        classes = {int(number): name for number, name in record["classes"].items()}
        log_model(store, run_id, checkpoint, imgsz=record["imgsz"], names=classes)


def _log_cells(store: Store, _: Path, run_id: str, record: Record) -> None:
    cells = [{**cell, "run_id": _id_of(store, cell)} for cell in record["cells"]]
    write.log_cells(store, run_id, sweep_id=record["sweep_id"], cells=cells)


def _id_of(store: Store, cell: Mapping[str, Any]) -> str | None:
    """MLflow's id of the run of an entry of `cells.json`; runs of other homes have one already."""
    known = cell["run_id"]
    folder = store.home / "cells" / str(cell["key"]) / str(known)
    return mlflow_id(store, folder) if known and (folder / JOURNAL).exists() else known


def _set_tags(store: Store, _: Path, run_id: str, record: Record) -> None:
    write.set_tags(store, run_id, record["tags"])


def _set_parent(store: Store, _: Path, run_id: str, record: Record) -> None:
    write.set_tags(store, run_id, {names.PARENT: mlflow_id(store, store.home / record["folder"])})


def _end(store: Store, _: Path, run_id: str, record: Record) -> None:
    if record["reason"]:
        write.set_tags(store, run_id, {names.REASON: record["reason"]})
    store.client.set_terminated(run_id, record["status"], end_time=record["time"])


def _reopen(store: Store, _: Path, run_id: str, record: Record) -> None:
    store.client.update_run(run_id, status="RUNNING")
    if names.REASON in store.client.get_run(run_id).data.tags:
        store.client.delete_tag(run_id, names.REASON)
    write.set_tags(store, run_id, record["tags"])


_OPERATIONS: Final[Mapping[str, Callable[[Store, Path, str, Record], None]]] = {
    "input": _log_input,
    "files": _log_files,
    "model": _log_model,
    "cells": _log_cells,
    "tags": _set_tags,
    "parent": _set_parent,
    "end": _end,
    "reopen": _reopen,
}


def _forget(folder: Path, record: Record) -> None:
    """Remove from the outbox what MLflow has."""
    places = [record["file"]] if record["op"] == "model" else list(record["files"].values())
    for place in places:
        with contextlib.suppress(OSError):
            (folder / place).unlink(missing_ok=True)


def has_ended(folder: Path) -> bool:
    """Whether a run has ended, as its journal tells."""
    turns = [record["op"] for record, _ in read(folder / JOURNAL) if record["op"] in ("create", "end", "reopen")]
    return bool(turns) and turns[-1] == "end"


def _of_local_id(store: Store, local_id: str) -> Iterator[Any]:
    return search(store, f"tags.`{names.LOCAL_ID}` = '{local_id}'")


def _remove_twins(store: Store, local_id: str, run_id: str) -> None:
    """Delete other runs of the same local id, which a server has created whose answer came too late."""
    for twin in list(_of_local_id(store, local_id)):
        if twin.run_id != run_id:
            store.client.delete_run(twin.run_id)


def _without_run(store: Store, cursor: Cursor) -> Cursor | None:
    """How to go on where MLflow has no such run any more; None where it has, or cannot be asked.

    Of a run that somebody has deleted nobody wants the rest. One that MLflow does not know, as after a restored backup,
    is delivered from its beginning.
    """
    from mlflow.exceptions import MlflowException

    try:
        run = store.client.get_run(str(cursor.run_id))
    except MlflowException as error:
        return Cursor() if str(error.error_code) == "RESOURCE_DOES_NOT_EXIST" else None
    except Exception:
        return None
    return replace(cursor, dropped=True) if str(run.info.lifecycle_stage) == "deleted" else None
