"""A run of this home as its journal tells it, whether MLflow has it or not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sweep.tracking import names
from sweep.tracking.read import RunInfo
from sweep.tracking.spool.cursor import read_cursor
from sweep.tracking.spool.destination import destination
from sweep.tracking.spool.journal import JOURNAL, read
from sweep.tracking.store import Store


def replay(store: Store, folder: Path) -> RunInfo | None:
    """The run of a folder of home; None where there is none that is delivered to this store.

    Its `run_id` is its local id, and `parent_run_id` that of the run above it; `epochs` are those that it has.
    """
    found = replay_any(folder)
    return None if found is None or found[0] != destination(store) or read_cursor(folder).dropped else found[1]


def replay_any(folder: Path) -> tuple[str, RunInfo] | None:
    """The run of a folder of home with its destination, whatever that is; None where there is no run."""
    records = [record for record, _ in read(folder / JOURNAL)]
    first = next((record for record in records if record["op"] == "create"), None)
    if first is None:
        return None
    story = _Story(dict(first["tags"]), first["parent"])
    for record in records:
        story.take(record)
    run = RunInfo(
        run_id=folder.name,
        name=first["name"],
        status=story.status,
        start_ms=first["time"],
        end_ms=story.end_ms,
        artifact_uri="",
        params=dict(first["params"]),
        metrics={name: value for name, (_, value) in story.metrics.items()},
        tags=story.tags | ({} if story.parent is None else {names.PARENT: Path(story.parent).name}),
        folder=folder,
        epochs=frozenset(story.epochs),
    )
    return first["destination"], run


@dataclass
class _Story:
    """What a run has come to, record by record; of each metric the value of its last step, with the step."""

    tags: dict[str, str]
    parent: str | None
    status: str = "running"
    end_ms: int | None = None
    metrics: dict[str, tuple[int, float]] = field(default_factory=dict)
    epochs: set[int] = field(default_factory=set)

    def take(self, record: Mapping[str, Any]) -> None:
        """Take in the next record; those of files change nothing here."""
        match record["op"]:
            case "metrics":
                self._take_metrics(int(record["step"]), record["metrics"])
            case "tags":
                self.tags |= record["tags"]
            case "input":
                self.tags[names.DATA_DIGEST] = record["digest"]
            case "parent":
                self.parent = record["folder"]
            case "end":
                self.status, self.end_ms = record["status"].lower(), record["time"]
                self.tags |= {names.REASON: record["reason"]} if record["reason"] else {}
            case "reopen":
                self.status, self.end_ms = "running", None
                self.tags.pop(names.REASON, None)
                self.tags |= record["tags"]

    def _take_metrics(self, step: int, metrics: Mapping[str, float]) -> None:
        for name, value in metrics.items():
            if step >= self.metrics.get(name, (-1, 0.0))[0]:
                self.metrics[name] = (step, value)
        if names.EPOCH_TIME in metrics:
            self.epochs.add(step)


def last_sweep_ms(home: Path) -> int:
    """When the last sweep of a home has begun, in milliseconds since 1970; 0 where there was none."""
    first = (next(read(journal), None) for journal in home.glob(f"sweeps/*/{JOURNAL}"))
    return max((int(found[0].get("time", 0)) for found in first if found is not None), default=0)


def kept_files(folder: Path) -> Mapping[str, Path]:
    """The artifacts of a run that still lie in its outbox, by artifact path."""
    found: dict[str, Path] = {}
    for record, _ in read(folder / JOURNAL):
        if record["op"] == "files":
            found |= {artifact: folder / place for artifact, place in record["files"].items()}
    return {artifact: path for artifact, path in found.items() if path.is_file()}


def curves_of(folder: Path) -> dict[int, dict[str, float]]:
    """The metrics of each epoch of a run, counted from 1."""
    found: dict[int, dict[str, float]] = {}
    for record, _ in read(folder / JOURNAL):
        if record["op"] == "metrics" and record["step"] > 0:
            found.setdefault(record["step"], {}).update(record["metrics"])
    return found
