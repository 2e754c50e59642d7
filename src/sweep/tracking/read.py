"""Read runs back: which cells are done, what a sweep holds, the curves of a cell. Frames are pandas."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sweep.errors import SweepError
from sweep.tracking import names
from sweep.tracking.collector import paused_collector
from sweep.tracking.measured import is_facts_tag
from sweep.tracking.store import Store
from sweep.tracking.uri import without_credentials

if TYPE_CHECKING:
    import pandas as pd
    from mlflow.entities import Run

PAGE = 1000
# A query for one key takes 6 ms, reading 1,000 cell runs 900 ms (SQLite, measured).
FEW_KEYS = 24
# Run ids in one filter; SQLite and URLs have limits.
IDS_PER_QUERY = 100
FEW_SWEEPS = 10  # the newest ones: mostly the latest that is meant is among them

LATEST = "latest"


@dataclass(frozen=True)
class RunInfo:
    """A run as MLflow holds it. `status`: running, finished, failed, killed or scheduled, in lower case.

    One that was read from its journal in home has its local id as `run_id`, its `folder`, and its logged `epochs`.
    """

    run_id: str
    name: str
    status: str
    start_ms: int
    end_ms: int | None
    artifact_uri: str
    params: dict[str, str]
    metrics: dict[str, float]
    tags: dict[str, str]
    folder: Path | None = None
    epochs: frozenset[int] = frozenset()

    @property
    def id(self) -> str:
        """What the run is called in its home: the same whether it was read there or in MLflow."""
        return self.tags.get(names.LOCAL_ID, self.run_id)

    @property
    def key(self) -> str | None:
        """The cell key of a cell run."""
        return self.tags.get(names.CELL_KEY)

    @property
    def sweep_id(self) -> str | None:
        """The id of the sweep that this run is or belongs to."""
        return self.tags.get(names.SWEEP_ID)

    @property
    def cell(self) -> str | None:
        """The name of the cell of a cell run."""
        return self.tags.get(names.CELL)

    @property
    def parent_run_id(self) -> str | None:
        """The run above this one."""
        return self.tags.get(names.PARENT)

    @property
    def reason(self) -> str | None:
        """Why the run failed or was killed."""
        return self.tags.get(names.REASON)


def tag_is(tag: str, value: str) -> str:
    """The condition of MLflow's filter that a tag has a value, which must be `sayable`."""
    return f"tags.`{tag}` = {_quoted(value)}"


def param_is(param: str, value: str) -> str:
    """The condition of MLflow's filter that a parameter has a value, which must be `sayable`."""
    return f"params.`{param}` = {_quoted(value)}"


def sayable(value: str) -> bool:
    """Whether MLflow's filter can name a value: not one with both kinds of quotes in it."""
    return not {"'", '"'} <= set(value)


def _quoted(value: str) -> str:
    quote = '"' if "'" in value else "'"
    return f"{quote}{value}{quote}"


CELLS: Final = tag_is(names.KIND, names.KIND_CELL)
FINISHED_CELLS: Final = f"{CELLS} AND attributes.status = '{names.FINISHED}'"
SWEEPS: Final = tag_is(names.KIND, names.KIND_SWEEP)


def cells_under(store: Store, sweep_run_id: str) -> list[RunInfo]:
    """Return the cell runs under a sweep's run, oldest first: those that it has begun, not those that it took over."""
    runs = search(store, f"{CELLS} AND {tag_is(names.PARENT, sweep_run_id)}")
    return sorted(runs, key=lambda run: (run.start_ms, run.cell or "", run.run_id))


def as_count(text: str | None) -> int | None:
    """Return a whole number as a tag or a parameter holds it; None for anything else."""
    return int(text) if text and text.isdecimal() else None


def find_runs_by_key(store: Store, keys: Iterable[str]) -> dict[str, list[RunInfo]]:
    """Return the cell runs of each key, newest first; keys without runs are absent.

    A few keys are asked for one by one; for many, all cell runs are read once, page by page.
    """
    wanted = dict.fromkeys(keys)
    found: dict[str, list[RunInfo]] = {}
    filters = [f"{CELLS} AND {tag_is(names.CELL_KEY, key)}" for key in wanted] if len(wanted) <= FEW_KEYS else [CELLS]
    for run in (run for filter_string in filters for run in search(store, filter_string)):
        if run.key is not None and run.key in wanted:
            found.setdefault(run.key, []).append(run)
    return found


def latest_sweep(store: Store) -> RunInfo | None:
    """Return the sweep that started last, or None where there is none; not one that only looked again at cells."""
    for limit in (FEW_SWEEPS, None):
        for run in search(store, SWEEPS, limit):
            if names.SECOND_LOOK not in run.tags:
                return run
    return None


def sweep_run(store: Store, which: str = LATEST) -> RunInfo:
    """Return a sweep by its sweep id, its run id, or `latest`; SweepError where there is none."""
    if which == LATEST:
        found = latest_sweep(store)
    elif not sayable(which):
        found = None  # and it is no id
    else:
        found = next(search(store, f"{SWEEPS} AND {tag_is(names.SWEEP_ID, which)}", limit=1), None)
        if found is None and which.isalnum():
            found = next(search(store, f"{SWEEPS} AND attributes.run_id = '{which}'", limit=1), None)
    if found is None:
        place = f"the experiment {store.experiment} of {without_credentials(store.uri)}"
        raise SweepError(
            f"sweep={which}: {place} holds no sweep yet. Run one first: python -m sweep"
            if which == LATEST
            else f"sweep={which}: {place} holds no such sweep. Use `latest`, or the sweep's id."
        )
    return found


def sweep_cells(store: Store, sweep_run_id: str) -> pd.DataFrame:
    """Return one row for each cell of a sweep, in grid order, reused cells included.

    Columns: run_id, cell, key, status (finished, failed, killed, skipped, running, or missing: the run was deleted),
    reused, reason, data_digest, weights_digest, level_title; then the params, the tags that say what was measured
    (`tracking.measured` reads them) and the summary metrics by their MLflow names. What a cell does not have is missing
    (NaN or None). Order and states come from the sweep's `cells.json`, or without it from the runs under the sweep.
    """
    import pandas as pd

    listed = _listed_cells(store, sweep_run_id)
    with paused_collector():
        if listed is None:
            rows = [_row({}, run) for run in cells_under(store, sweep_run_id)]
        else:
            runs = runs_by_id(store, [cell["run_id"] for cell in listed if cell.get("run_id")])
            rows = [_row(cell, runs.get(cell.get("run_id") or "")) for cell in listed]
    head = ["run_id", "cell", "key", "status", "reused", "reason", "data_digest", "weights_digest", "level_title"]
    return pd.DataFrame(rows, columns=_columns(head, rows))


def curves(store: Store, run_id: str, metrics: Sequence[str] = names.EPOCH_METRICS) -> pd.DataFrame:
    """Return metrics over epochs: a row an epoch (index `epoch`), a column a metric, NaN for a gap.

    An epoch that was logged twice (a resumed training) counts as it was logged last.
    """
    import pandas as pd

    columns: dict[str, pd.Series[float]] = {}
    for name in metrics:
        history = sorted(store.client.get_metric_history(run_id, name), key=lambda point: (point.step, point.timestamp))
        values = {int(point.step): _finite_or_inf(point.value) for point in history}
        columns[name] = pd.Series(values, dtype="float64")
    frame = pd.DataFrame(columns, columns=list(metrics)).sort_index()
    frame.index = pd.Index(frame.index.astype("int64"), name="epoch")
    return frame


def search(store: Store, filter_string: str, limit: int | None = None, page: int = PAGE) -> Iterator[RunInfo]:
    """Yield the active runs of the experiment that pass MLflow's filter, newest first.

    Args:
        store: The opened store.
        filter_string: In MLflow's language.
        limit: How many at most; None: all.
        page: How many are asked for at once; who needs few of many stops reading.
    """
    token: str | None = None
    while True:
        with paused_collector():
            found = store.client.search_runs(
                [store.experiment_id],
                filter_string,
                max_results=limit or page,
                order_by=["attributes.start_time DESC"],
                page_token=token,
            )
        yield from (_info(run) for run in found)
        token = found.token
        if not token or limit:
            return


def runs_by_id(store: Store, run_ids: Sequence[str]) -> dict[str, RunInfo]:
    """Return runs by their ids; those that are deleted are absent."""
    runs: dict[str, RunInfo] = {}
    for start in range(0, len(run_ids), IDS_PER_QUERY):
        quoted = ", ".join(f"'{run_id}'" for run_id in run_ids[start : start + IDS_PER_QUERY])
        runs.update((run.run_id, run) for run in search(store, f"attributes.run_id IN ({quoted})"))
    return runs


def run_info(store: Store, run_id: str) -> RunInfo | None:
    """Return a run of any experiment by its id, or None where it is deleted."""
    from mlflow.exceptions import MlflowException

    try:
        run = store.client.get_run(run_id)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return None
    return _info(run) if run.info.lifecycle_stage == "active" else None


def read_json(store: Store, run: RunInfo, artifact_path: str) -> Any | None:
    """Return a JSON artifact of a run, or None where the run has none.

    Files of a local store are read in place, also after home was moved; those of a server are downloaded.
    """
    import json

    from sweep.tracking.artifacts import open_artifact

    with open_artifact(store, run.run_id, run.artifact_uri, artifact_path) as path:
        return None if path is None else json.loads(path.read_text(encoding="utf-8"))


def _listed_cells(store: Store, sweep_run_id: str) -> list[dict[str, Any]] | None:
    run = _info(store.client.get_run(sweep_run_id))
    content = read_json(store, run, names.CELLS_JSON)
    return None if content is None else list(content["cells"])


def _row(listed: dict[str, Any], run: RunInfo | None) -> dict[str, Any]:
    gone = "run deleted from MLflow" if listed.get("run_id") and run is None else None
    row: dict[str, Any] = {
        "run_id": listed.get("run_id") or (run.run_id if run else None),
        "cell": listed.get("cell") or (run.cell or run.name if run else None),
        "key": listed.get("key") or (run.key if run else None),
        "status": "missing" if gone else listed.get("state") or (run.status if run else "missing"),
        "reused": bool(listed.get("reused", False)),
        "reason": gone or listed.get("reason") or (run.reason if run else None),
        "data_digest": run.tags.get(names.DATA_DIGEST) if run else None,
        "weights_digest": run.tags.get(names.WEIGHTS_DIGEST) if run else None,
        "level_title": run.tags.get(names.LEVEL_TITLE) if run else None,
    }
    row |= {name: str(value) for name, value in (listed.get("params") or {}).items()}
    if run is not None:
        row |= run.params
        row |= {tag: value for tag, value in run.tags.items() if is_facts_tag(tag)}
        row |= {name: _finite_or_inf(value) for name, value in run.metrics.items() if names.is_summary(name)}
    return row


def _columns(head: Sequence[str], rows: Sequence[dict[str, Any]]) -> list[str]:
    """Fixed columns, axes, other params, what was measured, then metrics in the contract's order."""
    present = {name for row in rows for name in row} - set(head)
    metrics = {name for name in present if any(isinstance(row.get(name), float) for row in rows)}
    tags = set(filter(is_facts_tag, present))
    axes = [name for name in names.AXES if name in present]
    others = present - metrics - tags - set(axes)
    return [*head, *axes, *sorted(others), *sorted(tags), *names.in_contract_order(metrics)]


def _info(run: Run) -> RunInfo:
    info = run.info
    return RunInfo(
        run_id=info.run_id,
        name=info.run_name or "",
        status=str(info.status).lower(),
        start_ms=int(info.start_time or 0),
        end_ms=info.end_time,
        artifact_uri=info.artifact_uri,
        params=dict(run.data.params),
        metrics=dict(run.data.metrics),
        tags=dict(run.data.tags),
    )


def _finite_or_inf(value: float) -> float:
    """Undo MLflow's way to store infinity: the largest double."""
    return math.copysign(math.inf, value) if abs(value) >= 1.797e308 else float(value)
