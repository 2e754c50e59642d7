"""The report of one cell: what the hand-written reports told of a training, from measured values only."""

from sweep.report.cell.report import cell_report

__all__ = ["cell_report"]
