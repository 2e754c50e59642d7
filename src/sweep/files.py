"""Files that are either there as a whole or not at all, whatever happens while they are written."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PARTS = ".*.part"  # files that were being written when their process was killed


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A file of another name in the same folder, which takes the place of `path` when the block ends well.

    It is on the disk before that, so that not even a power cut leaves half a file. A block that raises leaves `path` as
    it was, and nothing beside it.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield part
        with part.open("rb") as stream:
            os.fsync(stream.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
