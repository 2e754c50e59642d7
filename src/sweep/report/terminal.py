"""The tables on a terminal: few columns, best values marked."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from sweep.report.cells import shown
from sweep.report.columns import Column
from sweep.report.formats import group_caption
from sweep.report.tables import KEY_METRICS, Row, Table
from sweep.report.texts import load_texts

if TYPE_CHECKING:
    from rich.console import Console

# Rows of one table on the terminal. All of them are in the files.
MAX_ROWS = 60
_WORDS = ("cell", "level", "level_title", "act", "reason")
BEST = "bold green"
MISSING = "red"


def print_tables(tables: Iterable[Table], console: Console) -> None:
    """Print the tables, about 100 columns wide. Best values are bold green, with a star."""
    for table in tables:
        columns = _short(table)
        left = MAX_ROWS
        total = sum(len(group.rows) for group in table.groups)
        for group in table.groups:
            if left <= 0:
                break
            title = table.title + (f" · {group_caption(group)}" if group.shared else "")
            _print_group(title, columns, group.rows[:left], console)
            left -= len(group.rows)
        if left < 0:
            more = load_texts()["more"].format(count=total - MAX_ROWS, file=f"{table.name}.csv")
            console.print(more, markup=False, highlight=False)
    console.print(load_texts()["best"].replace("Bold", "*"), markup=False, highlight=False, style="dim")


def _print_group(title: str, columns: list[Column], rows: tuple[Row, ...], console: Console) -> None:
    from rich import box
    from rich.table import Table as RichTable
    from rich.text import Text

    grid = RichTable(title=Text(title, style="bold"), title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        grid.add_column(
            Text(column.heading),
            justify="right" if column.is_number else "left",
            no_wrap=column.is_number or column.name == "cell",
            overflow="ellipsis" if column.name == "cell" else "fold",
        )
    for row in rows:
        texts = []
        for column in columns:
            best = column.name in row.best_in
            gap = column.is_number and row.values.get(column.name) is None
            style = BEST if best else MISSING if gap else ""
            texts.append(Text(shown(row, column) + ("*" if best else " " if column.is_number else ""), style=style))
        grid.add_row(*texts)
    console.print(grid)


def _short(table: Table) -> list[Column]:
    """The words and the figures that decide; level and activation are in the name of a cell already."""
    words = ("cell", "reason") if table.name == "cells" else _WORDS
    wanted = (*words, *KEY_METRICS)
    return [column for column in table.columns if column.name in wanted]
