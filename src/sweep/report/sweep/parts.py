"""Parts of the wide tables, as many columns as a reader takes in at once. The files hold the tables whole."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from sweep.report.compare import Table
from sweep.report.npu import INT8
from sweep.report.ranking_table import BASELINE
from sweep.report.texts import load_texts
from sweep.tracking import names


def ranking_part(table: Table, recommended: int | None) -> Table:
    """Return the ranking without its baseline, with the name in the row of the recommended cell marked."""
    part = _part(table, lambda name: not name.startswith(BASELINE))
    has_baseline = len(part.columns) < len(table.columns)
    marks = table.marks[:-1] if has_baseline else table.marks  # the last one is about the baseline
    if recommended is None:
        return replace(part, marks=marks)
    (group,) = part.groups
    rows = list(group.rows)
    rows[recommended] = replace(rows[recommended], best_in=(*rows[recommended].best_in, "cell"))
    marks = (*marks, str(load_texts("sweep")["ranking"]["marked"]))
    return replace(part, groups=(replace(group, rows=tuple(rows)),), marks=marks)


def baseline_part(table: Table) -> Table:
    """Return the columns of the ranking that compare with the baseline."""
    part = _part(table, lambda name: name == "cell" or name.startswith(BASELINE))
    return replace(part, marks=table.marks[-1:])


def npu_parts(table: Table) -> tuple[tuple[str, Table], ...]:
    """Return the table of readiness in parts, each with its title: placement, cost, INT8 accuracy, size and host."""
    titles: dict[str, str] = load_texts("sweep")["npu"]["parts"]
    lead = [column.name for column in table.columns if not column.is_number]
    members: dict[str, list[str]] = {part: [] for part in titles}
    for column in table.columns:
        if column.name not in lead:
            members[_kind(column.name)].append(column.name)
    return tuple(
        (title, _part(table, {*lead, *members[part]}.__contains__)) for part, title in titles.items() if members[part]
    )


def _kind(metric: str) -> str:
    if metric in INT8:
        return "accuracy" if "mAP" in metric else "host"
    _, figure = names.npu_figure(metric) or ("", "")
    return "placement" if figure.endswith("_pct") else "cost"


def _part(table: Table, chosen: Callable[[str], bool]) -> Table:
    return replace(table, columns=tuple(column for column in table.columns if chosen(column.name)))
