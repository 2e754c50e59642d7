"""The sweep's report: what its templates are filled with."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final
from urllib.parse import quote

from sweep.report.baseline import Match, matches
from sweep.report.compare import Table
from sweep.report.data import CellData, SweepData
from sweep.report.formats import markdown_body, markdown_text
from sweep.report.measurements import facts_by_target
from sweep.report.pareto import fronts
from sweep.report.ranking import rank
from sweep.report.recommend import recommend
from sweep.report.render import Markdown, render
from sweep.report.sweep.advice import advice
from sweep.report.sweep.overview import overview
from sweep.report.sweep.parts import baseline_part, npu_parts, ranking_part
from sweep.report.sweep.provenance import provenance
from sweep.report.sweep.tuning import tuning
from sweep.report.sweep.wording import Wording
from sweep.report.tables import make_tables

# Rows of one table, cells in one list. All rows are in the files of `tables/`.
MAX_ROWS: Final = 60
MAX_CELLS: Final = 12
# Which figures belong to which section, by the beginnings of their names; all others come last.
PLACES: Final[Mapping[str, tuple[str, ...]]] = {
    "pareto": ("pareto",),
    "npu": ("int8", "drop", "latency"),
    "training": ("curves", "losses", "loss", "pr"),
}


@dataclass(frozen=True)
class Statistics:
    """What the intervals and tests rest on.

    Attributes:
        cells: how many cells have per-image statistics here.
        images: how many images they were evaluated on; the most where cells differ.
        resamples: how many samples of the images were drawn.
    """

    cells: int
    images: int
    resamples: int


@dataclass(frozen=True)
class Compared:
    """The cells of a sweep beside those of its baseline.

    Attributes:
        pairs: the finished cells that have the same finished cell there.
        alone: the cells of this sweep that have none.
        gone: the cells of the baseline that this sweep has not.
        other_recipe: pairs whose recipes differ.
        other_data: pairs that were evaluated on other data.
    """

    pairs: tuple[Match, ...]
    alone: tuple[CellData, ...]
    gone: tuple[CellData, ...]
    other_recipe: tuple[Match, ...]
    other_data: tuple[Match, ...]


def sweep_report(sweep: SweepData, figures: Mapping[str, str]) -> Markdown:
    """Return the report of a sweep, in the language that is spoken.

    Args:
        sweep: The sweep.
        figures: The captions of the figures that were drawn, by their path relative to the report
            (`figures/pareto.ko.png`). Each is shown once.
    """
    tables = {table.name: table for table in make_tables(sweep.frame, sweep)}
    order = rank(sweep)
    ranked = [entry.cell for entry in order]
    unranked = set(sweep.finished) - set(ranked)
    cells = [*ranked, *(cell for cell in sweep.finished if cell in unranked)]  # as the ranking has its rows
    found = recommend(sweep)
    words = Wording(facts_by_target(sweep.frame))
    return render(
        "sweep.md.j2",
        "sweep",
        sweep=sweep,
        w=words,
        standings=order,
        recommendation=found,
        advice=advice(sweep, found),
        overview=overview(sweep),
        provenance=provenance(sweep),
        tables=defaultdict(lambda: None, {name: table for name, table in tables.items() if _tells(table)}),
        ranking=ranking_part(tables["ranking"], cells.index(found.cell) if found.cell else None)
        if tables["ranking"].groups
        else None,
        npu_parts=npu_parts(tables["npu"]) if "npu" in tables else (),
        baseline_table=baseline_part(tables["ranking"]) if sweep.baseline else None,
        compared=_compared(sweep),
        tuning=tuning(sweep, tables.get("tuning"), words),
        fronts=fronts(sweep),
        cells=cells,
        unfinished=[cell for cell in sweep.cells if not cell.finished],
        statistics=_statistics(sweep),
        placed=_placed(figures),
        body=_body,
        marks=_marks,
        MAX_ROWS=MAX_ROWS,
        MAX_CELLS=MAX_CELLS,
    )


def _tells(table: Table) -> bool:
    """Whether a table has rows to compare: one with a single row in each group says nothing that others do not."""
    if table.name in ("series", "activations"):
        return any(len(group.rows) > 1 for group in table.groups)
    return bool(table.groups)


def _body(table: Table, heading: int) -> Markdown:
    return Markdown(markdown_body(table, heading=heading, rows=MAX_ROWS))


def _marks(*tables: Table | None) -> Markdown:
    """What the marks in some tables mean, each sentence once."""
    told = dict.fromkeys(mark for table in tables if table is not None for mark in table.marks)
    return Markdown("\n\n".join(map(markdown_text, told)))


def _statistics(sweep: SweepData) -> Statistics:
    found = [cell.statistics for cell in sweep.cells if cell.statistics is not None]
    if not found:
        return Statistics(0, 0, 0)
    samples = max(0 if one.replicates is None else len(one.replicates) for one in found)
    return Statistics(len(found), max(len(one.images) for one in found), samples)


def _compared(sweep: SweepData) -> Compared | None:
    if sweep.baseline is None:
        return None
    found = matches(sweep)
    before = {match.before for match in found}
    pairs = tuple(match for match in found if match.before and match.cell.finished and match.before.finished)
    return Compared(
        pairs,
        tuple(match.cell for match in found if match.before is None),
        tuple(cell for cell in sweep.baseline.cells if cell not in before),
        tuple(match for match in pairs if match.recipe),
        tuple(match for match in pairs if match.other_data),
    )


def _placed(figures: Mapping[str, str]) -> dict[str, list[Markdown]]:
    """The images of each section, those that belong to none under `other`."""
    placed: dict[str, list[Markdown]] = {section: [] for section in (*PLACES, "other")}
    for path, caption in figures.items():
        stem = PurePosixPath(path).name.partition(".")[0]
        section = next((name for name, stems in PLACES.items() if stem.startswith(stems)), "other")
        placed[section].append(Markdown(f"![{markdown_text(caption)}]({quote(path)})"))
    return placed
