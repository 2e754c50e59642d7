"""Shapes as masks over sample points: comparisons of sums, products and quotients, all exact in IEEE 754.

A shape is a function from two arrays of coordinates (x to the right, y down) to a boolean array like them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Coordinates = NDArray[np.float64]
Mask = NDArray[np.bool_]
Shape = Callable[[Coordinates, Coordinates], Mask]
Point = tuple[float, float]


def disc(cx: float, cy: float, r: float) -> Shape:
    """The points within `r` of (cx, cy)."""

    def mask(x: Coordinates, y: Coordinates) -> Mask:
        dx, dy = x - cx, y - cy
        return dx * dx + dy * dy <= r * r

    return mask


def box(x0: float, y0: float, x1: float, y1: float) -> Shape:
    """The points of an upright rectangle."""

    def mask(x: Coordinates, y: Coordinates) -> Mask:
        return (x >= x0) & (x <= x1) & (y >= y0) & (y <= y1)

    return mask


def polygon(*corners: Point) -> Shape:
    """The points of a convex polygon whose corners are listed clockwise as seen on the screen."""
    edges = list(zip(corners, (*corners[1:], corners[0]), strict=True))

    def mask(x: Coordinates, y: Coordinates) -> Mask:
        inside: Mask = np.ones(x.shape, dtype=np.bool_)
        for (ax, ay), (bx, by) in edges:
            inside &= (bx - ax) * (y - ay) - (by - ay) * (x - ax) >= 0
        return inside

    return mask


def rounded(shape_corners: Sequence[Point], r: float) -> Shape:
    """A convex polygon grown by `r`, with round corners."""
    inner = polygon(*shape_corners)
    rim = stroke(r, *shape_corners, shape_corners[0])
    return lambda x, y: inner(x, y) | rim(x, y)


def stroke(r: float, *points: Point) -> Shape:
    """The points within `r` of the polyline through `points`."""
    pieces = list(pairwise(points))

    def mask(x: Coordinates, y: Coordinates) -> Mask:
        inside: Mask = np.zeros(x.shape, dtype=np.bool_)
        for (ax, ay), (bx, by) in pieces:
            dx, dy = bx - ax, by - ay
            px, py = x - ax, y - ay
            along = np.clip((px * dx + py * dy) / (dx * dx + dy * dy), 0.0, 1.0)
            ex, ey = px - along * dx, py - along * dy
            inside |= ex * ex + ey * ey <= r * r
        return inside

    return mask
