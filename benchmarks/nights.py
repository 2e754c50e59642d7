"""How often the regression gate sees a fall, and how often it sees one that is none.

    python benchmarks/nights.py [--rounds 400] [--noise 0.5]

Simulated nights of six cells whose mAP50 differs by independent normal noise (standard deviation --noise points), after
a window of such nights. Falls of 0.5, 1, 2 and 5 points are planted in one cell, or in all six, and stay. Printed: the
share of rounds in which the fall was found in its own night, and within two nights; and of rounds of thirty nights
without any fall in which something was found.
"""

from __future__ import annotations

import argparse
import random

from sweep.nightly.gate import Limits, Series, regressions

CELLS, NIGHTS = 6, 30
METRIC = "best/mAP50"


def found(nights: list[list[float]], night: int) -> set[int]:
    """The cells that a night is found worse in."""
    series = [
        Series(str(cell), METRIC, tuple(values[:night]), values[night])
        for cell, values in enumerate(map(list, zip(*nights, strict=True)))
    ]
    return {int(finding.cell) for finding in regressions(series)}


def main() -> None:
    """Simulate, and print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=400)
    parser.add_argument("--noise", type=float, default=0.5)
    given = parser.parse_args()
    random_, window = random.Random(0), Limits().window

    def night(fall: float = 0.0, fallen: int = 0) -> list[float]:
        drawn = [0.7 + random_.gauss(0, given.noise / 100) for _ in range(CELLS)]
        return [value - fall / 100 if cell < fallen else value for cell, value in enumerate(drawn)]

    false = 0
    for _ in range(given.rounds):
        nights = [night() for _ in range(window + NIGHTS)]
        false += any(found(nights, number) for number in range(window, window + NIGHTS))
    print(f"False alarms: in {false} of {given.rounds} rounds of {NIGHTS} nights ({false / given.rounds:.1%}).\n")
    print("| fall | in | found the same night | within two nights |\n|---|---|---|---|")
    for fallen in (1, CELLS):
        for fall in (0.5, 1, 2, 5):
            first = second = 0
            for _ in range(given.rounds):
                nights = [night() for _ in range(window)] + [night(fall, fallen) for _ in range(2)]
                at_once = bool(found(nights, window) & set(range(fallen)))
                first += at_once
                second += at_once or bool(found(nights, window + 1) & set(range(fallen)))
            where = "one cell" if fallen == 1 else "all cells"
            print(f"| {fall:g} points | {where} | {first / given.rounds:.1%} | {second / given.rounds:.1%} |")


if __name__ == "__main__":
    main()
