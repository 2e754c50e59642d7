"""A run that was cut short and goes on: what it has already is not logged again."""

from __future__ import annotations

from collections.abc import Mapping

from sweep.tracking import names, write
from sweep.tracking.store import Store


def reopen(store: Store, run_id: str, tags: Mapping[str, str]) -> None:
    """Let a run that was ended be under way again; the reason of its end goes."""
    store.client.update_run(run_id, status="RUNNING")
    if names.REASON in store.client.get_run(run_id).data.tags:
        store.client.delete_tag(run_id, names.REASON)
    write.set_tags(store, run_id, tags)


def log_summary_once(store: Store, run_id: str, metrics: Mapping[str, float]) -> None:
    """Log those metrics that the run does not have yet: it may have been cut short while they were logged before."""
    known = store.client.get_run(run_id).data.metrics
    write.log_summary(store, run_id, {name: value for name, value in metrics.items() if name not in known})


def logged_epochs(store: Store, run_id: str) -> set[int]:
    """The epochs whose metrics a run has."""
    return {metric.step for metric in store.client.get_metric_history(run_id, names.EPOCH_TIME)}
