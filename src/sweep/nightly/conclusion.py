"""How a night is concluded: judged, marked, and told to whoever is to hear of it."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweep.config import read_settings
from sweep.delivery import EXIT_FAILED, EXIT_OK
from sweep.errors import in_one_line
from sweep.nightly.message import send
from sweep.nightly.second_look import Ended, SecondLook
from sweep.redaction import redacted

if TYPE_CHECKING:
    from sweep.tracking.read import RunInfo
    from sweep.tracking.store import Store

EXIT_REGRESSION = 3
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Judged:
    """What became of the cells of a night.

    Attributes:
        lines: it in words.
        worse: whether something has become worse.
        known: whether that could be found out.
    """

    lines: tuple[str, ...]
    worse: bool
    known: bool = True


def conclude(
    config: Mapping[str, Any],
    addresses: Sequence[str],
    ended: Ended,
    tell: Tell,
    look: SecondLook | None = None,
    log: Path | None = None,
) -> int:
    """Judge a night whose sweep has ended, and tell of a regression or a failure.

    The cells that were trained are judged where others have failed, too.

    Args:
        config: The plain config of a cell of the night.
        addresses: Who hears of it.
        ended: How the night's sweep has ended.
        tell: Where to say it here.
        look: How cells that look worse are looked at again; None: they are judged by what there is.
        log: The night's log, which the message names.

    Returns:
        The exit code of the night: that of the sweep, or where it is 0, 3 for a regression, and 1 where the night
        could not be judged.
    """
    code, lines = ended.code, []
    if ended.code in (EXIT_OK, EXIT_FAILED) and ended.sweep_id is not None:
        judged = _judged(config, ended.sweep_id, None if ended.over else look)
        lines = [*judged.lines]
        for line in lines:
            tell(line)
        if code == EXIT_OK:
            code = EXIT_FAILED if not judged.known else EXIT_REGRESSION if judged.worse else code
    if code and addresses:
        what = "regression" if code == EXIT_REGRESSION else f"exit code {code}"
        sweep = f"Sweep {ended.sweep_id}" if ended.sweep_id else "The sweep was refused."
        where = [] if log is None else [f"Log, on {platform.node()}: {log}"]
        body = redacted("\n".join([sweep, *lines, *where]))
        _send(addresses, f"npu-sweep: {what} in the night", body, tell)
    return code


def _judged(config: Mapping[str, Any], sweep_id: str, look: SecondLook | None) -> Judged:
    """The verdict. A store that is away knows none."""
    from sweep.nightly.verdict import judge
    from sweep.tracking.links import run_link
    from sweep.tracking.read import sweep_run
    from sweep.tracking.store import open_store

    settings = read_settings(config)
    try:
        store = open_store(settings.home, settings.experiment, settings.tracking_uri)
        sweep = sweep_run(store, sweep_id)
        verdict = judge(store, sweep, look=look)
    except Exception as error:
        return Judged((f"The night could not be judged: {in_one_line(error)}",), worse=False, known=False)
    link = f"In MLflow: {run_link(store, sweep.run_id)}"
    return Judged((*verdict.lines(), link, _history(store, sweep)), bool(verdict.regressions))


def _history(store: Store, sweep: RunInfo) -> str:
    """Write the history of the night's cells; where it is, in words."""
    from sweep.nightly.history import update_history

    try:
        return f"History: {update_history(store, sweep)}"
    except Exception as error:  # a full disk, say: the verdict stands
        return f"The history could not be written: {in_one_line(error)}"


def _send(addresses: Sequence[str], title: str, body: str, tell: Tell) -> None:
    try:
        sent = send(addresses, title, body)
    except Exception:  # whatever a service's client raises: the night itself has ended, and its code tells
        sent = False
    tell("A message was sent." if sent else "The message could not be sent to all addresses of nightly.notify.")
