"""A disk that takes no more: full, over its quota, read-only or broken. Told as a sentence that says what to do."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from pathlib import Path

FULL, QUOTA, READ_ONLY, BROKEN = errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO
SQLITE = {  # how the names of SQLite's errors begin
    "SQLITE_FULL": FULL,
    "SQLITE_READONLY": READ_ONLY,
    "SQLITE_IOERR": BROKEN,
    "SQLITE_CANTOPEN": BROKEN,
}
GOES_ON = "the same command goes on after the last finished epoch."
ROOM = f"Free some (python -m sweep clean removes from home what nothing needs any more); then {GOES_ON}"


class DiskRefused(OSError):
    """A file could not be written because the disk takes no more; the message says what to do."""

    def __init__(self, number: int, sentence: str) -> None:
        super().__init__(number, sentence)

    def __str__(self) -> str:
        return str(self.strerror)


def refusal(error: BaseException, place: Path | None = None) -> DiskRefused | None:
    """What the disk has refused, if that has led to an error; None where it was something else.

    Args:
        error: What was raised; what it was raised from counts, too: torch and MLflow pass such errors on in their own.
        place: The file or folder that was to be written, where the error names none.
    """
    for each in _chain(error):
        if isinstance(each, DiskRefused):
            return each
        number = _number(each)
        if number is not None:
            name = getattr(each, "filename", None)
            return DiskRefused(number, _sentence(number, place or (Path(name) if isinstance(name, str) else None)))
    return None


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """An error and those that it was raised from, or while handling."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _number(error: BaseException) -> int | None:
    if isinstance(error, OSError) and error.errno in (FULL, QUOTA, READ_ONLY, BROKEN):
        return error.errno
    name = str(getattr(error, "sqlite_errorname", ""))
    return next((number for start, number in SQLITE.items() if name.startswith(start)), None)


def _sentence(number: int, place: Path | None) -> str:
    at = "" if place is None else f" at {place}"
    if number == READ_ONLY:
        return f"The disk is read-only{at}. Let it be written again (dmesg may tell why it is not); then {GOES_ON}"
    if number == BROKEN:
        return f"The disk is broken or has become read-only{at} (dmesg may tell why). When it is mended {GOES_ON}"
    if number == QUOTA:
        return f"Your quota of the disk is used up{at}. {ROOM}"
    return f"The disk is full{at}{_free(place)}. {ROOM}"


def _free(place: Path | None) -> str:
    """How much is free there: little, but a file of a checkpoint's size needs more than that."""
    if place is None:
        return ""
    try:
        folder = next(folder for folder in (place, *place.parents) if folder.is_dir())
        return f" ({shutil.disk_usage(folder).free / 1e6:.0f} MB free)"
    except (OSError, StopIteration):
        return ""
