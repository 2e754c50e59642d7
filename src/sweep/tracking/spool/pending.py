"""Which runs of a home are open or not delivered yet: a small file for each, so that nothing has to be searched."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

PENDING: Final = "undelivered"  # in home


def mark(home: Path, local_id: str, folder: Path) -> None:
    """Note that a run in this folder of home is open, before anything is written into it."""
    place = home / PENDING
    place.mkdir(parents=True, exist_ok=True)
    with (place / local_id).open("w", encoding="utf-8") as stream:
        stream.write(folder.relative_to(home).as_posix())
        stream.flush()
        os.fsync(stream.fileno())


def is_marked(home: Path, local_id: str) -> bool:
    """Whether a run is noted as open or not delivered."""
    return (home / PENDING / local_id).exists()


def unmark(home: Path, local_id: str) -> None:
    """Note that a run has ended and MLflow has all of it."""
    (home / PENDING / local_id).unlink(missing_ok=True)


def pending_folder(home: Path, local_id: str) -> Path | None:
    """The folder of a run that is open or not delivered; None of any other."""
    try:
        return home / (home / PENDING / local_id).read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return None


def pending(home: Path) -> Iterator[Path]:
    """Yield the folders of the runs that are open or not delivered, in no order."""
    try:
        entries = sorted((home / PENDING).iterdir())
    except FileNotFoundError:
        return
    for entry in entries:
        folder = pending_folder(home, entry.name)
        if folder is not None and folder.name == entry.name:  # a kill may have left an empty file
            yield folder
