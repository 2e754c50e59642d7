"""What a cell logs to, whoever delivers it: a run of this home, through its journal, or any run of MLflow directly."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sweep.tracking import write
from sweep.tracking.artifacts import open_artifact
from sweep.tracking.read import RunInfo
from sweep.tracking.spool.cursor import read_cursor
from sweep.tracking.spool.replay import kept_files
from sweep.tracking.spool.run import SpooledRun
from sweep.tracking.store import Store
from sweep.tracking.write import Status


class Run(Protocol):
    """A run that can be logged to."""

    @property
    def id(self) -> str:
        """What it is called here."""

    def log_summary(self, metrics: Mapping[str, float]) -> None:
        """Log metrics that a run has once, at step 0."""

    def log_files(self, files: Mapping[str, Path]) -> None:
        """Log local files under artifact paths."""

    def set_tags(self, tags: Mapping[str, str]) -> None:
        """Set or change tags."""

    def finish(self, status: Status, reason: str | None = None) -> None:
        """End the run."""


@dataclass(frozen=True)
class StoredRun:
    """A run of MLflow that is logged to directly: its home is another one, or it has no journal."""

    store: Store
    id: str

    def log_summary(self, metrics: Mapping[str, float]) -> None:
        """Log metrics that a run has once, at step 0."""
        write.log_summary(self.store, self.id, metrics)

    def log_files(self, files: Mapping[str, Path]) -> None:
        """Log local files under artifact paths."""
        write.log_files(self.store, self.id, files)

    def set_tags(self, tags: Mapping[str, str]) -> None:
        """Set or change tags."""
        write.set_tags(self.store, self.id, tags)

    def finish(self, status: Status, reason: str | None = None) -> None:
        """End the run."""
        write.finish(self.store, self.id, status, reason)


@contextmanager
def open_file(store: Store, run: RunInfo, artifact: str) -> Iterator[Path | None]:
    """Give the local path of an artifact of a run inside the block; None where it has none.

    A run of this home may have it in its folder still, on its way to MLflow.
    """
    kept = None if run.folder is None else kept_files(run.folder).get(artifact)
    if kept is not None:
        yield kept
        return
    run_id = run.run_id if run.folder is None else read_cursor(run.folder).run_id
    if run_id is None:
        yield None
        return
    uri = run.artifact_uri or store.client.get_run(run_id).info.artifact_uri
    with open_artifact(store, run_id, uri, artifact) as path:
        yield path


def run_of(store: Store, info: RunInfo) -> Run:
    """How to log to a run that was read: through its journal if that is where it was read."""
    return StoredRun(store, info.run_id) if info.folder is None else SpooledRun(store, info.folder)
