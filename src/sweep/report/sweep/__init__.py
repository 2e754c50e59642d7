"""The report of a sweep, as Markdown."""

from sweep.report.sweep.document import sweep_report

__all__ = ["sweep_report"]
