"""A checked data set."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Dataset:
    """What `check_dataset` found out about a data set.

    Attributes:
        name: What tables call it.
        yaml: The user's data.yaml, absolute.
        digest: SHA-256 over names, pictures and labels; the same wherever the set lies.
        names: Class names by class id, 0..nc-1.
        train: Pictures to train on, absolute, in Ultralytics' order. So `val` and `test`.
        warnings: Sentences about what is odd but does not keep the set from being used.
    """

    name: str
    yaml: Path
    digest: str
    names: dict[int, str]
    train: tuple[Path, ...]
    val: tuple[Path, ...]
    test: tuple[Path, ...]
    warnings: tuple[str, ...]

    @property
    def nc(self) -> int:
        """Number of classes."""
        return len(self.names)
