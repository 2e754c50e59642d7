"""The comparison tables of a sweep: pure functions from the frame of cells to tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sweep.report.axes import with_level_titles
from sweep.report.columns import Column, metric_column, metric_columns, text_column
from sweep.report.compare import Table, compare
from sweep.report.measurements import facts_by_target, metrics_of, trusted
from sweep.report.notes import notes_on
from sweep.report.npu import deciding, npu
from sweep.report.texts import load_texts
from sweep.tracking import names

if TYPE_CHECKING:
    import pandas as pd

# The figures that decide (the reference report's comparisons), in their order.
KEY_METRICS = ("best/mAP50", "best/mAP50-95", names.PARAMS, names.GFLOPS, names.NODES, names.TRAIN_TIME)


def make_tables(cells: pd.DataFrame) -> tuple[Table, ...]:
    """Return the tables series, activations, cells, and npu where anything was measured, of a frame of cells.

    The frame comes from `tracking.read.sweep_cells`. Figures that an earlier measurement left behind, and that the
    run's own tags call not measured, do not count.
    """
    cells = trusted(cells)
    readiness = npu(cells)
    return (series(cells), activations(cells), all_cells(cells), *([] if readiness is None else [readiness]))


def series(cells: pd.DataFrame) -> Table:
    """Levels at one activation: the reference report's comparison inside the series."""
    lead = [text_column("level"), text_column("level_title")]
    return _key_figures("series", with_level_titles(cells), "level", lead, by_axis="level")


def activations(cells: pd.DataFrame) -> Table:
    """Activations at one level."""
    return _key_figures("activations", cells, "act", [text_column("act")], by_axis=None)


def all_cells(cells: pd.DataFrame) -> Table:
    """Every cell with all its final metrics and its state; the reason of one that failed."""
    lead = [text_column("cell"), text_column("level"), text_column("act")]
    tail = [text_column("status")]
    if "reason" in cells and cells["reason"].notna().any():
        tail.append(text_column("reason"))
    others = [name for name in metrics_of(cells) if name not in names.SUMMARY_METRICS]
    metrics = metric_columns([*names.SUMMARY_METRICS, *others], facts_by_target(cells))
    groups = compare(cells, ["level", "act"], lead, metrics, tail=tail, every_cell=True)
    key = [name for name in names.SUMMARY_METRICS if name in KEY_METRICS]
    brief = ("cell", *key, "reason")  # level and activation are in the name of a cell already
    return Table("cells", _title("cells"), (*lead, *metrics, *tail), groups, brief, notes_on(cells, others))


def _key_figures(name: str, cells: pd.DataFrame, compared: str, lead: list[Column], by_axis: str | None) -> Table:
    measured = deciding(cells)
    metrics = [*map(metric_column, KEY_METRICS), *metric_columns(measured, facts_by_target(cells))]
    groups = compare(cells, [compared], lead, metrics, by_axis=by_axis)
    brief = (*(column.name for column in lead), *KEY_METRICS)
    return Table(name, _title(name), (*lead, *metrics), groups, brief, notes_on(cells, measured))


def _title(name: str) -> str:
    titles: dict[str, str] = load_texts()["titles"]
    return titles[name]
