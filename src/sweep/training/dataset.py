"""Ultralytics' data set with its label cache in home instead of the user's data folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from filelock import FileLock
from ultralytics.data.dataset import YOLODataset


class HomeCacheDataset(YOLODataset):
    """A YOLODataset whose label cache lies beside the view of the data set that home holds (`data.yaml`).

    The cache is built once, under a lock: Ultralytics removes and rewrites it without one, and cells start together.
    """

    def _load_or_scan_cache(self, cache_path: Path, cache_hash: str) -> tuple[dict[str, Any], bool]:
        view = self.data.get("yaml_file")
        if view is None:
            raise RuntimeError("a data set is read through its view in home only")
        own = Path(view).parent / f"{cache_hash[:16]}.cache"
        with FileLock(f"{own}.lock"):
            labels: tuple[dict[str, Any], bool] = super()._load_or_scan_cache(own, cache_hash)
            return labels
