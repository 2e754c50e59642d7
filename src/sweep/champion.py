"""Whether the recommended cell of a sweep is significantly better than the champion of a model, on the same images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from sweep.report.data import SweepData
    from sweep.statistics.paired import Comparison, Metric
    from sweep.tracking.read import RunInfo
    from sweep.tracking.store import Store


@dataclass(frozen=True)
class Challenge:
    """What speaks for the champion, or against it.

    Attributes:
        champion: the champion's run; None where there is none, or its run is gone.
        images: what the challenger has more than the champion on the same images; None where that cannot be said.
    """

    champion: RunInfo | None
    images: Comparison | None

    @property
    def won(self) -> bool:
        """Whether the challenger is to become the champion: there is none yet, or it is significantly better."""
        if self.champion is None:
            return True
        return self.images is not None and self.images.better

    def reason(self) -> str:
        """Why the champion stays, in words."""
        if self.images is None:
            return "both were not evaluated on the same images"
        less, p = self.images.difference, self.images.p
        return f"on the same images the difference is {less:+.4f} (p = {p:.2g}), which is not significantly better"


def challenge(store: Store, sweep: SweepData, run_id: str, name: str) -> Challenge:
    """Compare a cell of a sweep with the champion of a model, by the paired bootstrap in the metric that ranks.

    Args:
        store: The opened store.
        sweep: The sweep, for its metric.
        run_id: The run of the cell.
        name: The model's name in the registry.
    """
    from sweep.report.source import read_statistics
    from sweep.statistics.images import same_images
    from sweep.statistics.paired import compare
    from sweep.tracking.read import run_info
    from sweep.tracking.registry import champion_run

    holder = champion_run(store, name)
    champion = None if holder is None else run_info(store, holder)
    challenger = run_info(store, run_id)
    if champion is None or challenger is None or champion.run_id == run_id:
        return Challenge(None, None)
    before, now = read_statistics(store, champion), read_statistics(store, challenger)
    if before is None or now is None or not same_images(before, now):
        return Challenge(champion, None)
    metric = cast("Metric", sweep.settings.ranked_by.rpartition("/")[2])
    return Challenge(champion, compare(now, [before], metric)[0])
