"""Build the report of a sweep from MLflow: tables, figures, the Markdown of the sweep and its cells, one HTML page."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sweep.report.compare import Table
from sweep.report.data import CellData, SweepData
from sweep.report.formats import to_csv, to_latex, to_markdown
from sweep.report.source import read_sweep
from sweep.report.tables import make_tables
from sweep.report.texts import speaking
from sweep.report_settings import ReportSettings
from sweep.tracking import names, write
from sweep.tracking.read import RunInfo
from sweep.tracking.store import Store

if TYPE_CHECKING:
    from rich.console import Console

    from sweep.report.figures import Figure

PAGE: Final = "report.html"
CELLS_IN_PAGE: Final = 60  # beyond these the page holds the reports of the best cells only; the folder holds all
Say = Callable[[str], None]


@dataclass(frozen=True)
class Written:
    """What was written: the folder, and the files in it by their paths relative to it, in order."""

    folder: Path
    files: list[str] = field(default_factory=list)

    def put(self, path: str, text: str, encoding: str = "utf-8") -> None:
        """Write a text file."""
        self.place(path).write_text(text, encoding=encoding, newline="\n")

    def place(self, path: str) -> Path:
        """Return where a file belongs, with its folder made."""
        place = self.folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        self.files.append(path)
        return place


def build_report(
    store: Store,
    run: RunInfo,
    out: Path,
    *,
    settings: ReportSettings | None = None,
    baseline: RunInfo | None = None,
    console: Console | None = None,
    say: Say | None = None,
    log: bool = True,
) -> SweepData:
    """Write the report of a sweep to a folder, and log it to the sweep's run; the same store gives the same bytes.

    Args:
        store: The opened store: nothing is read from anywhere else.
        run: The sweep's run.
        out: The folder: `tables/`, `figures/`, `report.<language>.md`, `report.html`, and for each cell
            `cells/<cell>/report.<language>.md`.
        settings: Languages and rules; None: those of the sweep itself.
        baseline: A sweep to compare with.
        console: Where to print the tables as well.
        say: Told what is being done.
        log: Whether MLflow gets it, too.

    Returns:
        What the report was made from.
    """
    say = say or (lambda _: None)
    say("reading the sweep")
    sweep = read_sweep(store, run, settings=settings, baseline=baseline)
    written = Written(out)
    _tables(sweep, written, console)
    if log:  # what is there so far, should a later step fail
        _log(store, run.run_id, written, written.files)
    _documents(sweep, written, say)
    if log:
        say("logging the report")
        _log_report(store, sweep, written)
    return sweep


def build_tables(store: Store, run: RunInfo, out: Path, console: Console | None = None) -> None:
    """Write the tables only, where there is no time for a report, and log them to the sweep's run."""
    written = Written(out)
    _tables(read_sweep(store, run), written, console)
    _log(store, run.run_id, written, written.files)


def _tables(sweep: SweepData, written: Written, console: Console | None) -> None:
    """Each table as CSV (with a byte order mark: spreadsheets then read Hangul), Markdown and LaTeX; in English."""
    tables = make_tables(sweep.frame, sweep)
    for table in tables:
        _write_table(table, written)
    if console is not None:
        from sweep.report.terminal import print_tables

        print_tables(tables, console)


def _write_table(table: Table, written: Written) -> None:
    written.put(f"tables/{table.name}.csv", to_csv(table), "utf-8-sig")
    written.put(f"tables/{table.name}.md", to_markdown(table))
    written.put(f"tables/{table.name}.tex", to_latex(table))


def _documents(sweep: SweepData, written: Written, say: Say) -> None:
    """The reports in every language, and the page that holds them all."""
    from sweep.report.page import Document, page

    documents = []
    for language in sweep.settings.lang:
        with speaking(language):
            say(f"writing the report in {language}")
            markdown, figures = _sweep_document(sweep, language, written)
            cells = _cell_documents(sweep, language, written)
            title = sweep.name or sweep.id
            documents.append(Document(language, title, markdown, figures, cells))
    say("writing the page")
    written.put(PAGE, page(documents))


def _sweep_document(sweep: SweepData, language: str, written: Written) -> tuple[str, dict[str, Any]]:
    from sweep.report.figures import sweep_figures
    from sweep.report.sweep import sweep_report

    captions, interactive = put_figures(sweep_figures(sweep), language, "", written)
    markdown = sweep_report(sweep, captions)
    written.put(f"report.{language}.md", markdown)
    return markdown, interactive


def _cell_documents(sweep: SweepData, language: str, written: Written) -> list[Any]:
    from sweep.report.cell import cell_report
    from sweep.report.figures import cell_figures
    from sweep.report.page import CellDocument

    shown = {id(cell) for cell in _in_page(sweep)}
    documents = []
    for cell in sweep.cells:
        folder = f"cells/{cell.folder}/"
        captions, interactive = put_figures(cell_figures(cell), language, folder, written)
        markdown = cell_report(sweep, cell, captions)
        written.put(f"{folder}report.{language}.md", markdown)
        if id(cell) in shown:
            documents.append(CellDocument(cell.folder, cell.name, markdown, interactive))
    return documents


def _in_page(sweep: SweepData) -> Sequence[CellData]:
    if len(sweep.cells) <= CELLS_IN_PAGE:
        return sweep.cells
    return [cell for cell in sweep.cells if cell.curves is not None or cell.statistics is not None]


def put_figures(
    figures: Iterable[Figure], language: str, folder: str, written: Written
) -> tuple[dict[str, str], dict[str, Any]]:
    """Write figures as PNG; their captions, and their interactive form, by their path beside the report."""
    from sweep.report.figures import to_plotly, to_png

    captions, interactive = {}, {}
    for figure in figures:
        path = f"figures/{figure.name}.{language}.png"
        to_png(figure, written.place(folder + path))
        captions[path], interactive[path] = figure.title, to_plotly(figure)
    return captions, interactive


def _log_report(store: Store, sweep: SweepData, written: Written) -> None:
    """The report to the sweep's run, and each cell's own to the cell's run, where that belongs to this sweep."""
    from sweep.tracking.comparison import log_comparison

    _log(store, sweep.run_id, written, [path for path in written.files if not path.startswith("tables/")])
    own: dict[str, dict[str, Path]] = {}
    for path in written.files:
        if path.startswith("cells/"):
            _, folder, short = path.split("/", 2)
            own.setdefault(folder, {})[f"{names.REPORT}/{short}"] = written.folder / path
    for cell in sweep.cells:
        if cell.run_id and cell.tags.get(names.PARENT) == sweep.run_id:
            write.log_files(store, cell.run_id, own.get(cell.folder, {}), cell.artifact_uri)
    log_comparison(store, sweep.run_id, sweep.frame)


def _log(store: Store, run_id: str, written: Written, files: Iterable[str]) -> None:
    write.log_files(store, run_id, {f"{names.REPORT}/{path}": written.folder / path for path in files})
