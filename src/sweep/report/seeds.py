"""The table of seeds: what cells that differ in nothing but their seed have in common."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from sweep.report.axes import axes_of, natural, plain, with_tuned, with_weights, word, worth_showing
from sweep.report.columns import Column, text_column
from sweep.report.compare import FINISHED, Group, Row, Table
from sweep.report.texts import load_texts
from sweep.tracking import names

if TYPE_CHECKING:
    import pandas as pd

METRICS: Final = tuple(names.INTERVALS)
_DIGITS: Final = 4


def seeds_table(cells: pd.DataFrame) -> Table | None:
    """Return mean, standard deviation and t interval over seeds, a row for the cells that differ in their seed only.

    None where no two finished cells do.
    """
    cells = with_tuned(with_weights(cells))
    axes = [axis for axis in axes_of(cells) if axis != "seed"]
    told = worth_showing(cells, axes)
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for row in ({str(key): plain(value) for key, value in row.items()} for row in cells.to_dict("records")):
        if row.get("status") == FINISHED and any(row.get(metric) is not None for metric in METRICS):
            groups.setdefault(tuple(word(row.get(axis)) for axis in axes), []).append(row)
    if all(len({word(row.get("seed")) for row in rows}) < 2 for rows in groups.values()):
        return None
    texts = load_texts()
    lead = [*map(text_column, told), Column("seeds", str(texts["columns"]["seeds"]))]
    columns = [column for metric in METRICS for column in _columns(metric)]
    rows = tuple(Row(_values(rows, told), FINISHED, ()) for rows in groups.values())
    shown = tuple(column.name for column in (*lead, *columns) if column.ends is None)
    marks = (str(texts["marks"]["seeds"]),)
    return Table("seeds", texts["titles"]["seeds"], (*lead, *columns), (Group((), rows),), shown, marks=marks)


def _columns(metric: str) -> list[Column]:
    headings: dict[str, str] = load_texts()["columns"]
    none = str(load_texts()["missing"]["none"])
    mean, std, ends, interval = _names(metric)
    return [
        Column(mean, headings[mean], digits=_DIGITS),
        Column(std, headings[std], digits=_DIGITS, absent=none),
        Column(interval, headings[interval], digits=_DIGITS, ends=ends, absent=none),
    ]


def _names(metric: str) -> tuple[str, str, tuple[str, str], str]:
    """What the columns of a metric are called: mean, standard deviation, the interval's ends, the interval."""
    head = f"seeds/{metric.rpartition('/')[2]}"
    return f"{head}_mean", f"{head}_std", (f"{head}_lo", f"{head}_hi"), f"{head}_ci"


def _within(end: float | None) -> float | None:
    """An end of an interval of mAP, which is a share: of two or three seeds Student's t reaches far."""
    return None if end is None else min(max(end, 0.0), 1.0)


def _values(rows: Sequence[Mapping[str, Any]], axes: Sequence[str]) -> dict[str, Any]:
    from sweep.statistics.seeds import over_seeds

    seeds = sorted((word(row.get("seed")) or "?" for row in rows), key=natural)
    values: dict[str, Any] = {axis: word(rows[0].get(axis)) for axis in axes} | {"seeds": ", ".join(seeds)}
    for metric in METRICS:
        found = [float(row[metric]) for row in rows if row.get(metric) is not None and math.isfinite(row[metric])]
        if found:
            over = over_seeds(found)
            mean, std, (lo, hi), _ = _names(metric)
            values |= {mean: over.mean, std: over.std, lo: _within(over.lo), hi: _within(over.hi)}
    return values
