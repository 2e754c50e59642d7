"""Addresses of MLflow's web pages."""

from __future__ import annotations

import json
from collections.abc import Sequence
from urllib.parse import quote

from sweep.tracking.store import Store
from sweep.tracking.uri import is_server, without_credentials

# Where `python -m sweep ui` serves a store that is not a server.
LOCAL_UI = "http://127.0.0.1:5000"


def ui_base(store: Store, base: str = LOCAL_UI) -> str:
    """Return the address of the store's MLflow UI: the server's own, or `base` for a local store."""
    return (without_credentials(store.uri) if is_server(store.uri) else base).rstrip("/")


def compare_link(store: Store, run_ids: Sequence[str], base: str = LOCAL_UI) -> str:
    """Return the address of the page that compares these runs (MLflow 3.17: `getCompareRunPageRoute`)."""
    return f"{ui_base(store, base)}/#/compare-runs?runs={_list(run_ids)}&experiments={_list([store.experiment_id])}"


def curves_link(store: Store, run_ids: Sequence[str], metric: str, base: str = LOCAL_UI) -> str:
    """Return the address of the page with one metric's curves of these runs over the epochs (`getMetricPageRoute`)."""
    name = quote(json.dumps(metric), safe="")
    query = f"runs={_list(run_ids)}&metric={name}&experiments={_list([store.experiment_id])}"
    return f"{ui_base(store, base)}/#/metric?{query}&plot_metric_keys={_list([metric])}&x_axis=step"


def run_link(store: Store, run_id: str, base: str = LOCAL_UI) -> str:
    """Return the address of a run's page (`getRunPageRoute`)."""
    return f"{ui_base(store, base)}/#/experiments/{store.experiment_id}/runs/{run_id}"


def _list(items: Sequence[str]) -> str:
    return quote(json.dumps(list(items), separators=(",", ":")), safe="")
