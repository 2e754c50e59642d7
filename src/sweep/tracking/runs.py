"""What a cell asks of tracking before it trains: is it done already, and did somebody die over it?"""

from __future__ import annotations

from sweep.tracking import names, write
from sweep.tracking.read import find_runs_by_key
from sweep.tracking.store import Store


def finished_run(store: Store, key: str) -> str | None:
    """The run id of the newest finished run of a cell, or None."""
    runs = find_runs_by_key(store, [key]).get(key, [])
    return next((run.run_id for run in runs if run.status == "finished"), None)


def close_abandoned(store: Store, key: str) -> None:
    """Mark this host's runs of a cell that are still RUNNING as KILLED.

    The caller holds the cell's lock, so the process that started them is gone.
    """
    import platform

    for run in find_runs_by_key(store, [key]).get(key, []):
        if run.status == "running" and run.tags.get(names.HOST) == platform.node():
            write.finish(store, run.run_id, "KILLED", reason="its process ended without a word")
