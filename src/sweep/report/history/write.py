"""The history as files: Markdown with figures for each cell and language, and one HTML page over all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from sweep.report.build import Written, put_figures
from sweep.report.figures.figure import Figure
from sweep.report.formats import markdown_text
from sweep.report.history.data import CellHistory, Training
from sweep.report.history.figures import ACCURACY, all_trends, cell_trend
from sweep.report.render import Markdown, render
from sweep.report.sweep.wording import Wording
from sweep.report.texts import load_texts, speaking
from sweep.tracking import names

PAGE: Final = "history.html"
MAX_ROWS: Final = 60  # trainings in a cell's table, the newest ones
MOST: Final = 4  # changes, or metrics that are worse, that a table names


def write_history(cells: Sequence[CellHistory], metrics: Sequence[str], languages: Sequence[str], out: Path) -> Path:
    """Write the history of some cells; the same values give the same bytes.

    Args:
        cells: The cells, in the order of the page.
        metrics: What is shown of each, by MLflow's names; what a cell does not have is left out.
        languages: Those of the page, the first one in front.
        out: The folder: `history.html`, `report.<language>.md`, `cells/<cell>/report.<language>.md`, `figures/`.

    Returns:
        The page.
    """
    from sweep.report.page import CellDocument, Document, page

    written = Written(out)
    documents = []
    for language in languages:
        with speaking(language):
            title = str(load_texts("history")["title"])
            rows = [_row(cell) for cell in cells]
            markdown, figures = _document(
                "history.md.j2", language, "", all_trends(cells), written, rows=rows, shown=ACCURACY
            )
            parts = []
            for cell in cells:
                folder, shown = f"cells/{cell.folder}/", cell.metrics(metrics)
                text, drawn = _document(
                    "cell_history.md.j2", language, folder, cell_trend(cell, metrics), written,
                    cell=cell, measured=[_figure(cell, metric) for metric in shown],
                    trainings=[_training(training) for training in reversed(cell.trainings[-MAX_ROWS:])],
                    shown=ACCURACY, left_out=max(0, len(cell.trainings) - MAX_ROWS),
                )  # fmt: skip
                parts.append(CellDocument(cell.folder, cell.name, text, drawn))
            documents.append(Document(language, title, markdown, figures, parts, label=title))
    written.put(PAGE, page(documents))
    return out / PAGE


def _document(
    template: str, language: str, folder: str, figures: Iterable[Figure], written: Written, **context: Any
) -> tuple[Markdown, dict[str, Any]]:
    captions, interactive = put_figures(figures, language, folder, written)
    images = [Markdown(f"![{markdown_text(caption)}]({path})") for path, caption in captions.items()]
    markdown = render(template, "history", w=Wording({}), images=images, **context)
    written.put(f"{folder}report.{language}.md", markdown)
    return markdown, interactive


def _row(cell: CellHistory) -> tuple[Markdown | str, ...]:
    """A cell in the table over all: its trainings, when the last one was, its accuracy, and what was worse."""
    w = Wording({})
    accuracy = [
        text for metric in ACCURACY for text in (w.value(metric, cell.last.metrics.get(metric)), _usual(cell, metric))
    ]
    return w.cell(cell), str(len(cell.trainings)), _when(cell.last), *accuracy, _worse(cell.last)


def _figure(cell: CellHistory, metric: str) -> tuple[str, ...]:
    """A metric in the table of a cell: last, usual, lowest, highest."""
    w, values = Wording({}), [value for _, value in cell.values(metric)]
    told = [w.value(metric, value) for value in (values[-1], min(values), max(values))]
    return w.heading(metric), told[0], _usual(cell, metric), *told[1:]


def _training(training: Training) -> tuple[Markdown | str, ...]:
    """A training in the table of a cell: when, its accuracy, what was worse, what had changed, its run."""
    w = Wording({})
    accuracy = [w.value(metric, training.metrics.get(metric)) for metric in ACCURACY]
    changed = w.listed(training.changed, MOST) if training.changed else _none()
    return _when(training), *accuracy, _worse(training), changed, w.run(training)


def _usual(cell: CellHistory, metric: str) -> str:
    usual = (cell.usual(metric) or [None])[-1]
    return _none() if usual is None else Wording({}).value(metric, usual)


def _worse(training: Training) -> Markdown | str:
    w = Wording({})
    headings = [w.heading(metric) for metric in names.in_contract_order(training.worse)]
    return w.listed(headings, MOST) if headings else _none()


def _when(training: Training) -> str:
    return f"{training.started:%Y-%m-%d %H:%M}"


def _none() -> str:
    return str(load_texts()["missing"]["none"])
