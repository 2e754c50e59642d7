"""An append-only file of records, one a line, that no kill and no full disk can spoil."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

JOURNAL: Final = "spool.jsonl"  # in a run's folder
TORN: Final = b"#\n"  # ends a line whose writer did not come to its end: with it, not even a whole record counts


def append(path: Path, record: Mapping[str, Any]) -> None:
    """Append a record; it is on the disk when this returns.

    A line that an earlier writer did not come to finish is left where it is, and is no record, even if only its end is
    missing: that writer, or who went on after it, has taken it for lost.

    Raises:
        OSError: The disk is full, or the folder cannot be written; the records before are still there.
    """
    new = not path.exists()
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        start = b"" if _ends_whole(descriptor) else TORN
        line = start + json.dumps(record, ensure_ascii=True, separators=(",", ":")).encode() + b"\n"
        if os.write(descriptor, line) != len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    if new:
        _sync_folder(path.parent)


def read(path: Path, offset: int = 0) -> Iterator[tuple[dict[str, Any], int]]:
    """Yield the records from a byte offset on, each with the offset behind it; none where there is no file."""
    try:
        with path.open("rb") as stream:
            stream.seek(offset)
            for line in stream:
                if not line.endswith(b"\n"):  # it is being written, or its writer died over it
                    return
                offset += len(line)
                record = _record(line)
                if record is not None:
                    yield record, offset
    except FileNotFoundError:
        return


def _record(line: bytes) -> dict[str, Any] | None:
    try:
        content = json.loads(line)
    except ValueError:
        return None
    return content if isinstance(content, dict) and "op" in content else None


def _ends_whole(descriptor: int) -> bool:
    size = os.fstat(descriptor).st_size
    return size == 0 or os.pread(descriptor, 1, size - 1) == b"\n"


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
