"""Ctrl-C and SIGTERM as one exception, so that a sweep can end its workers and close its runs before it goes."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
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


@contextlib.contextmanager
def patiently_interruptible(ask: Callable[[Interrupted], None], grace_s: float) -> Iterator[None]:
    """Let what runs inside come to a good end at the first Ctrl-C or SIGTERM, and raise Interrupted when it has.

    A second one raises at once, and so does the end of the grace after SIGTERM: whoever sends it will not wait longer.

    Args:
        ask: Called at the first one, to ask for the end.
        grace_s: Seconds that SIGTERM leaves.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (*EXIT_CODES, signal.SIGALRM)}
    asked: list[Interrupted] = []

    def first(number: int, frame: FrameType | None) -> None:
        for other in EXIT_CODES:
            signal.signal(other, second)
        asked.append(Interrupted(signal.Signals(number)))
        if number == signal.SIGTERM:
            signal.signal(signal.SIGALRM, over)
            signal.setitimer(signal.ITIMER_REAL, max(grace_s, 0.001))
        ask(asked[0])

    def second(number: int, frame: FrameType | None) -> None:
        for other in EXIT_CODES:
            signal.signal(other, before[other])
        raise Interrupted(signal.Signals(number))

    def over(number: int, frame: FrameType | None) -> None:
        raise asked[0]

    for number in EXIT_CODES:
        signal.signal(number, first)
    try:
        yield
        if asked:
            raise asked[0]
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in before.items():
            signal.signal(number, handler)
