"""What a night has shown: regressions with their suspects, at the sweep's run and in words."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from sweep.nightly.gate import Finding, Limits, regressions, suspected
from sweep.nightly.paired import beside_images
from sweep.nightly.past import Past, called_worse, cells_of
from sweep.show import counted
from sweep.tracking import names

if TYPE_CHECKING:
    from sweep.nightly.second_look import SecondLook
    from sweep.statistics.paired import Comparison
    from sweep.tracking.read import RunInfo
    from sweep.tracking.store import Store

MAX_TAG: Final = 3600  # characters of the findings at the sweep's run: longer tags are cut (`tracking.write.cut_tag`)


@dataclass(frozen=True)
class Regression:
    """What has become worse.

    Attributes:
        finding: the figures.
        images: where it was evaluated on the same images as an earlier training: how much more that one has on them.
    """

    finding: Finding
    images: Comparison | None = None

    def line(self) -> str:
        """It in words."""
        one = self.finding
        value = f"{one.now:.4g}" if one.trainings == 1 else f"{one.now:.4g} (mean of {one.trainings} trainings)"
        told = (
            f"{one.cell}: {one.metric} {value}, usually {one.usual:.4g}; "
            f"{one.errors:.1f} standard errors worse (trainings differ by {one.spread:.2g})"
        )
        if self.images is None:
            return told
        less, lo, hi, p = self.images.difference, self.images.lo, self.images.hi, self.images.p
        return f"{told}; on the same images {less:.4g} less (95 % interval {lo:.4g} to {hi:.4g}, p = {p:.2g})"


@dataclass(frozen=True)
class Verdict:
    """What became of a night's cells.

    Attributes:
        judged: how many cells had enough earlier trainings to be judged.
        trained: how many were trained.
        regressions: what has become worse.
        suspects: of each cell with a regression, what has changed since it was last as usual.
        dismissed: what looked worse, but is not on the same images.
    """

    judged: int
    trained: int
    regressions: tuple[Regression, ...]
    suspects: dict[str, list[str]]
    dismissed: tuple[Regression, ...] = ()

    def lines(self) -> list[str]:
        """The verdict in words."""
        spared = [f"  not counted, since the images do not tell it from chance: {one.line()}" for one in self.dismissed]
        if not self.regressions:
            few = self.trained - self.judged
            left = f"; of {counted(few)} there are too few earlier trainings" if few else ""
            return [f"No regression in {counted(self.judged)}{left}.", *spared]
        told = [f"Regression in {counted(len({one.finding.cell for one in self.regressions}))}:"]
        told += [f"  {one.line()}" for one in self.regressions]
        for cell, suspects in self.suspects.items():
            told.append(
                f"  {cell}: changed since it was last as usual: {', '.join(suspects) or 'nothing that is known'}"
            )
        return told + spared


def judge(store: Store, sweep: RunInfo, limits: Limits | None = None, look: SecondLook | None = None) -> Verdict:
    """Compare the cells that a sweep has trained with the nights before, and mark the sweep.

    Args:
        store: The opened store.
        sweep: The sweep's run; it has ended.
        limits: When a change counts.
        look: How cells that look worse are trained again; None: they are judged by one training.
    """
    from sweep.tracking import write

    limits = limits or Limits()
    cells = cells_of(store, sweep, limits.window)
    if look is not None and (doubtful := suspected(_series(cells), limits)):
        again = look.take(store, sweep, doubtful)
        cells = [replace(cell, again=again.get(cell.name, ())) for cell in cells]
    known = {cell.name: cell for cell in cells}
    found = [
        Regression(finding, beside_images(store, known[finding.cell], finding))
        for finding in regressions(_series(cells), limits)
    ]
    dismissed = tuple(one for one in found if _by_chance(one))
    worse = tuple(one for one in found if not _by_chance(one))
    named = {one.finding.cell for one in worse}
    before = called_worse(store, (run for name in named for run in known[name].earlier))
    suspects = {cell.name: cell.suspects(before) for cell in cells if cell.name in named}
    trained = [cell for cell in cells if cell.trained]
    judged = sum(len(cell.earlier) >= limits.least for cell in trained)
    write.set_tags(store, sweep.run_id, {names.REGRESSION: _tag(worse)})
    return Verdict(judged, len(trained), worse, suspects, dismissed)


def _series(cells: Sequence[Past]) -> list[Any]:
    return [series for cell in cells for series in cell.series()]


def _by_chance(one: Regression) -> bool:
    """Whether earlier trainings hardly differed, so that their spread says little, and neither do the images."""
    return one.images is not None and not one.finding.spread_known and not one.images.better


def _tag(worse: Sequence[Regression]) -> str:
    """The findings as JSON; of very many as many as fit, and how many do not."""
    listed: list[dict[str, Any]] = []
    for number, one in enumerate(worse):
        listed.append(asdict(one.finding) | ({} if one.images is None else {"images": asdict(one.images)}))
        if len(json.dumps(listed)) > MAX_TAG:
            listed[-1] = {"left_out": len(worse) - number}
            break
    return json.dumps(listed)
