"""Ctrl-C and SIGTERM as one exception, so that a sweep can end its workers and close its runs before it goes."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType

EXIT_CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}
NAMES = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM"}


class Interrupted(BaseException):
    """The user or the system asked the sweep to stop. Not an Exception: nothing may swallow it."""

    def __init__(self, number: signal.Signals) -> None:
        super().__init__(NAMES[number])
        self.reason = NAMES[number]
        self.exit_code = EXIT_CODES[number]


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Raise Interrupted in the main thread at the first Ctrl-C or SIGTERM; a second one acts as ever."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in EXIT_CODES}

    def interrupt(number: int, frame: FrameType | None) -> None:
        restore()
        raise Interrupted(signal.Signals(number))

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    for number in EXIT_CODES:
        signal.signal(number, interrupt)
    try:
        yield
    finally:
        restore()
