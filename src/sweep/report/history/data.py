"""The history of a cell as plain values."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sweep.tracking import names


@dataclass(frozen=True)
class Training:
    """A training of a cell that came to its end.

    Attributes:
        started: in UTC.
        metrics: its summary metrics, by their MLflow names.
        worse: those that its night called a regression.
        changed: what was other than at the training before it, in words.
        link: the address of its run in MLflow's UI.
    """

    started: datetime
    metrics: Mapping[str, float]
    worse: frozenset[str] = frozenset()
    changed: tuple[str, ...] = ()
    link: str | None = None


@dataclass(frozen=True)
class CellHistory:
    """A cell and its trainings.

    Attributes:
        name: the cell's name; it can hold anything.
        folder: the name of its folder in the history.
        trainings: at least one, oldest first.
        window: over how many trainings before it the usual value of one is taken.
        least: with fewer of them there is none.
    """

    name: str
    folder: str
    trainings: tuple[Training, ...]
    window: int
    least: int

    @property
    def last(self) -> Training:
        """The newest training."""
        return self.trainings[-1]

    def metrics(self, wanted: Sequence[str]) -> list[str]:
        """Return those of the metrics that some training has, in the contract's order."""
        return names.in_contract_order({name for name in wanted if self.values(name)})

    def values(self, metric: str) -> list[tuple[Training, float]]:
        """Return the trainings that have a metric, each with its value."""
        return [(training, training.metrics[metric]) for training in self.trainings if metric in training.metrics]

    def usual(self, metric: str) -> list[float | None]:
        """Return for each value of a metric the median of the ones before it; None where these are too few."""
        values = [value for _, value in self.values(metric)]
        windows = [values[max(0, place - self.window) : place] for place in range(len(values))]
        return [statistics.median(before) if len(before) >= self.least else None for before in windows]
