"""All figures of a sweep and of a cell, in the order in which a reader wants them."""

from __future__ import annotations

from sweep.report.data import CellData, SweepData
from sweep.report.figures.evaluation import cell_ap, cell_confusion, cell_pr, sweep_pr
from sweep.report.figures.figure import Figure
from sweep.report.figures.measured import int8_drop, latency, pareto
from sweep.report.figures.study import cell_importance, cell_study
from sweep.report.figures.training import cell_curves, cell_losses, sweep_curves, sweep_losses


def sweep_figures(sweep: SweepData) -> list[Figure]:
    """Return the figures of a sweep that have data, in the language that is spoken: of its finished cells."""
    makers = (pareto, sweep_curves, sweep_losses, sweep_pr, int8_drop, latency)
    return [figure for maker in makers for figure in maker(sweep)]


def cell_figures(cell: CellData) -> list[Figure]:
    """Return the figures of a cell that have data, in the language that is spoken."""
    makers = (cell_curves, cell_losses, cell_study, cell_importance, cell_pr, cell_ap, cell_confusion)
    return [figure for maker in makers for figure in maker(cell)]
