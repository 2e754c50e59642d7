"""The report's own font: Korean, Latin and the signs of a report."""

from sweep.report.fonts.font import FONT_FAMILY, FONT_FILE
from sweep.report.fonts.subset import letters, page_font

__all__ = ["FONT_FAMILY", "FONT_FILE", "letters", "page_font"]
