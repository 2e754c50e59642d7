"""Artifacts of a run as local files."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from sweep.tracking.store import Store


@contextmanager
def open_artifact(store: Store, run_id: str, artifact_uri: str, artifact_path: str) -> Iterator[Path | None]:
    """Give the local path of an artifact inside the block, or None where the run has no such artifact.

    In a local store it is the file itself: read it, don't change it. MLflow stores absolute places; a home
    that was moved is looked through at its new place as well.
    """
    local = _local_folder(artifact_uri)
    if local is not None:
        places = (local, store.home / "artifacts" / run_id / "artifacts")
        yield next((place / artifact_path for place in places if (place / artifact_path).is_file()), None)
        return
    parent = artifact_path.rpartition("/")[0]
    if artifact_path not in {file.path for file in store.client.list_artifacts(run_id, parent or None)}:
        yield None
        return
    store.home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=store.home, prefix=".download-") as folder:
        yield Path(store.client.download_artifacts(run_id, artifact_path, folder))


def artifact_folder(store: Store, run_id: str, artifact_uri: str) -> Path | None:
    """Where the artifacts of a run lie on this machine, in a moved home too; None where a server keeps them."""
    return moved_folder(store, run_id, artifact_uri) or _local_folder(artifact_uri)


def moved_folder(store: Store, run_id: str, artifact_uri: str) -> Path | None:
    """Where the artifacts of a run lie in a home that was moved or copied since; None where MLflow knows the place."""
    here = store.home / "artifacts" / run_id / "artifacts"
    known = _local_folder(artifact_uri)
    if known is None or known == here:
        return None
    gone = not known.parents[1].is_dir()  # the folder of all artifacts: for a new run MLflow would make it again
    return here if gone or here.is_dir() else None


def _local_folder(artifact_uri: str) -> Path | None:
    if artifact_uri.startswith("file:"):
        return Path(url2pathname(urlsplit(artifact_uri).path))
    return Path(artifact_uri) if artifact_uri.startswith("/") else None
