"""The tables on a terminal: the columns that fit, best values marked, the notes below."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from sweep.report.cells import marked, one_line
from sweep.report.columns import Column
from sweep.report.compare import Group, Row, Table
from sweep.report.formats import group_caption
from sweep.report.texts import load_texts

if TYPE_CHECKING:
    from rich.console import Console

# Rows of one table on the terminal. All of them are in the files.
MAX_ROWS = 60
BEST = "bold green"
MISSING = "red"
_HEADING: Final = 12  # characters in a line of a number's heading
_CELL: Final = 48  # of the name of a cell
_REASON: Final = 24  # at least, of words that can be folded
_GAP, _EDGES = 3, 2  # of Rich's SIMPLE_HEAD without padding at the edges


def print_tables(tables: Iterable[Table], console: Console) -> None:
    """Print the tables. Best values are bold green, with a star. Columns that do not fit follow as a second table."""
    notes: list[str] = []
    marks: list[str] = []
    bold = str(load_texts()["marks"]["bold"])
    for table in tables:
        marks = [*marks, *(mark for mark in table.marks if mark not in marks)]
        notes = [*table.notes, *(note for note in notes if note not in table.notes)]
        left = MAX_ROWS
        total = sum(len(group.rows) for group in table.groups)
        for group in table.groups:
            if left <= 0:
                break
            title = table.title + (f" · {group_caption(group)}" if group.shared else "")
            rows = group.rows[:left]
            for number, columns in enumerate(_layout(table, console.width)):
                _print_group(title if number == 0 else "", columns, rows, console)
            left -= len(group.rows)
        if left < 0:
            more = load_texts()["more"].format(count=total - MAX_ROWS, file=f"{table.name}.csv")
            console.print(more, markup=False, highlight=False)
    for note in (*notes, *(mark.replace(bold, "*") for mark in marks)):
        console.print(one_line(note), markup=False, highlight=False, style="dim")


def _layout(table: Table, width: int) -> list[list[Column]]:
    """The columns of one table, or of several below each other that begin with the same words.

    All columns where they fit side by side, the brief ones where they do not.
    """
    widths = _widths(table.columns, table.groups)
    brief = [column for name in table.brief for column in table.columns if column.name == name]
    if _total(table.columns, widths) <= width:
        return [list(table.columns)]
    lead = [column for column in brief if not column.is_number and column.name != "reason"]
    blocks = [list(lead)]
    for column in (column for column in brief if column not in lead):
        if len(blocks[-1]) > len(lead) and _total([*blocks[-1], column], widths) > width:
            blocks.append(list(lead))
        blocks[-1].append(column)
    return blocks


def _widths(columns: Sequence[Column], groups: Sequence[Group]) -> dict[str, int]:
    """How wide each column is on the terminal; words that can be folded count as little as they can take."""
    from rich.cells import cell_len

    widths = {}
    for column in columns:
        values = [cell_len(marked(row, column)) + 1 for group in groups for row in group.rows[:MAX_ROWS]]
        widest = max([*values, *map(cell_len, _heading(column).split("\n"))])
        widths[column.name] = widest if column.is_number else min(widest, _CELL if column.name == "cell" else _REASON)
    return widths


def _total(columns: Sequence[Column], widths: dict[str, int]) -> int:
    return sum(widths[column.name] for column in columns) + _GAP * (len(columns) - 1) + _EDGES


def _heading(column: Column) -> str:
    if not column.is_number:
        return one_line(column.heading)
    return "\n".join(textwrap.wrap(one_line(column.heading), _HEADING, break_long_words=False)) or column.name


def _print_group(title: str, columns: Sequence[Column], rows: Sequence[Row], console: Console) -> None:
    from rich import box
    from rich.table import Table as RichTable
    from rich.text import Text

    name = Text(title, style="bold") if title else None
    grid = RichTable(title=name, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        grid.add_column(
            Text(_heading(column)),
            justify="right" if column.is_number else "left",
            no_wrap=column.is_number or column.name == "cell",
            overflow="ellipsis" if column.name == "cell" else "fold",
            max_width=_CELL if column.name == "cell" else None,
        )
    for row in rows:
        texts = []
        for column in columns:
            best = column.name in row.best_in
            gap = column.is_number and any(row.values.get(name) is None for name in column.ends or (column.name,))
            style = BEST if best else MISSING if gap else ""
            texts.append(Text(marked(row, column) + ("*" if best else " " if column.is_number else ""), style=style))
        grid.add_row(*texts)
    console.print(grid)
