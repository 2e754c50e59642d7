"""The Pareto front: what nothing else beats in both directions at once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from sweep.report.columns import Better, direction
from sweep.report.data import CellData, SweepData
from sweep.report.recommend import chosen_target
from sweep.tracking import names

Against = Literal["latency", "size", "npu"]
HOST_LATENCY: Final = "int8/latency_ms"


@dataclass(frozen=True, eq=False)
class Front:
    """The cells that are best between accuracy and one other figure.

    Attributes:
        against: what stands against accuracy: latency, size, or the share of operators on the NPU.
        metric: that figure, by its MLflow name.
        members: the cells on the front, the most accurate first; equal ones in grid order.
        of: how many cells have both figures.
        only: the value of all cells where they have the same: nothing is traded then.
    """

    against: Against
    metric: str
    members: tuple[CellData, ...]
    of: int
    only: float | None


def fronts(sweep: SweepData) -> tuple[Front, ...]:
    """Return the front of the ranking metric against latency, size and NPU share, each where it was measured."""
    return tuple(found for against, metric in objectives(sweep).items() if (found := _front(sweep, against, metric)))


def objectives(sweep: SweepData) -> dict[Against, str]:
    """Return what stands against accuracy, by MLflow names.

    Placement and latency are those of the target that counts for the recommendation; where its compiler states no
    latency, the latency is that of the INT8 model on the host.
    """
    target = chosen_target(sweep)
    stated = target and names.npu_metric(target, "latency_ms")
    found: dict[Against, str] = {
        "latency": stated if stated and _measured(sweep, stated) else HOST_LATENCY,
        "size": "int8/size_mb",
    }
    if target:
        found["npu"] = names.npu_metric(target, "op_pct")
    return {against: metric for against, metric in found.items() if _measured(sweep, metric)}


def _measured(sweep: SweepData, metric: str) -> bool:
    return any(cell.number(metric) is not None for cell in sweep.finished)


def _front(sweep: SweepData, against: Against, metric: str) -> Front | None:
    pairs = [
        (accuracy, other, cell)
        for cell in sweep.finished
        if (accuracy := cell.number(sweep.settings.ranked_by)) is not None
        and (other := cell.number(metric)) is not None
    ]
    if not pairs:
        return None
    kept = front([(accuracy, other) for accuracy, other, _ in pairs], ("up", direction(metric) or "down"))
    members = sorted((pairs[index] for index in sorted(kept)), key=lambda pair: -pair[0])
    values = {other for _, other, _ in pairs}
    only = next(iter(values)) if len(values) == 1 and len(pairs) > 1 else None
    return Front(against, metric, tuple(cell for _, _, cell in members), len(pairs), only)


def front(points: Sequence[tuple[float, float]], better: tuple[Better, Better]) -> set[int]:
    """Return the indices of the points that no other point dominates; equal points stand or fall together.

    A point dominates another that it equals or beats in both values and beats in at least one (Miettinen, "Nonlinear
    Multiobjective Optimization", 1999, definition 2.2.1). A point with NaN is not on the front, and dominates none.

    Args:
        points: (n, 2).
        better: which way each of the two values is better.
    """
    first, second = (-1.0 if way == "up" else 1.0 for way in better)
    costs = [(x * first, y * second) for x, y in points]
    known = [index for index, cost in enumerate(costs) if not any(map(math.isnan, cost))]
    found: set[int] = set()
    last = (math.inf, math.inf)  # of the front so far: the least second value
    for index in sorted(known, key=costs.__getitem__):
        if not found or costs[index][1] < last[1] or costs[index] == last:
            found.add(index)
            last = costs[index]
    return found
