"""How often the regression gate sees a fall, and how often it sees one that is none.

    python benchmarks/nights.py [--rounds 400] [--noise 0.5] [--again 3] [--cells 6] [--history 21]

Simulated nights of --cells cells whose mAP50 differs by independent normal noise (standard deviation --noise points),
after --history such nights. Falls of 0.5, 1, 2 and 5 points are planted in one cell, or in all, and stay. Printed: the
share of rounds in which the fall was found in its own night, and within two nights; of rounds of thirty nights
without any fall in which something was found; and how many trainings a night the second look at suspected cells took,
each of --again trainings more with the same noise, as `nightly.again` has it.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sweep.nightly.gate import Limits, Series, regressions, suspected

NIGHTS = 30
METRIC = "best/mAP50"


@dataclass
class World:
    """Cells that differ from night to night by chance.

    Attributes:
        random: where chance comes from.
        noise: its standard deviation, 0 to 1.
        again: how many trainings more a suspected cell gets.
        cells: how many cells there are.
        more: how many of these there were.
    """

    random: random.Random
    noise: float
    again: int
    cells: int
    more: int = 0

    def train(self, fall: float = 0.0) -> float:
        """The mAP50 of a training."""
        return 0.7 - fall + self.random.gauss(0, self.noise)

    def night(self, falls: Sequence[float] = ()) -> list[float]:
        """The mAP50 of each cell, of which the first ones have fallen."""
        return [self.train(fall) for fall in self._falls(falls)]

    def _falls(self, falls: Sequence[float]) -> list[float]:
        return [*falls, *([0.0] * (self.cells - len(falls)))]

    def found(self, nights: list[list[float]], number: int, falls: Sequence[float] = ()) -> set[int]:
        """The cells that a night is found worse in."""
        falls = self._falls(falls)
        series = [
            Series(str(cell), METRIC, tuple(values[:number]), (values[number],))
            for cell, values in enumerate(map(list, zip(*nights, strict=True)))
        ]
        looked_at = suspected(series) if self.again else []
        self.more += self.again * len(looked_at)
        series = [
            replace(one, now=(*one.now, *(self.train(falls[int(one.cell)]) for _ in range(self.again))))
            if one.cell in looked_at
            else one
            for one in series
        ]
        return {int(finding.cell) for finding in regressions(series)}


def main() -> None:
    """Simulate, and print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=400)
    parser.add_argument("--noise", type=float, default=0.5)
    parser.add_argument("--again", type=int, default=3)
    parser.add_argument("--cells", type=int, default=6)
    parser.add_argument("--history", type=int, default=Limits().window)
    given = parser.parse_args()
    world, window = World(random.Random(0), given.noise / 100, given.again, given.cells), given.history

    false = 0
    for _ in range(given.rounds):
        nights = [world.night() for _ in range(window + NIGHTS)]
        false += any(world.found(nights, number) for number in range(window, window + NIGHTS))
    print(f"False alarms: in {false} of {given.rounds} rounds of {NIGHTS} nights ({false / given.rounds:.1%}).")
    print(f"Trainings of the second look without a fall: {world.more / given.rounds / NIGHTS:.2f} a night.\n")
    print("| fall | in | found the same night | within two nights |\n|---|---|---|---|")
    for fallen in dict.fromkeys((1, given.cells)):
        for fall in (0.5, 1, 2, 5):
            falls = [fall / 100] * fallen
            first = second = 0
            for _ in range(given.rounds):
                nights = [world.night() for _ in range(window)] + [world.night(falls) for _ in range(2)]
                at_once = bool(world.found(nights, window, falls) & set(range(fallen)))
                first += at_once
                second += at_once or bool(world.found(nights, window + 1, falls) & set(range(fallen)))
            where = "one cell" if fallen == 1 else "all cells"
            print(f"| {fall:g} points | {where} | {first / given.rounds:.1%} | {second / given.rounds:.1%} |")


if __name__ == "__main__":
    main()
