"""Runs as a sweep begins them: in journals of a home, without a training."""

from __future__ import annotations

import platform
from collections.abc import Mapping

from sweep.tracking import names
from sweep.tracking.spool.drain import drain
from sweep.tracking.spool.run import SpooledRun, new_id
from sweep.tracking.store import Store

HERE = {names.HOST: platform.node()}


def begin_sweep(store: Store, sweep_id: str = "s", tags: Mapping[str, str] | None = None) -> SpooledRun:
    """Begin the run of a sweep."""
    own = {names.KIND: names.KIND_SWEEP, names.SWEEP_ID: sweep_id}
    folder = store.home / "sweeps" / sweep_id
    return SpooledRun.begin(store, folder, name=f"sweep {sweep_id}", tags={**HERE, **own, **(tags or {})})


def begin_cell(
    store: Store,
    sweep: SpooledRun,
    key: str,
    tags: Mapping[str, str] | None = None,
    params: Mapping[str, object] | None = None,
) -> SpooledRun:
    """Begin the run of a cell of a sweep; its key is its name, too."""
    own = {names.KIND: names.KIND_CELL, names.SWEEP_ID: sweep.id, names.CELL: key, names.CELL_KEY: key}
    return SpooledRun.begin(
        store,
        store.home / "cells" / key / new_id(),
        name=key,
        tags={**HERE, **own, **(tags or {})},
        params=params,
        parent=sweep.folder,
    )


def begin_trial(store: Store, cell: SpooledRun, number: int) -> SpooledRun:
    """Begin the run of a trial of a cell."""
    key = cell.folder.parent.name
    own = {names.KIND: names.KIND_TRIAL, names.CELL_KEY: key, names.TRIAL: str(number)}
    folder = cell.folder.parent / new_id()
    return SpooledRun.begin(store, folder, name=f"trial {number}", tags={**HERE, **own}, parent=cell.folder)


def delivered(store: Store, wait_s: float = 60.0) -> None:
    """Wait until MLflow has everything."""
    left = drain(store, wait_s)
    assert not left, left.reason
