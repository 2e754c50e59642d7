"""What a night has shown: regressions with their suspects, at the sweep's run and in words."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from sweep.nightly.gate import Finding, Limits, regressions
from sweep.nightly.past import trained_in
from sweep.show import counted
from sweep.tracking import names

if TYPE_CHECKING:
    from sweep.tracking.read import RunInfo
    from sweep.tracking.store import Store


@dataclass(frozen=True)
class Verdict:
    """What became of a night's cells.

    Attributes:
        judged: how many cells had enough earlier trainings to be judged.
        trained: how many were trained.
        findings: what has become worse.
        suspects: of each cell with a finding, what has changed since its last training.
    """

    judged: int
    trained: int
    findings: tuple[Finding, ...]
    suspects: dict[str, list[str]]

    def lines(self) -> list[str]:
        """The verdict in words."""
        if not self.findings:
            few = self.trained - self.judged
            left = f"; of {counted(few)} there are too few earlier trainings" if few else ""
            return [f"No regression in {counted(self.judged)}{left}."]
        told = [f"Regression in {counted(len({finding.cell for finding in self.findings}))}:"]
        for finding in self.findings:
            when = "tonight" if finding.nights == 1 else "on average of two nights"
            told.append(
                f"  {finding.cell}: {finding.metric} {finding.now:.4g}, usually {finding.usual:.4g}; "
                f"{finding.spreads:.1f} times its spread of {finding.spread:.2g} worse {when}"
            )
        for cell, suspects in self.suspects.items():
            told.append(f"  {cell}: changed since its last training: {', '.join(suspects) or 'nothing that is known'}")
        return told


def judge(store: Store, sweep: RunInfo, limits: Limits | None = None) -> Verdict:
    """Compare the cells that a sweep has trained with the nights before, and mark the sweep.

    Args:
        store: The opened store.
        sweep: The sweep's run; it has ended.
        limits: When a change counts.
    """
    from sweep.tracking import write

    limits = limits or Limits()
    cells = trained_in(store, sweep, limits)
    findings = regressions([series for cell in cells for series in cell.series()], limits)
    worse = {finding.cell for finding in findings}
    suspects = {cell.name: cell.suspects() for cell in cells if cell.name in worse}
    judged = sum(len(cell.earlier) >= limits.least for cell in cells)
    write.set_tags(store, sweep.run_id, {names.REGRESSION: _tag(findings)})
    return Verdict(judged, len(cells), tuple(findings), suspects)


def _tag(findings: Sequence[Finding]) -> str:
    return json.dumps([asdict(finding) for finding in findings])
