"""A run as its own process writes it: into its journal in home, from where it is delivered to MLflow."""

from __future__ import annotations

import os
import platform
import shutil
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sweep.redaction import redacted
from sweep.tracking import names
from sweep.tracking.spool.cursor import CURSOR
from sweep.tracking.spool.deliver import LOCK, OUTBOX
from sweep.tracking.spool.destination import destination
from sweep.tracking.spool.journal import JOURNAL, append, read
from sweep.tracking.spool.pending import is_marked, mark
from sweep.tracking.store import Store
from sweep.tracking.write import Status, cut_tag, flatten

KEPT = {JOURNAL, CURSOR, LOCK, OUTBOX}


@dataclass(frozen=True)
class SpooledRun:
    """A run of this home. What is logged is on the disk when the call returns, and in MLflow some time later.

    Attributes:
        store: where it is delivered to.
        folder: its folder in home; its name is the run's local id, or of a sweep the sweep's id.
    """

    store: Store
    folder: Path

    @classmethod
    def begin(
        cls,
        store: Store,
        folder: Path,
        *,
        name: str,
        tags: Mapping[str, str],
        params: Mapping[str, Any] | None = None,
        parent: Path | None = None,
        not_before: int = 0,
    ) -> SpooledRun:
        """Begin a run in a folder of its own in home.

        Args:
            store: Where it is delivered to; it may be away.
            folder: The run's folder.
            name: Its name in MLflow.
            tags: Its first tags. Long values are cut in the middle.
            params: Its parameters; nested ones are flattened with dots.
            parent: The folder of the run above it.
            not_before: When it begins at the earliest, in milliseconds since 1970, whatever the clock says.
        """
        run = cls(store, folder)
        folder.mkdir(parents=True, exist_ok=True)
        mark(store.home, folder.name, folder)
        own = {names.LOCAL_ID: folder.name, names.HOME: str(store.home), names.PID: str(os.getpid())}
        record = {
            "name": name,
            "time": max(_now(), not_before),
            "tags": {key: cut_tag(str(value)) for key, value in {**tags, **own}.items()},
            "params": flatten(params or {}),
            "parent": None if parent is None else parent.relative_to(store.home).as_posix(),
            "destination": destination(store),
        }
        run._append("create", **record)
        return run

    @property
    def id(self) -> str:
        """The run's local id, which is the tag `sweep.local_id` of its run in MLflow."""
        return self.folder.name

    def log_epoch(self, epoch: int, metrics: Mapping[str, float]) -> None:
        """Log the metrics of one epoch, counted from 1."""
        self._append("metrics", step=epoch, time=_now(), metrics=_numbers(metrics))

    def log_summary(self, metrics: Mapping[str, float]) -> None:
        """Log metrics that a run has once, at step 0."""
        self._append("metrics", step=0, time=_now(), metrics=_numbers(metrics))

    def log_summary_once(self, metrics: Mapping[str, float]) -> None:
        """Log those metrics that the run does not have yet: it may have been cut short while they were logged."""
        known = {
            name for record, _ in read(self.folder / JOURNAL) if record["op"] == "metrics" for name in record["metrics"]
        }
        new = {name: value for name, value in metrics.items() if name not in known}
        if new:
            self.log_summary(new)

    def log_input(self, *, name: str, digest: str, source: str, context: str) -> None:
        """Log a data set as an input of the run, as `write.log_dataset_input` does."""
        self._append("input", name=name, digest=digest, source=source, context=context)

    def log_files(self, files: Mapping[str, Path]) -> None:
        """Log local files under artifact paths. They are kept as they are now; the originals may go.

        Raises FileNotFoundError, before anything is kept, when one of them is missing.
        """
        missing = [str(path) for path in files.values() if not path.is_file()]
        if missing:
            raise FileNotFoundError(f"no such file to log: {', '.join(missing)}")
        if files:
            self._append("files", files=self._keep(files))

    def log_model(self, checkpoint: Path, *, imgsz: int, classes: Mapping[int, str]) -> None:
        """Log a checkpoint as the run's MLflow model, as `models.log_model` does."""
        kept = self._keep({"best.pt": checkpoint})["best.pt"]
        named = {str(number): name for number, name in classes.items()}
        self._append("model", file=kept, imgsz=imgsz, classes=named)

    def log_cells(self, sweep_id: str, cells: Sequence[Mapping[str, Any]]) -> None:
        """Log `cells.json` of a sweep; the ids of runs of this home become MLflow's when it is delivered."""
        self._append("cells", sweep_id=sweep_id, cells=[dict(cell) for cell in cells])

    def set_tags(self, tags: Mapping[str, str]) -> None:
        """Set or change tags. Long values are cut in the middle."""
        self._append("tags", tags={key: cut_tag(str(value)) for key, value in tags.items()})

    def set_parent(self, folder: Path) -> None:
        """Put the run under another run of this home."""
        self._append("parent", folder=folder.relative_to(self.store.home).as_posix())

    def finish(self, status: Status, reason: str | None = None) -> None:
        """End the run. `reason` goes to `sweep.reason`."""
        self._append("end", status=status, time=_now(), reason=None if reason is None else cut_tag(reason))

    def reopen(self, tags: Mapping[str, str]) -> None:
        """Let a run that was ended be under way again; the reason of its end goes."""
        own = {names.PID: str(os.getpid()), names.HOST: platform.node()}
        self._append("reopen", tags={key: cut_tag(str(value)) for key, value in {**tags, **own}.items()})

    def remove_rest(self) -> None:
        """Remove what lies in the run's folder beside its journal and the files on their way to MLflow."""
        for entry in self.folder.iterdir():
            if entry.name in KEPT or entry.name.startswith("."):  # such as a file that is being replaced
                continue
            if entry.is_dir():
                shutil.rmtree(entry, ignore_errors=True)
            else:
                entry.unlink(missing_ok=True)

    def _append(self, operation: str, **fields: Any) -> None:
        append(self.folder / JOURNAL, {"op": operation, **_without_secrets(fields)})
        if not is_marked(self.store.home, self.id):  # it had ended and was delivered, and is now logged to again
            mark(self.store.home, self.id, self.folder)

    def _keep(self, files: Mapping[str, Path]) -> dict[str, str]:
        """Put files aside for MLflow: as second names of the same content where the disk allows that."""
        place = self.folder / OUTBOX / uuid.uuid4().hex[:12]
        kept = {}
        for number, (artifact, path) in enumerate(files.items()):
            copy = place / str(number) / path.name
            copy.parent.mkdir(parents=True, exist_ok=True)
            _second_name(path, copy)
            kept[artifact] = copy.relative_to(self.folder).as_posix()
        return kept


def _without_secrets(value: Any) -> Any:
    """A value of a record with all its texts redacted; numbers are none."""
    if isinstance(value, str):
        return redacted(value)
    if isinstance(value, Mapping):
        return {key: _without_secrets(each) for key, each in value.items()}
    return [_without_secrets(each) for each in value] if isinstance(value, list | tuple) else value


def new_id() -> str:
    """A local id for a new run: 32 hexadecimal digits, as MLflow's ids."""
    return uuid.uuid4().hex


def _second_name(path: Path, copy: Path) -> None:
    """A hard link to what is replaced as a whole when it changes, otherwise a copy; on the disk in any case."""
    try:
        if path.suffix == ".pt":
            os.link(path, copy)
        else:
            shutil.copyfile(path, copy)
    except OSError:
        shutil.copyfile(path, copy)
    with copy.open("rb") as stream:
        os.fsync(stream.fileno())


def _numbers(metrics: Mapping[str, float]) -> dict[str, float]:
    return {name: float(value) for name, value in metrics.items()}


def _now() -> int:
    """Milliseconds since 1970, as MLflow counts."""
    return int(time.time() * 1000)
