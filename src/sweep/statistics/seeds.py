"""A figure over trainings that differ in their seed only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class OverSeeds:
    """What n seeds gave.

    Attributes:
        n: how many.
        mean: their mean.
        std: standard deviation with n − 1; None for one seed.
        lo: lower end of the 95 % interval of the mean over all seeds; None for one seed.
        hi: its upper end.
    """

    n: int
    mean: float
    std: float | None
    lo: float | None
    hi: float | None


def over_seeds(values: Sequence[float]) -> OverSeeds:
    """Return mean, standard deviation and Student's t interval, mean ± t(0.975, n − 1) · std / √n.

    Source: NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.5.2 (confidence limits for the mean).

    Args:
        values: One of each seed, none of them NaN.

    Raises:
        ValueError: There are none.
    """
    if not values:
        raise ValueError("There is no value of any seed.")
    import numpy as np
    from scipy.stats import t

    n, mean = len(values), float(np.mean(values))
    if n == 1:
        return OverSeeds(1, mean, None, None, None)
    std = float(np.std(values, ddof=1))
    half = float(t.ppf(0.975, n - 1)) * std / n**0.5
    return OverSeeds(n, mean, std, mean - half, mean + half)
