"""What is known of cells: from MLflow, and from the journals of this home, which are ahead of it."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import replace

from sweep.errors import in_one_line
from sweep.tracking import names
from sweep.tracking.client import FIRST_CONTACT, environment
from sweep.tracking.read import RunInfo, find_runs_by_key
from sweep.tracking.spool.cursor import is_delivered, read_cursor, write_cursor
from sweep.tracking.spool.journal import JOURNAL
from sweep.tracking.spool.pending import pending
from sweep.tracking.spool.replay import replay
from sweep.tracking.store import Store

log = logging.getLogger(__name__)


def home_runs(store: Store, key: str, kind: str = names.KIND_CELL) -> list[RunInfo]:
    """The runs of a cell, or of its trials, as this home has written them for this store, newest first."""
    folders = [path.parent for path in (store.home / "cells" / key).glob(f"*/{JOURNAL}")]
    found = [run for folder in folders if (run := replay(store, folder)) is not None]
    return _newest_first(run for run in found if run.tags.get(names.KIND) == kind)


def runs_of_keys(store: Store, keys: Iterable[str], *, there: bool = True) -> dict[str, list[RunInfo]]:
    """The cell runs of each key, newest first; keys without runs are absent.

    Args:
        store: The store.
        keys: The keys of the cells.
        there: Whether MLflow is; where it is away, home alone is asked.
    """
    wanted = dict.fromkeys(keys)
    if not there:
        return {key: runs for key in wanted if (runs := home_runs(store, key))}
    found = find_runs_by_key(store, wanted)
    for key in {folder.parent.name for folder in pending(store.home)} & set(wanted):
        ahead = {run.id: run for run in home_runs(store, key) if run.folder and not is_delivered(run.folder)}
        known = [run for run in found.get(key, []) if run.id not in ahead]
        if runs := _newest_first([*known, *ahead.values()]):
            found[key] = runs
    return found


def runs_of_key(store: Store, key: str) -> list[RunInfo]:
    """The cell runs of a key, newest first; MLflow is asked, but not waited for when it is away."""
    try:
        with environment(FIRST_CONTACT):
            return runs_of_keys(store, [key]).get(key, [])
    except Exception as error:
        log.warning("MLflow is away, so only this home is asked for earlier runs: %s", in_one_line(error))
        return home_runs(store, key)


def finished_of(runs: Sequence[RunInfo]) -> RunInfo | None:
    """Of the runs of a cell the finished one that counts, or None.

    Homes that know nothing of each other may have trained the cell more than once: the first one to finish counts,
    unless it was to be trained again. Of a tuned cell the last one does, which has the most trials.
    """
    finished = [run for run in runs if run.status == "finished"]
    later = [run for run in finished if names.TUNE_STUDY in run.tags or run.tags.get(names.RERUN) == "true"]
    if later:
        return max(later, key=lambda run: run.start_ms)
    return min(finished, key=lambda run: run.end_ms or run.start_ms, default=None)


def forget_deleted(store: Store, keys: Iterable[str]) -> None:
    """Let home forget the delivered runs of these cells that MLflow has no longer: somebody has deleted them."""
    cursors = {
        journal.parent: read_cursor(journal.parent)
        for key in keys
        for journal in (store.home / "cells" / key).glob(f"*/{JOURNAL}")
    }
    if not cursors:
        return
    found = find_runs_by_key(store, {folder.parent.name for folder in cursors})  # after them: what they name was there
    there = {run.run_id for runs in found.values() for run in runs}
    for folder, cursor in cursors.items():
        if cursor.run_id is None or cursor.run_id in there:
            continue
        run = replay(store, folder)
        if run is not None and run.status != "running" and run.tags.get(names.KIND) == names.KIND_CELL:
            write_cursor(folder, replace(cursor, dropped=True))


def _newest_first(runs: Iterable[RunInfo]) -> list[RunInfo]:
    return sorted(runs, key=lambda run: run.start_ms, reverse=True)
