"""How the cells of a nightly sweep have changed over its nights: a page for each, and one over all."""

from sweep.report.history.data import CellHistory, Training
from sweep.report.history.write import write_history

__all__ = ["CellHistory", "Training", "write_history"]
