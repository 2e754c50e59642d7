"""A worker takes its place."""

from __future__ import annotations

from pathlib import Path

from sweep import pool
from sweep.slots import Slot


def test_a_worker_takes_the_first_place_that_nobody_holds(tmp_path: Path) -> None:
    slots = (Slot((("X", "0"),)), Slot((("X", "1"),)))
    assert pool._take_slot(tmp_path, slots) == slots[0]
    assert pool._take_slot(tmp_path, slots) == slots[1]
    pool._held.pop(0).release()
    pool._held.pop().release()
    assert pool._take_slot(tmp_path, slots) == slots[0]
    pool._held.clear()
