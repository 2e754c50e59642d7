"""What identifies a data set: its names, pictures and labels; not where it lies nor when it was written."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from PIL import Image

MARKER = "generated.json"
"""This file beside data.yaml says that the pictures were drawn by `sweep.data.signs`.

Their files differ with the version of zlib, so the digest is taken over decoded pixels (see `pixels_sha`).
"""

EMPTY_SHA = hashlib.sha256(b"").hexdigest()
"""Stands for the label file of a background picture, whether the file is empty or absent."""


class Entry(NamedTuple):
    """One picture of a data set.

    Attributes:
        split: train, val or test.
        name: Path below the folder (or beside the list file) that the split names, with `/`.
        image_sha: SHA-256 of the picture's file, or of its pixels where the set carries MARKER.
        label_sha: SHA-256 of the label file.
    """

    split: str
    name: str
    image_sha: str
    label_sha: str


def data_digest(names: Mapping[int, str], entries: Iterable[Entry]) -> str:
    """The digest of a data set: 64 hexadecimal digits (SHA-256)."""
    content = {"names": [names[i] for i in sorted(names)], "entries": sorted(entries)}
    return hashlib.sha256(json.dumps(content, ensure_ascii=True).encode()).hexdigest()


def pixels_sha(image: Image.Image) -> str:
    """SHA-256 over mode, size and decoded pixels."""
    head = f"{image.mode} {image.width} {image.height}\n".encode()
    return hashlib.sha256(head + image.tobytes()).hexdigest()


def is_generated(folder: Path) -> bool:
    """Whether a folder holds pictures drawn by `sweep.data.signs`."""
    return (folder / MARKER).is_file()
