"""Match the layers of two networks in order, such that the most parameters can be carried. Plain values, no torch."""

from __future__ import annotations

from collections.abc import Callable


def align(sources: int, targets: int, gain: Callable[[int, int], float]) -> dict[int, int]:
    """The order-preserving matching of the largest total gain (Needleman and Wunsch, 1970, gaps at no cost).

    Args:
        sources: number of source layers.
        targets: number of target layers.
        gain: what matching source layer i with target layer j is worth; 0 or less where they must not be matched.

    Returns:
        Target layer -> source layer. Both rise together, so no two matches cross.

    Example:
        A layer that the target lacks is skipped: with kinds ABCD and ABD, and 1 for equal kinds, the result is
        `{0: 0, 1: 1, 2: 3}`.
    """
    best = [[0.0] * (targets + 1) for _ in range(sources + 1)]
    gains = [[gain(i, j) for j in range(targets)] for i in range(sources)]
    for i in range(sources - 1, -1, -1):
        for j in range(targets - 1, -1, -1):
            together = best[i + 1][j + 1] + gains[i][j] if gains[i][j] > 0 else float("-inf")
            best[i][j] = max(together, best[i + 1][j], best[i][j + 1])
    matched: dict[int, int] = {}
    i = j = 0
    while i < sources and j < targets:
        if gains[i][j] > 0 and best[i][j] == best[i + 1][j + 1] + gains[i][j]:
            matched[j] = i
            i, j = i + 1, j + 1
        elif best[i][j] == best[i + 1][j]:
            i += 1
        else:
            j += 1
    return matched
