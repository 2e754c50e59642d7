"""A small real data set on disk that a test can damage."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from sweep.data.check import check_dataset
from sweep.data.dataset import Dataset
from sweep.errors import SweepError

YAML = "train: images/train\nval: images/val\nnc: 2\nnames: {0: 신호등, 1: stop}\n"


@dataclass
class Pictures:
    """A data set of six training and three validation pictures, and a home."""

    folder: Path
    home: Path

    @property
    def yaml(self) -> Path:
        return self.folder / "data.yaml"

    def label(self, name: str, split: str = "train") -> Path:
        return self.folder / "labels" / split / f"{name}.txt"

    def image(self, name: str, split: str = "train") -> Path:
        return self.folder / "images" / split / f"{name}.jpg"

    def check(self, **options: object) -> Dataset:
        return check_dataset(self.yaml, self.home, **options)  # type: ignore[arg-type]

    def problems(self, **options: object) -> tuple[str, ...]:
        with pytest.raises(SweepError) as caught:
            self.check(**options)
        return caught.value.problems

    def listing(self) -> list[tuple[str, int, int]]:
        """Name, size and time of everything in the folder."""
        every = [self.folder, *self.folder.rglob("*")]
        return sorted((str(p), p.stat().st_size, p.stat().st_mtime_ns) for p in every)
