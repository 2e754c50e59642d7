"""How each of the six signs looks: a list of coloured shapes in the square -1..1, painted one over the other.

The first layer is the silhouette: what lies outside it is not the sign, and the label's box is taken from it.
"""

from __future__ import annotations

from sweep.data.signs.dice import Dice
from sweep.data.signs.shapes import Point, Shape, box, disc, polygon, rounded, stroke

NAMES = ("speed_limit", "stop", "yield", "no_entry", "crosswalk", "traffic_light")

Colour = tuple[int, int, int]
Layer = tuple[Shape, Colour]

# Polylines of the characters, in tenths, in a cell of width 10 and height 20 with the origin in the middle.
STROKES = {
    "0": "-3,-8 3,-8 5,-4 5,4 3,8 -3,8 -5,4 -5,-4 -3,-8",
    "2": "-5,-5 -2,-8 2,-8 5,-5 4,-1 -5,8 5,8",
    "3": "-5,-8 4,-8 0,-2 5,1 5,5 2,8 -5,7",
    "4": "2,8 2,-8 -5,3 5,3",
    "5": "5,-8 -4,-8 -5,-1 2,-2 5,2 3,8 -5,7",
    "6": "4,-8 -3,-3 -5,3 -3,8 3,8 5,3 2,-1 -4,0",
    "8": "-3,-8 3,-8 4,-4 -5,4 -3,8 3,8 5,4 -4,-4 -3,-8",
    "S": "5,-7 -3,-8 -5,-4 5,3 3,8 -5,7",
    "T": "-5,-8 5,-8 | 0,-8 0,8",
    "O": "-3,-8 3,-8 5,0 3,8 -3,8 -5,0 -3,-8",
    "P": "-4,8 -4,-8 3,-8 5,-4 3,0 -4,0",
}


def _polylines(text: str) -> list[list[Point]]:
    lines = [[point.split(",") for point in line.split()] for line in text.split("|")]
    return [[(int(x) / 10, int(y) / 10) for x, y in line] for line in lines]


GLYPHS = {character: _polylines(text) for character, text in STROKES.items()}

OCTAGON = (
    (-0.41, -1.0),
    (0.41, -1.0),
    (1.0, -0.41),
    (1.0, 0.41),
    (0.41, 1.0),
    (-0.41, 1.0),
    (-1.0, 0.41),
    (-1.0, -0.41),
)


def _text(text: str, colour: Colour, *, width: float, height: float, r: float) -> list[Layer]:
    """Characters side by side around the origin, each in a cell of `width` with the given half height."""
    layers: list[Layer] = []
    for i, character in enumerate(text):
        centre = (i - (len(text) - 1) / 2) * width
        for line in GLYPHS[character]:
            points = [(centre + x * width * 0.62, y * height) for x, y in line]
            layers.append((stroke(r, *points), colour))
    return layers


def _scaled(corners: tuple[Point, ...], factor: float) -> tuple[Point, ...]:
    return tuple((x * factor, y * factor) for x, y in corners)


def speed_limit(dice: Dice) -> list[Layer]:
    """White disc, red ring, black digits."""
    red, white = dice.colour((185, 10, 15), (225, 35, 40)), dice.colour((225, 225, 220), (250, 250, 248))
    digits = dice.choice(("20", "30", "40", "50", "60", "80"))
    return [
        (disc(0, 0, 1.0), red),
        (disc(0, 0, 0.74), white),
        *_text(digits, dice.colour((5, 5, 5), (35, 35, 35)), width=0.56, height=0.46, r=0.09),
    ]


def stop(dice: Dice) -> list[Layer]:
    """Red octagon with a white rim and the word."""
    red, white = dice.colour((180, 8, 15), (220, 32, 40)), dice.colour((225, 225, 220), (250, 250, 248))
    return [
        (polygon(*OCTAGON), white),
        (polygon(*_scaled(OCTAGON, 0.9)), red),
        *_text("STOP", white, width=0.41, height=0.4, r=0.065),
    ]


def yield_(dice: Dice) -> list[Layer]:
    """White triangle on its tip with a broad red border."""
    red, white = dice.colour((185, 10, 15), (225, 35, 40)), dice.colour((228, 228, 222), (252, 252, 250))
    outer = ((-0.92, -0.78), (0.92, -0.78), (0.0, 0.86))
    inner = ((-0.53, -0.53), (0.53, -0.53), (0.0, 0.42))
    return [(rounded(outer, 0.08), red), (polygon(*inner), white)]


def no_entry(dice: Dice) -> list[Layer]:
    """Red disc with a white bar."""
    red, white = dice.colour((180, 8, 15), (222, 32, 40)), dice.colour((228, 228, 222), (252, 252, 250))
    return [(disc(0, 0, 1.0), white), (disc(0, 0, 0.95), red), (box(-0.72, -0.2, 0.72, 0.2), white)]


def crosswalk(dice: Dice) -> list[Layer]:
    """Blue square, white triangle, a walking figure on stripes."""
    blue, white = dice.colour((10, 55, 145), (35, 95, 205)), dice.colour((228, 228, 225), (252, 252, 250))
    black = dice.colour((5, 5, 5), (35, 35, 35))
    side = 0.88
    square = ((-side, -side), (side, -side), (side, side), (-side, side))
    figure = [
        disc(0.02, -0.3, 0.1),
        stroke(0.09, (0.0, -0.12), (0.0, 0.18)),
        stroke(0.06, (-0.26, 0.12), (0.0, -0.1), (0.24, 0.12)),
        stroke(0.065, (-0.22, 0.5), (0.0, 0.16), (0.22, 0.5)),
        *(box(x, 0.54, x + 0.14, 0.64) for x in (-0.5, -0.22, 0.06, 0.34)),
    ]
    return [
        (rounded(square, 0.1), white),
        (rounded(_scaled(square, 0.96), 0.08), blue),
        (polygon((0.0, -0.8), (0.8, 0.72), (-0.8, 0.72)), white),
        *((shape, black) for shape in figure),
    ]


def traffic_light(dice: Dice) -> list[Layer]:
    """Dark upright housing with three lamps, one of them lit."""
    housing = dice.colour((18, 20, 22), (48, 50, 48))
    rim = dice.choice(((225, 225, 220), (215, 180, 40), (200, 200, 205)))
    dim = ((88, 22, 20), (92, 74, 18), (18, 70, 42))
    lit = ((255, 45, 35), (255, 190, 40), (45, 250, 130))
    on = dice.integer(0, 2)
    corners = ((-0.42, -0.92), (0.42, -0.92), (0.42, 0.92), (-0.42, 0.92))
    lamps: list[Layer] = []
    for i, y in enumerate((-0.62, 0.0, 0.62)):
        lamps.append((disc(0.0, y, 0.28), lit[i] if i == on else dim[i]))
        if i == on:
            lamps.append((disc(-0.06, y - 0.06, 0.1), (255, 240, 225)))
    return [(rounded(corners, 0.1), rim), (rounded(_scaled(corners, 0.95), 0.07), housing), *lamps]


DESIGNS = (speed_limit, stop, yield_, no_entry, crosswalk, traffic_light)
