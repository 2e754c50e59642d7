"""Colours, dashes and markers: told apart by people who see colours differently, on paper and on a dark page."""

from __future__ import annotations

from typing import Final, Literal

Dash = Literal["solid", "dash", "dot", "dashdot"]
"""A name of `DASHES`."""
Symbol = Literal["circle", "square", "diamond", "triangle-up"]

# Okabe and Ito, "Color Universal Design" (2008), less the yellow, which white paper swallows; the grey is for the rest.
BLUE: Final = "#0072B2"
VERMILION: Final = "#D55E00"
GREEN: Final = "#009E73"
PURPLE: Final = "#CC79A7"
ORANGE: Final = "#E69F00"
SKY: Final = "#56B4E9"
COLORS: Final = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY)
DASHES: Final[dict[Dash, tuple[float, ...]]] = {  # pixels drawn and left out
    "solid": (),
    "dash": (7, 3),
    "dot": (2, 2.5),
    "dashdot": (8, 3, 2, 3),
}
SYMBOLS: Final[tuple[Symbol, ...]] = ("circle", "square", "diamond", "triangle-up")
LOOKS: Final = len(COLORS) * len(DASHES)

INK: Final = "#1f2328"
QUIET: Final = "#59636e"
GREY: Final = "#8c959f"
GRID: Final = "#e4e7eb"
FAINT: Final = "#f6f8fa"  # behind a matrix
PAPER: Final = "#ffffff"
HEAT: Final = ("#dbeaf4", "#7fb9da", "#0072B2", "#003f63")  # of a matrix, from a little to 1

TEXT: Final = 12  # pixels
TICK: Final = 11
HEADING: Final = 13
