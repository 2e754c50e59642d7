"""The report's figures: described once, drawn alike as PNG and by Plotly."""

from sweep.report.figures.collection import cell_figures, sweep_figures
from sweep.report.figures.figure import Figure
from sweep.report.figures.interactive import to_plotly
from sweep.report.figures.picture import to_png

__all__ = ["Figure", "cell_figures", "sweep_figures", "to_plotly", "to_png"]
