"""What a page is made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Figures = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class CellDocument:
    """The report of a cell in one language.

    Attributes:
        folder: the name of its folder: `cells/<folder>/report.<language>.md` is where it is linked to.
        name: the cell's name; it can hold anything.
        markdown: the report.
        figures: Plotly figures (`{"data": [...], "layout": {...}}`) by the path that the Markdown's image has.
    """

    folder: str
    name: str
    markdown: str
    figures: Figures = field(default_factory=dict)


@dataclass(frozen=True)
class Document:
    """The reports of a sweep and of its cells in one language.

    Attributes:
        language: such as `ko`; there are texts in it.
        title: of the page.
        markdown: the sweep's report.
        figures: as those of a cell.
        cells: in the order of the page's table of contents.
        label: what the table of contents calls the first report; None: the sweep's report.
    """

    language: str
    title: str
    markdown: str
    figures: Figures = field(default_factory=dict)
    cells: Sequence[CellDocument] = ()
    label: str | None = None


@dataclass(frozen=True)
class Report:
    """One report of the page.

    Attributes:
        anchor: its id in the page: `ko`, or `ko/cells/<folder>`.
        path: where its Markdown lies in the report's folder: `report.ko.md`, or `cells/<folder>/report.ko.md`.
        name: what the table of contents calls it; None: the sweep's report.
        markdown: its text.
        figures: by path, relative to the folder of `path`.
    """

    anchor: str
    path: str
    name: str | None
    markdown: str
    figures: Figures


def reports(document: Document) -> Iterator[Report]:
    """Yield the reports of a document, the sweep's first."""
    language = document.language
    yield Report(language, f"report.{language}.md", document.label, document.markdown, document.figures)
    for cell in document.cells:
        folder = f"cells/{cell.folder}"
        yield Report(f"{language}/{folder}", f"{folder}/report.{language}.md", cell.name, cell.markdown, cell.figures)
