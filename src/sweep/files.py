"""Files that are either there as a whole or not at all, whatever happens while they are written."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
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


def is_file(path: Path) -> bool:
    """Whether there is a file that can be seen; names that are too long, and closed folders, have none."""
    return _mode_is(path, stat.S_ISREG)


def is_folder(path: Path) -> bool:
    """Whether there is a folder that can be seen."""
    return _mode_is(path, stat.S_ISDIR)


def is_there(path: Path) -> bool:
    """Whether there is anything that can be seen."""
    return _mode_is(path, lambda _: True)


def expanded(text: str) -> Path:
    """The path with the user's home in the place of `~`, where there is such a user."""
    try:
        return Path(text).expanduser()
    except RuntimeError:
        return Path(text)


def _mode_is(path: Path, kind: Callable[[int], bool]) -> bool:
    try:
        return kind(path.stat().st_mode)
    except (OSError, ValueError):
        return False


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
