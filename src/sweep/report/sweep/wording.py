"""How a sweep's report writes figures, cells and addresses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, Protocol
from urllib.parse import quote, urlsplit

from sweep.report.cells import interval, number, short_reason
from sweep.report.columns import metric_column
from sweep.report.data import CellData
from sweep.report.formats import markdown_text
from sweep.report.render import Markdown
from sweep.report.texts import load_texts, spoken
from sweep.tracking import names
from sweep.tracking.measured import TargetFacts

# What may stand in an address of a Markdown link as it is (RFC 3986, less brackets and all that ends a link or a cell).
_IN_ADDRESS: Final = "/:?#@!$&'*+,;=%~-._"
_P_DIGITS: Final = 4


class Named(Protocol):
    """What has a report of its own."""

    @property
    def name(self) -> str:
        """What it is called; it can hold anything."""

    @property
    def folder(self) -> str:
        """The name of its folder in the report."""


class Linked(Protocol):
    """What has a run in MLflow."""

    @property
    def link(self) -> str | None:
        """The address of its run in MLflow's UI."""


class Wording:
    """Figures and names of a sweep as text, in the language that is spoken. Templates call its methods."""

    def __init__(self, facts: Mapping[str, TargetFacts]) -> None:
        """`facts`: of the targets, which name the metrics."""
        self._facts = facts

    def heading(self, metric: str) -> str:
        """Return what a metric is called."""
        return metric_column(metric, self._facts).heading

    def value(self, metric: str, value: float | None) -> str:
        """Return a figure with its metric's digits; a missing one is said to be not measured."""
        if value is None:
            return str(load_texts()["missing"]["not_measured"])
        return number(value, metric_column(metric, self._facts).digits or 0)

    def figure(self, cell: CellData, metric: str) -> str:
        """Return a cell's figure, with its interval where there is one."""
        text = self.value(metric, cell.number(metric))
        low, high = (cell.number(end) for end in names.INTERVALS.get(metric, ("", "")))
        return text if low is None or high is None else f"{text} ({self.interval(metric, low, high)})"

    def interval(self, metric: str, low: float, high: float) -> str:
        """Return the ends of an interval of a metric."""
        return interval(low, high, metric_column(metric, self._facts).digits or 0)

    def change(self, metric: str, value: float, low: float | None = None, high: float | None = None) -> str:
        """Return a difference with its sign, and with its interval where there is one."""
        digits = metric_column(metric, self._facts).digits or 0
        text = f"{'−' if value < 0 else '+' if value > 0 else ''}{number(abs(value), digits)}"  # a tiny one is no zero
        return text if low is None or high is None else f"{text} ({interval(low, high, digits, signed=True)})"

    def p(self, value: float) -> str:
        """Return a p value."""
        return number(value, _P_DIGITS)

    def reason(self, cell: CellData) -> str:
        """Return why a cell has no result, in a line."""
        return short_reason(cell.reason or "")

    def state(self, cell: CellData) -> str:
        """Return the state of a cell."""
        return str(load_texts("sweep")["states"].get(cell.status, cell.status))

    def cell(self, cell: Named) -> Markdown:
        """Return a cell's name as a link to its own report."""
        return Markdown(f"[{markdown_text(cell.name)}](cells/{cell.folder}/report.{spoken()}.md)")

    def cells(self, cells: Sequence[Named], most: int) -> Markdown:
        """Return names as links, and how many more there are."""
        return self.listed([self.cell(cell) for cell in cells], most)

    def listed(self, words: Sequence[str], most: int) -> Markdown:
        """Return some words in a row, and how many more there are."""
        shown = [word if isinstance(word, Markdown) else markdown_text(word) for word in words[:most]]
        rest = len(words) - len(shown)
        more = [str(load_texts("sweep")["more"]).format(count=rest)] if rest else []
        return Markdown(", ".join([*shown, *more]))

    def run(self, cell: Linked) -> Markdown | str:
        """Return the link to a cell's run in MLflow."""
        return link(str(load_texts("sweep")["run"]), cell.link) or str(load_texts()["missing"]["none"])

    def time(self, moment: datetime | None) -> str:
        """Return a moment in UTC."""
        return str(load_texts()["missing"]["none"]) if moment is None else f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def link(text: str, address: str | None) -> Markdown | None:
    """Return a Markdown link to a page of the web; None for any other address."""
    try:
        parts = urlsplit(address or "")
    except ValueError:  # such as http://[
        return None
    if parts.scheme not in ("http", "https") or not parts.netloc:
        return None
    return Markdown(f"[{markdown_text(text)}]({quote(address or '', safe=_IN_ADDRESS)})")
