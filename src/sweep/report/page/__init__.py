"""The report as one HTML file that needs nothing else: every language, every cell, interactive figures."""

from sweep.report.page.document import CellDocument, Document
from sweep.report.page.html import page

__all__ = ["CellDocument", "Document", "page"]
