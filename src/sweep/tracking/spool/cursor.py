"""How far the journal of a run was delivered, and to which run of MLflow: a file beside it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from sweep.files import replacing
from sweep.tracking.spool.journal import JOURNAL, read

CURSOR: Final = "delivered.json"


@dataclass(frozen=True)
class Cursor:
    """What MLflow has of a run.

    Attributes:
        run_id: MLflow's id of the run; None: it was not created yet.
        offset: the byte of the journal up to which it was delivered.
        dropped: whether the run was deleted in MLflow, so that nobody wants the rest.
    """

    run_id: str | None = None
    offset: int = 0
    dropped: bool = False


def read_cursor(folder: Path) -> Cursor:
    """The cursor of a run; that of an undelivered one where there is none, or it cannot be read."""
    try:
        content = json.loads((folder / CURSOR).read_text("utf-8"))
        return Cursor(content["run_id"], int(content["offset"]), bool(content.get("dropped")))
    except (OSError, ValueError, KeyError, TypeError):
        return Cursor()


def write_cursor(folder: Path, cursor: Cursor) -> None:
    """Remember how far a run was delivered."""
    with replacing(folder / CURSOR) as part:
        part.write_text(json.dumps(asdict(cursor)), "utf-8")


def is_delivered(folder: Path) -> bool:
    """Whether MLflow has all that the journal of a run holds."""
    cursor = read_cursor(folder)
    return cursor.dropped or next(read(folder / JOURNAL, cursor.offset), None) is None
