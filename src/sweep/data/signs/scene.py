"""One picture with its labels: background, signs in perspective, occlusion, light, blur and noise."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sweep.data.signs.backdrop import SIZE, Canvas, backdrop
from sweep.data.signs.designs import DESIGNS
from sweep.data.signs.dice import Dice
from sweep.data.signs.shapes import Coordinates, Mask, disc, stroke

FINE = 3
"""Samples per pixel and axis while signs are drawn."""

SIDE = SIZE * FINE
VISIBLE = 0.68
"""A sign of which less than this share can be seen is not drawn, and nothing is put before it."""

Label = tuple[int, float, float, float, float]
"""class, x centre, y centre, width, height: the last four as shares of the picture's side."""


@dataclass(frozen=True)
class Pose:
    """Where a sign stands: centre and half size in samples, coefficients of the inverse projective map."""

    cx: float
    cy: float
    half: float
    rows: tuple[float, float, float, float]
    tilt: tuple[float, float]

    def local(self, x: Coordinates, y: Coordinates) -> tuple[Coordinates, Coordinates]:
        """Picture samples to the sign's own coordinates (-1..1)."""
        px, py = (x - self.cx) / self.half, (y - self.cy) / self.half
        a, b, c, d = self.rows
        w = 1.0 + self.tilt[0] * px + self.tilt[1] * py
        return (a * px + b * py) / w, (c * px + d * py) / w


def _pose(dice: Dice, taken: list[tuple[float, float, float]]) -> Pose | None:
    """A place that is free, or None. `taken` holds centre and half size of the signs so far, in pixels."""
    for _ in range(24):
        size = dice.integer(28, 80) if dice.chance(50) else dice.integer(28, 52)
        half = size / 2
        inset = half * 0.7 if dice.chance(12) else half + 1
        cx, cy = dice.real(inset, SIZE - inset), dice.real(inset, SIZE - inset)
        if all(max(abs(cx - x), abs(cy - y)) > 0.98 * (half + h) for x, y, h in taken):
            break
    else:
        return None
    taken.append((cx, cy, half))
    angle = math.radians(dice.integer(-11, 11))
    cos, sin = round(math.cos(angle), 6), round(math.sin(angle), 6)
    narrow = dice.real(1.0, 1.28)  # a turned sign looks narrower
    slant = dice.real(-0.15, 0.15)
    rows = (narrow * cos, narrow * sin, slant * cos - sin, slant * sin + cos)
    return Pose(cx * FINE, cy * FINE, half * FINE, rows, (dice.real(-0.22, 0.22), dice.real(-0.16, 0.16)))


def _window(pose: Pose) -> tuple[Coordinates, Coordinates]:
    """The sample points (middle of each) around a sign, also those outside the picture."""
    reach = int(pose.half * 1.5)
    left, top = int(pose.cx) - reach, int(pose.cy) - reach
    steps = np.arange(2 * reach, dtype=np.float64) + 0.5
    x, y = np.meshgrid(steps + left, steps + top)
    return x, y


class Scene:
    """A picture in the making, at FINE times its size: colours, and which sign is on top (0: none)."""

    def __init__(self, dice: Dice) -> None:
        self.dice = dice
        self.paint = np.repeat(np.repeat(backdrop(dice).astype(np.uint8), FINE, axis=0), FINE, axis=1)
        self.owner = np.zeros((SIDE, SIDE), dtype=np.uint8)
        self.signs: list[tuple[int, int]] = []  # class, samples of the whole sign
        self.taken: list[tuple[float, float, float]] = []

    def _cover(
        self, x0: int, y0: int, mask: Mask, colour: NDArray[np.uint8] | tuple[int, int, int], owner: int
    ) -> None:
        """Paint a mask whose first sample lies at (x0, y0), cut at the picture's edge."""
        left, top = max(x0, 0), max(y0, 0)
        right, bottom = min(x0 + mask.shape[1], SIDE), min(y0 + mask.shape[0], SIDE)
        if right <= left or bottom <= top:
            return
        inner = mask[top - y0 : bottom - y0, left - x0 : right - x0]
        shade = colour if isinstance(colour, tuple) else colour[top - y0 : bottom - y0, left - x0 : right - x0][inner]
        self.paint[top:bottom, left:right][inner] = shade
        self.owner[top:bottom, left:right][inner] = owner

    def add_sign(self, kind: int) -> None:
        """Draw a sign of class `kind` on its pole, where there is room for it."""
        pose = _pose(self.dice, self.taken)
        if pose is None:
            return
        x, y = _window(pose)
        u, v = pose.local(x, y)
        layers = DESIGNS[kind](self.dice)
        silhouette = layers[0][0](u, v)
        colours = np.empty((*silhouette.shape, 3), dtype=np.uint8)
        for shape, colour in layers:
            colours[shape(u, v)] = colour
        if self.dice.chance(65):
            self._pole(pose)
        self._cover(int(x[0, 0]), int(y[0, 0]), silhouette, colours, len(self.signs) + 1)
        self.signs.append((kind, int(np.count_nonzero(silhouette))))

    def _pole(self, pose: Pose) -> None:
        """A grey post from the sign down, behind every sign."""
        width = max(int(pose.half * 0.11), 3)
        left, top = int(pose.cx) - width // 2, int(pose.cy)
        ys, xs = slice(max(top, 0), SIDE), slice(max(left, 0), max(left + width, 0))
        free = self.owner[ys, xs] == 0
        grey = self.dice.integer(85, 165)
        self.paint[ys, xs][free] = (grey, grey, grey + 5)

    def seen(self, number: int) -> float:
        """The share of a sign (counted from 1) that lies in the picture and is not covered."""
        return int(np.count_nonzero(self.owner == number)) / self.signs[number - 1][1]

    def occlude(self, number: int) -> None:
        """Put leaves or a post before one sign, unless too little of it would be left."""
        x, y, half = self.taken[number - 1]
        cx, cy, half = x * FINE, y * FINE, half * FINE
        before = self.paint.copy(), self.owner.copy()
        if self.dice.chance(60):
            side_x, side_y = self.dice.choice(((-1, 1), (1, 1), (-1, -1), (1, -1)))
            for _ in range(self.dice.integer(7, 12)):
                r = self.dice.real(0.12, 0.3) * half
                bx = cx + side_x * half * self.dice.real(0.5, 1.15)
                by = cy + side_y * half * self.dice.real(0.5, 1.15)
                self._blob(bx, by, r, self.dice.colour((35, 65, 20), (90, 125, 60)))
        else:
            bx = cx + half * self.dice.real(-0.8, 0.8)
            lean = half * self.dice.real(-0.4, 0.4)
            colour = self.dice.colour((60, 55, 50), (125, 120, 115))
            grid_x, grid_y = np.meshgrid(np.arange(SIDE, dtype=np.float64), np.arange(SIDE, dtype=np.float64))
            post = stroke(max(half * 0.07, 3.0), (bx, -10.0), (bx + lean, SIDE + 10.0))
            self._cover(0, 0, post(grid_x, grid_y), colour, 0)
        if any(self.seen(i + 1) < VISIBLE for i in range(len(self.signs))):
            self.paint, self.owner = before

    def _blob(self, cx: float, cy: float, r: float, colour: tuple[int, int, int]) -> None:
        left, top, reach = int(cx - r) - 1, int(cy - r) - 1, int(2 * r) + 3
        steps = np.arange(reach, dtype=np.float64)
        grid_x, grid_y = np.meshgrid(steps + left, steps + top)
        self._cover(left, top, disc(cx, cy, r)(grid_x, grid_y), colour, 0)

    def labels(self) -> list[Label]:
        """Tight boxes around what can be seen of each sign."""
        found: list[Label] = []
        for number, (kind, _) in enumerate(self.signs, start=1):
            mine = self.owner == number
            rows, columns = np.flatnonzero(mine.any(axis=1)), np.flatnonzero(mine.any(axis=0))
            x0, x1, y0, y1 = int(columns[0]), int(columns[-1]) + 1, int(rows[0]), int(rows[-1]) + 1
            side = 2 * SIDE
            found.append((kind, (x0 + x1) / side, (y0 + y1) / side, (x1 - x0) / SIDE, (y1 - y0) / SIDE))
        return found

    def picture(self) -> NDArray[np.uint8]:
        """The finished picture, shape (SIZE, SIZE, 3): samples averaged, then light, blur and noise."""
        total = np.zeros((SIZE, SIZE, 3), dtype=np.int32)
        for row in range(FINE):
            for column in range(FINE):
                total += self.paint[row::FINE, column::FINE]
        canvas = _blur(self.dice, _light(self.dice, total // (FINE * FINE)))
        strength = self.dice.integer(2, 12)
        grain = (self.dice.bytes(SIZE, SIZE, 1).astype(np.int32) - 128) * strength // 128
        finished: NDArray[np.uint8] = np.clip(canvas + grain, 0, 255).astype(np.uint8)
        return finished


def _light(dice: Dice, canvas: Canvas) -> Canvas:
    """Brightness and tint that change across the picture, now and then a slanted shadow; gains in 1/256."""
    level = dice.choice((150, 190, 225, 256, 256, 285, 320))
    slope_x, slope_y = dice.integer(-45, 45), dice.integer(-45, 45)
    x = np.arange(SIZE, dtype=np.int32)[None, :] - SIZE // 2
    y = np.arange(SIZE, dtype=np.int32)[:, None] - SIZE // 2
    gain = level + (slope_x * x + slope_y * y) // (SIZE // 2)
    if dice.chance(25):
        edge = dice.integer(-60, 60)
        gain = np.where(x * dice.integer(-3, 3) + y * dice.choice((-2, 2)) > 2 * edge, gain * 165 // 256, gain)
    tint = np.array(dice.colour((240, 246, 236), (272, 266, 272)), dtype=np.int32)
    haze = dice.choice((0, 0, 0, 18, 36))
    lit = canvas * gain[:, :, None] // 256 * tint // 256
    return np.clip(lit * (256 - 2 * haze) // 256 + haze, 0, 255)


def _blur(dice: Dice, canvas: Canvas) -> Canvas:
    """Nothing, a soft 1-2-1 filter, a 3x3 box or a short horizontal smear."""
    kind = dice.choice(("none", "soft", "soft", "box", "smear"))
    weights = {
        "none": ((1,), (1,)),
        "soft": ((1, 2, 1), (1, 2, 1)),
        "box": ((1, 1, 1), (1, 1, 1)),
        "smear": ((1,), (1, 1, 1, 1)),
    }
    down, across = weights[kind]
    for axis, kernel in ((0, down), (1, across)):
        reach = len(kernel) // 2
        pad = [(0, 0), (0, 0), (0, 0)]
        pad[axis] = (reach, reach)
        padded = np.pad(canvas, pad, mode="edge")
        parts = [
            weight * (padded[i : i + SIZE] if axis == 0 else padded[:, i : i + SIZE]) for i, weight in enumerate(kernel)
        ]
        canvas = sum(parts[1:], start=parts[0]) // sum(kernel)
    return canvas


def draw_scene(dice: Dice, kinds: list[int]) -> tuple[NDArray[np.uint8], list[Label]]:
    """A picture with signs of the given classes.

    Args:
        dice: Where all chance comes from.
        kinds: Class ids; a sign for which there is no room is left out.

    Returns:
        The picture, shape (SIZE, SIZE, 3), RGB, uint8; and its labels.
    """
    scene = Scene(dice)
    for kind in kinds:
        scene.add_sign(kind)
    for number in range(1, len(scene.signs) + 1):
        if dice.chance(28):
            scene.occlude(number)
    return scene.picture(), scene.labels()
