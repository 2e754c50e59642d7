"""Backgrounds: a road with sky and houses, a wood, a brick wall, a plain wall. All in integers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sweep.data.signs.dice import Dice

SIZE = 160
"""Side of an image in pixels."""

Canvas = NDArray[np.int32]
"""An RGB picture, shape (SIZE, SIZE, 3), values 0..255."""


def _smooth_noise(dice: Dice, cells: int, amplitude: int) -> NDArray[np.int32]:
    """Value noise, shape (SIZE, SIZE, 1), in -amplitude..amplitude: a random grid, bilinearly enlarged."""
    grid = dice.bytes(cells + 1, cells + 1).astype(np.int32) - 128
    position = np.arange(SIZE, dtype=np.int32) * cells
    cell, part = position // SIZE, position % SIZE
    rows = grid[cell] * (SIZE - part)[:, None] + grid[cell + 1] * part[:, None]
    both = rows[:, cell] * (SIZE - part)[None, :] + rows[:, cell + 1] * part[None, :]
    return (both // SIZE * amplitude // (SIZE * 128))[:, :, None].astype(np.int32)


def _texture(dice: Dice, strength: int) -> NDArray[np.int32]:
    """Coarse, middle and fine noise together."""
    fine = (dice.bytes(SIZE, SIZE).astype(np.int32) - 128)[:, :, None] * strength // 256
    return _smooth_noise(dice, 4, strength) + _smooth_noise(dice, 17, strength) + fine


def _vertical(top: tuple[int, int, int], bottom: tuple[int, int, int], height: int) -> Canvas:
    """A vertical colour gradient, shape (height, 1, 3)."""
    y = np.arange(height, dtype=np.int32)[:, None, None]
    first, last = np.array(top, dtype=np.int32), np.array(bottom, dtype=np.int32)
    return first + (last - first) * y // max(height - 1, 1)


def _houses(dice: Dice, canvas: Canvas, horizon: int) -> None:
    """A row of houses or trees that stands on the horizon."""
    x = dice.integer(-20, 10)
    while x < SIZE:
        width, height = dice.integer(14, 44), dice.integer(8, 58)
        top = max(horizon - height, 0)
        left, right = max(x, 0), min(x + width, SIZE)
        if right > left and dice.chance(75):
            trees = dice.chance(35)
            colour = dice.colour((30, 55, 20), (70, 100, 50)) if trees else dice.muted(75, 190)
            canvas[top:horizon, left:right] = colour
            if trees:
                leaves = dice.bytes(horizon - top, right - left).astype(np.int32) // 5 - 25
                canvas[top:horizon, left:right] += leaves[:, :, None]
            else:
                window = dice.muted(40, 110)
                for wy in range(top + 4, horizon - 6, 10):
                    for wx in range(left + 3, right - 6, 9):
                        canvas[wy : wy + 5, wx : wx + 4] = window
        x += width + dice.integer(-4, 10)


def _road(dice: Dice) -> Canvas:
    """Sky, houses, verge and a road towards the horizon."""
    horizon = dice.integer(62, 112)
    canvas = np.zeros((SIZE, SIZE, 3), dtype=np.int32)
    sky = dice.choice(
        (
            ((95, 145, 205), (190, 210, 225)),
            ((150, 155, 165), (200, 203, 206)),
            ((70, 80, 120), (225, 170, 130)),
        )
    )
    canvas[:horizon] = _vertical(*sky, horizon)
    verge = dice.choice(((85, 110, 55), (125, 115, 85), (120, 120, 115)))
    canvas[horizon:] = _vertical(verge, tuple(c * 3 // 4 for c in verge), SIZE - horizon)  # type: ignore[arg-type]
    canvas[:horizon] += _smooth_noise(dice, 5, 14)[:horizon]
    _houses(dice, canvas, horizon)
    grey, vanishing = dice.integer(70, 115), dice.integer(30, 130)
    near, far = dice.integer(60, 120), dice.integer(2, 8)
    x = np.arange(SIZE, dtype=np.int32)[None, :]
    depth = np.arange(SIZE - horizon, dtype=np.int32)[:, None]
    span = SIZE - horizon
    half = far + (near - far) * depth // span
    middle = vanishing + (SIZE // 2 - vanishing) * depth // (2 * span)
    ground = canvas[horizon:]
    ground[np.abs(x - middle) <= half] = (grey, grey, grey + 4)
    dashed = (depth * depth // 90) % 2 == 0
    ground[(np.abs(x - middle) <= half // 24) & dashed] = (205, 205, 200)
    ground[np.abs(np.abs(x - middle) - half * 9 // 10) <= half // 40] = (190, 190, 185)
    return canvas + _texture(dice, 16)


def _wood(dice: Dice) -> Canvas:
    """Leaves in several greens, with trunks."""
    canvas = np.zeros((SIZE, SIZE, 3), dtype=np.int32)
    canvas[:] = dice.choice(((60, 85, 40), (85, 105, 55), (100, 105, 60), (70, 95, 60)))
    leaves = _smooth_noise(dice, 23, 45) + _smooth_noise(dice, 40, 35) + _smooth_noise(dice, 5, 30)
    canvas += leaves * np.array((3, 4, 2), dtype=np.int32) // 4
    for _ in range(dice.integer(0, 4)):
        left, width = dice.integer(0, SIZE - 12), dice.integer(4, 11)
        canvas[:, left : left + width] = np.array(dice.colour((55, 42, 30), (95, 78, 60)), dtype=np.int32)
    return canvas + _texture(dice, 14)


def _bricks(dice: Dice) -> Canvas:
    """A brick wall, every brick a little different."""
    height, width = dice.integer(7, 12), dice.integer(16, 26)
    base = np.array(dice.choice(((150, 95, 75), (165, 140, 115), (120, 115, 110), (135, 85, 70))), dtype=np.int32)
    y = np.arange(SIZE, dtype=np.int32)[:, None]
    x = np.arange(SIZE, dtype=np.int32)[None, :]
    row = y // height
    shifted = x + (row % 2) * (width // 2)
    tint = dice.bytes(32, 32).astype(np.int32) // 8 - 16
    canvas = base + tint[row % 32, shifted // width % 32][:, :, None]
    canvas[(y % height == 0) | (shifted % width == 0)] = (175, 170, 162)
    wall: Canvas = canvas + _texture(dice, 14)
    return wall


def _wall(dice: Dice) -> Canvas:
    """Concrete, plaster or metal sheets with stains and seams."""
    canvas = np.zeros((SIZE, SIZE, 3), dtype=np.int32)
    canvas[:] = dice.muted(95, 190)
    canvas += _smooth_noise(dice, 3, 30) + _smooth_noise(dice, 9, 18)
    step = dice.integer(24, 70)
    canvas[:, dice.integer(0, 23) :: step] -= 28
    if dice.chance(60):
        canvas[dice.integer(0, 23) :: step] -= 28
    return canvas + _texture(dice, 18)


def _clutter(dice: Dice, canvas: Canvas) -> None:
    """A few plain panels in muted colours that are no sign."""
    for _ in range(dice.integer(0, 3)):
        height, width = dice.integer(6, 34), dice.integer(6, 34)
        top, left = dice.integer(0, SIZE - height), dice.integer(0, SIZE - width)
        colour = np.array(dice.muted(60, 190), dtype=np.int32)
        patch = canvas[top : top + height, left : left + width]
        patch[:] = (patch + 3 * colour) // 4


def backdrop(dice: Dice) -> Canvas:
    """A background without any sign.

    Returns:
        Shape (SIZE, SIZE, 3), values 0..255.
    """
    canvas = dice.choice((_road, _road, _road, _wood, _bricks, _wall))(dice)
    _clutter(dice, canvas)
    clipped: Canvas = np.clip(canvas, 0, 255)
    return clipped
