"""Files that are either there as a whole or not at all, whatever happens while they are written."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sweep.disk_full import DiskRefused, refusal

PARTS = ".*.part"  # files that were being written when their process was killed
PROBE = b"\0" * 65536


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A file of another name in the same folder, which takes the place of `path` when the block ends well.

    It is on the disk before that, so that not even a power cut leaves half a file. A block that raises leaves `path` as
    it was, and nothing beside it.

    Raises:
        DiskRefused: In the place of what the block has raised, if the disk is full or read-only.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield part
        with part.open("rb") as stream:
            os.fsync(stream.fileno())
        part.replace(path)
    except Exception as error:
        refused = refusal(error, path) or _probed(part, path)
        if refused is None:
            raise
        raise refused from error
    finally:
        part.unlink(missing_ok=True)


def _probed(part: Path, path: Path) -> DiskRefused | None:
    """Whether it is for want of room that a file came to be half written: torch does not always say so."""
    if not part.exists():
        return None
    try:
        with part.open("ab") as stream:
            stream.write(PROBE)
    except OSError as error:
        return refusal(error, path)
    return None
