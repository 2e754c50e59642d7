"""The data.yaml that Ultralytics reads in place of the user's: absolute paths, no `path:`, no `download:`."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import yaml

from sweep.data.dataset import Dataset
from sweep.data.facts import write_atomically
from sweep.data.labels import label_path

JPEG_END = b"\xff\xd9"


def write_view(dataset: Dataset, home: Path) -> Path:
    """Write a view of a data set into home, if it is not there already. Safe from several processes at once.

    JPEG files without end marker, which Ultralytics would rewrite in the user's folder, are copied into the
    view with the marker appended (the pixels stay the same), and their labels with them.

    Args:
        dataset: A checked data set.
        home: The folder that holds all state.

    Returns:
        `datasets/views/<digest>-<place>/data.yaml` in home; beside it `train.txt`, `val.txt` and, where the
        data set has that split, `test.txt` with one absolute path a line.
    """
    splits = {"train": dataset.train, "val": dataset.val, "test": dataset.test}
    place = hashlib.sha256("\n".join(f"{s} {p}" for s, paths in splits.items() for p in paths).encode()).hexdigest()
    view = Path(os.path.abspath(home)) / "datasets" / "views" / f"{dataset.digest[:16]}-{place[:12]}"  # noqa: PTH100
    content: dict[str, object] = {}
    for split, paths in splits.items():
        if paths:
            lines = [str(_with_end(path, view)) for path in paths]
            _write(view / f"{split}.txt", "\n".join(lines) + "\n")
            content[split] = f"{split}.txt"
    content |= {"nc": dataset.nc, "names": dict(dataset.names)}
    _write(view / "data.yaml", yaml.safe_dump(content, allow_unicode=True, sort_keys=False))
    return view / "data.yaml"


def _with_end(path: Path, view: Path) -> Path:
    """The path itself, or that of a completed copy of a JPEG that lacks its end marker."""
    if path.suffix.lower() not in (".jpg", ".jpeg"):
        return path
    with path.open("rb") as stream:
        if stream.read(3) != b"\xff\xd8\xff" or stream.seek(-2, os.SEEK_END) < 0 or stream.read() == JPEG_END:
            return path
    folder = hashlib.sha256(os.fsencode(path)).hexdigest()[:12]
    copy = view / "images" / folder / path.name
    _put(copy, path.read_bytes() + JPEG_END)
    labels = Path(label_path(str(path)))
    if labels.is_file():
        _put(Path(label_path(str(copy))), labels.read_bytes())
    return copy


def _write(file: Path, text: str) -> None:
    _put(file, text.encode())


def _put(file: Path, content: bytes) -> None:
    """Write a file unless it has this content already."""
    if not file.is_file() or file.read_bytes() != content:
        write_atomically(file, content)
