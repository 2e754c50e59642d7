"""How a night is concluded: judged, marked, and told to whoever is to hear of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sweep.config import read_settings
from sweep.errors import in_one_line
from sweep.nightly.message import send
from sweep.redaction import redacted

if TYPE_CHECKING:
    from sweep.nightly.second_look import SecondLook
    from sweep.tracking.read import RunInfo
    from sweep.tracking.store import Store

EXIT_FINISHED, EXIT_REGRESSION = 0, 3


def conclude(
    config: Mapping[str, Any],
    addresses: Sequence[str],
    code: int,
    sweep_id: str | None,
    say: Callable[[str], None],
    look: SecondLook | None = None,
) -> int:
    """Judge a night whose sweep has ended, and tell of a regression or a failure.

    Args:
        config: The plain config of a cell of the night.
        addresses: Who hears of it.
        code: The exit code of the sweep.
        sweep_id: The sweep; None where it was refused before it began.
        say: Where to say it here.
        look: How cells that look worse are looked at again; None: they are judged by one training.

    Returns:
        The exit code of the night: 3 for a regression, otherwise that of the sweep.
    """
    told: list[str] = []
    if code == EXIT_FINISHED and sweep_id is not None:
        told, worse = _judged(config, sweep_id, look)
        code = EXIT_REGRESSION if worse else code
        for line in told:
            say(line)
    if code and addresses:
        title = f"npu-sweep: {'regression' if code == EXIT_REGRESSION else f'exit code {code}'} in the night"
        body = "\n".join([f"Sweep {sweep_id}" if sweep_id else "The sweep was refused.", *told])
        _send(addresses, title, redacted(body), say)
    return code


def _judged(config: Mapping[str, Any], sweep_id: str, look: SecondLook | None) -> tuple[list[str], bool]:
    """The verdict in words, and whether something has become worse. A store that is away judges nothing."""
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
        return [f"The night could not be judged: {in_one_line(error)}"], False
    lines = verdict.lines()
    if verdict.regressions:
        lines.append(f"In MLflow: {run_link(store, sweep.run_id)}")
    return [*lines, _history(store, sweep)], bool(verdict.regressions)


def _history(store: Store, sweep: RunInfo) -> str:
    """Write the history of the night's cells; where it is, in words."""
    from sweep.nightly.history import update_history

    try:
        return f"History: {update_history(store, sweep)}"
    except Exception as error:  # a full disk, say: the verdict stands
        return f"The history could not be written: {in_one_line(error)}"


def _send(addresses: Sequence[str], title: str, body: str, say: Callable[[str], None]) -> None:
    try:
        sent = send(addresses, title, body)
    except Exception:  # whatever a service's client raises: the night itself has ended, and its code tells
        sent = False
    say("A message was sent." if sent else "The message could not be sent to all addresses of nightly.notify.")
