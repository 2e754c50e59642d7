"""The comparison tables of a sweep: pure functions from the frame of cells to tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sweep.report.axes import with_level_titles
from sweep.report.columns import Column, metric_column, metric_columns, text_column, with_intervals
from sweep.report.compare import Table, Ties, compare
from sweep.report.data import SweepData
from sweep.report.measurements import facts_by_target, metrics_of, trusted
from sweep.report.notes import notes_on
from sweep.report.npu import deciding, npu
from sweep.report.ranking_table import ranking_table
from sweep.report.seeds import seeds_table
from sweep.report.texts import load_texts
from sweep.report.ties import marks_of, ties_of
from sweep.report.tuning_table import in_tuning_order, tuning_table, with_gains
from sweep.tracking import names

if TYPE_CHECKING:
    import pandas as pd

# The figures that decide (the reference report's comparisons), in their order.
KEY_METRICS = ("best/mAP50", "best/mAP50-95", names.PARAMS, names.GFLOPS, names.NODES, names.TRAIN_TIME)


def make_tables(cells: pd.DataFrame, sweep: SweepData | None = None) -> tuple[Table, ...]:
    """Return the tables series, activations, ranking, seeds, cells, tuning, npu of a sweep, those that have something.

    The frame comes from `tracking.read.sweep_cells`. Figures that an earlier measurement left behind, and that the
    run's own tags call not measured, do not count.

    Args:
        cells: A row a cell.
        sweep: The sweep that the frame is of (its `frame`, its cells in the same order): then cells that cannot be told
            from the best are marked, too, and there are the tables ranking, and seeds where several were trained.
    """
    cells = trusted(cells)
    found: list[Table | None] = [series(cells, sweep), activations(cells, sweep)]
    if sweep is not None:
        found += [ranking_table(sweep), seeds_table(cells)]
    found += [all_cells(cells, sweep), tuning_table(cells), npu(cells)]
    return tuple(table for table in found if table is not None)


def series(cells: pd.DataFrame, sweep: SweepData | None = None) -> Table:
    """Levels at one activation: the reference report's comparison inside the series."""
    lead = [text_column("level"), text_column("level_title")]
    return _key_figures("series", with_level_titles(cells), "level", lead, "level", sweep)


def activations(cells: pd.DataFrame, sweep: SweepData | None = None) -> Table:
    """Activations at one level."""
    return _key_figures("activations", cells, "act", [text_column("act")], None, sweep)


def all_cells(cells: pd.DataFrame, sweep: SweepData | None = None) -> Table:
    """Every cell with all its final metrics and its state; the reason of one that failed."""
    lead = [text_column("cell"), text_column("level"), text_column("act")]
    tail = [text_column("status")]
    if "reason" in cells and cells["reason"].notna().any():
        tail.append(text_column("reason"))
    cells = with_gains(cells)
    present = metrics_of(cells)
    others = in_tuning_order(
        [name for name in present if name not in (*names.SUMMARY_METRICS, *names.INTERVAL_METRICS)]
    )
    metrics = metric_columns([*names.SUMMARY_METRICS, *others], facts_by_target(cells))
    metrics = with_intervals(metrics, present)
    groups = compare(cells, ["level", "act"], lead, metrics, tail=tail, every_cell=True, ties=_ties(sweep))
    key = [name for name in names.SUMMARY_METRICS if name in KEY_METRICS]
    brief = ("cell", *key, "reason")  # level and activation are in the name of a cell already
    columns, notes = (*lead, *metrics, *tail), notes_on(cells, others)
    return Table("cells", _title("cells"), columns, groups, brief, notes, marks_of(groups, sweep))


def _key_figures(
    name: str, cells: pd.DataFrame, compared: str, lead: list[Column], by_axis: str | None, sweep: SweepData | None
) -> Table:
    measured = deciding(cells)
    metrics = [*map(metric_column, KEY_METRICS), *metric_columns(measured, facts_by_target(cells))]
    metrics = with_intervals(metrics, metrics_of(cells))
    groups = compare(cells, [compared], lead, metrics, by_axis=by_axis, ties=_ties(sweep))
    brief = (*(column.name for column in lead), *KEY_METRICS)
    notes = notes_on(cells, measured)
    return Table(name, _title(name), (*lead, *metrics), groups, brief, notes, marks_of(groups, sweep))


def _ties(sweep: SweepData | None) -> Ties | None:
    return None if sweep is None else ties_of(sweep)


def _title(name: str) -> str:
    titles: dict[str, str] = load_texts()["titles"]
    return titles[name]
