"""Whether a fall shows on the images themselves: tonight's evaluation against an earlier one of the same images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, get_args

from sweep.nightly.gate import Finding
from sweep.nightly.past import Past

if TYPE_CHECKING:
    from sweep.statistics.paired import Comparison
    from sweep.tracking.store import Store

OF_BEST: Final = "best/"  # the figures of the evaluation whose statistics are kept by image
TRIED: Final = 3  # earlier trainings that are opened until one is of the same images


def beside_images(store: Store, cell: Past, finding: Finding) -> Comparison | None:
    """The paired bootstrap of a fall in mAP: what the most usual of the earlier trainings has more on the same images.

    Returns:
        The comparison, `difference` positive for a fall; None for other metrics, and where tonight's images are others
        or no statistics are kept.
    """
    from sweep.report.source import read_statistics
    from sweep.statistics.images import same_images
    from sweep.statistics.paired import Metric, compare

    metric = next((name for name in get_args(Metric) if finding.metric == f"{OF_BEST}{name}"), None)
    now = None if metric is None else read_statistics(store, cell.run)
    if metric is None or now is None:
        return None
    with_it = [run for run in cell.earlier if finding.metric in run.metrics]
    for run in sorted(with_it, key=lambda run: abs(run.metrics[finding.metric] - finding.usual))[:TRIED]:
        usual = read_statistics(store, run)
        if usual is not None and same_images(usual, now):
            return compare(usual, [now], metric)[0]
    return None
