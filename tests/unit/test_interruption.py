"""Ctrl-C and SIGTERM, with real signals to this process."""

from __future__ import annotations

import os
import signal
import threading
import time

import pytest

from sweep.interruption import Interrupted, interruptible


def send(number: signal.Signals) -> None:
    os.kill(os.getpid(), number)
    time.sleep(1)  # ends early: the handler raises here


@pytest.mark.parametrize(("number", "code", "name"), [(signal.SIGINT, 130, "Ctrl-C"), (signal.SIGTERM, 143, "SIGTERM")])
def test_a_signal_becomes_an_exception_with_its_exit_code(number: signal.Signals, code: int, name: str) -> None:
    with pytest.raises(Interrupted) as caught, interruptible():
        try:
            send(number)
        except Exception as error:
            pytest.fail(f"swallowed by `except Exception`: {error}")
    assert (caught.value.exit_code, caught.value.reason) == (code, name)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_handlers_are_as_before_afterwards(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with interruptible():
        assert signal.getsignal(number) is not before
    assert signal.getsignal(number) is before
    with pytest.raises(Interrupted), interruptible():
        send(number)
    assert signal.getsignal(number) is before


def test_a_second_signal_acts_as_if_nothing_were_there() -> None:
    with interruptible():
        with pytest.raises(Interrupted):
            send(signal.SIGTERM)
        with pytest.raises(KeyboardInterrupt):
            send(signal.SIGINT)


def test_beside_the_main_thread_nothing_is_changed() -> None:
    before = signal.getsignal(signal.SIGINT)
    inside: list[object] = []

    def look() -> None:
        with interruptible():
            inside.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert inside == [before]
