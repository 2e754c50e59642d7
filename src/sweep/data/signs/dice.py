"""Random numbers that are the same on every machine and with every NumPy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")


class Dice:
    """Numbers drawn from the raw 64-bit output of PCG64.

    NumPy guarantees the raw stream of a bit generator, but not what `Generator` makes of it (NEP 19). So
    every number here is made from raw integers, with integer or exactly rounded floating-point arithmetic.
    """

    def __init__(self, *seed: int) -> None:
        self._bits = np.random.PCG64(list(seed))

    def integer(self, low: int, high: int) -> int:
        """An integer of [low, high], both included."""
        return low + (int(self._bits.random_raw()) >> 11) % (high - low + 1)

    def real(self, low: float, high: float) -> float:
        """A number of [low, high)."""
        return low + (high - low) * (self.integer(0, (1 << 20) - 1) / (1 << 20))

    def chance(self, percent: int) -> bool:
        """True in `percent` of 100 cases."""
        return self.integer(0, 99) < percent

    def choice(self, items: Sequence[T]) -> T:
        """One of the items."""
        return items[self.integer(0, len(items) - 1)]

    def shuffled(self, items: Sequence[T]) -> list[T]:
        """The items in random order (Fisher-Yates)."""
        out = list(items)
        for i in range(len(out) - 1, 0, -1):
            j = self.integer(0, i)
            out[i], out[j] = out[j], out[i]
        return out

    def bytes(self, *shape: int) -> NDArray[np.uint8]:
        """An array of the given shape with values 0..255."""
        count = 1
        for side in shape:
            count *= side
        raw = self._bits.random_raw((count + 7) // 8).astype("<u8")
        return raw.view(np.uint8)[:count].reshape(shape)

    def colour(self, low: Sequence[int], high: Sequence[int]) -> tuple[int, int, int]:
        """An RGB colour between two colours, channel by channel."""
        r, g, b = (self.integer(lo, hi) for lo, hi in zip(low, high, strict=True))
        return r, g, b

    def muted(self, low: int, high: int) -> tuple[int, int, int]:
        """A grey between `low` and `high` with a slight tint."""
        grey = self.integer(low, high)
        return self.colour((grey - 16, grey - 12, grey - 20), (grey + 16, grey + 10, grey + 12))
