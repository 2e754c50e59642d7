"""A table as CSV, Markdown and LaTeX. Whatever a name holds, the format stays whole."""

from __future__ import annotations

import csv
import io
import math
import re
from dataclasses import replace
from typing import Any

from sweep.report.cells import marked, missing_word, one_line, short_reason
from sweep.report.columns import Column, text_column
from sweep.report.compare import Group, Row, Table
from sweep.report.texts import load_texts

# A spreadsheet takes a cell that starts so for a formula (OWASP, "CSV Injection").
_FORMULA = ("=", "+", "-", "@")
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?")
_MARKDOWN = re.compile(r"([\\`*_\[\]|~#])")
_LATEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "'": r"\textquotesingle{}",
    "`": r"\textasciigrave{}",
    "–": "--",
    "−": r"\textminus{}",
    "…": r"\ldots{}",
    "≈": r"\ensuremath{\approx}",
    "±": r"\textpm{}",
}
_WIDE = 10


def to_csv(table: Table) -> str:
    """Return the table as CSV with MLflow's names as headings: what the groups share, the values, `best_in`.

    Numbers are plain and exact (they read back to the same bits); a missing one is the word `not measured`,
    or the state of the cell. An interval is two columns. `best_in` lists, with spaces, the columns in which the row is
    best within its group, or cannot be told from the best; `tied_in` those in which another has the best value.
    """
    shared = _shared_columns(table)
    columns = _csv_columns(table)
    ties = any(row.tied_in for group in table.groups for row in group.rows)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    marks = ["best_in", *(["tied_in"] if ties else [])]
    writer.writerow([*(c.name for c in shared), *(_csv_text(c.name) for c in columns), *marks])
    for group in table.groups:
        values = {column.name: value for column, value in group.shared}
        for row in group.rows:
            head = [_csv_text(values.get(column.name, "")) for column in shared]
            body = [_csv_value(row, column) for column in columns]
            writer.writerow([*head, *body, " ".join(row.best_in), *([" ".join(row.tied_in)] if ties else [])])
    return out.getvalue()


def to_markdown(table: Table) -> str:
    """Return the table as GitHub Markdown: a heading, a table for each group, best values bold, the notes as a list."""
    parts = [f"## {markdown_text(table.title)}", "", markdown_body(table, heading=3)]
    for mark in table.marks:
        parts += [markdown_text(mark), ""]
    if table.notes:
        parts += [*(f"- {markdown_text(note)}" for note in table.notes), ""]
    return "\n".join(parts)


def markdown_body(table: Table, *, heading: int, rows: int | None = None) -> str:
    """Return the groups of a table, each under what it shares.

    Args:
        table: The table.
        heading: The level of the groups' headings.
        rows: How many rows to show at most; None: all of them. How many more there are is said.
    """
    parts = []
    total = sum(len(group.rows) for group in table.groups)
    left = total if rows is None else rows
    for group in table.groups:
        if left <= 0:
            break
        if group.shared:
            parts += [f"{'#' * heading} {markdown_text(group_caption(group))}", ""]
        parts.append(_line([markdown_text(column.heading) for column in table.columns]))
        parts.append(_line(["---:" if column.is_number or column.right else "---" for column in table.columns]))
        parts += [_line([_markdown_cell(row, column) for column in table.columns]) for row in group.rows[:left]]
        parts.append("")
        left -= len(group.rows)
    if left < 0:
        more = load_texts()["more"].format(count=total - (rows or 0), file=f"tables/{table.name}.csv")
        parts += [markdown_text(more), ""]
    return "\n".join(parts)


def to_latex(table: Table) -> str:
    """Return the table as one booktabs `tabular`, each group under what it shares, best values bold.

    Its first comment names the packages that it needs, those at its end are the notes. Hangul in names needs XeLaTeX or
    LuaLaTeX with such a font.
    """
    width = len(table.columns)
    wide = width > _WIDE
    lines = [f"% {one_line(table.title)}. Needs: booktabs, textcomp" + (", graphicx" if wide else "")]
    if wide:
        lines.append(r"\resizebox{\linewidth}{!}{%")
    lines += [
        r"\begin{tabular}{" + "".join("r" if column.is_number else "l" for column in table.columns) + "}",
        r"\toprule",
        " & ".join(latex_text(column.heading) for column in table.columns) + r" \\",
    ]
    for group in table.groups:
        lines.append(r"\midrule")
        if group.shared:
            lines.append(rf"\multicolumn{{{width}}}{{l}}{{\textit{{{latex_text(group_caption(group))}}}}} \\")
        for row in group.rows:
            lines.append(" & ".join(_latex_cell(row, column) for column in table.columns) + r" \\")
    lines += [r"\bottomrule", r"\end{tabular}" + ("%" if wide else "")]
    if wide:
        lines.append("}")
    return "\n".join([*lines, *(f"% {one_line(note)}" for note in (*table.marks, *table.notes)), ""])


def group_caption(group: Group) -> str:
    """Return what the cells of a group share, for people."""
    return ", ".join(f"{column.heading}: {one_line(value) or '–'}" for column, value in group.shared)


def markdown_text(text: str) -> str:
    """Escape what Markdown, or HTML inside it, would read as more than text."""
    safe = one_line(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _MARKDOWN.sub(r"\\\1", safe)


def latex_text(text: str) -> str:
    """Escape what LaTeX would read as a command."""
    return "".join(_LATEX.get(char, char) for char in one_line(text))


def _shared_columns(table: Table) -> list[Column]:
    """Columns that tell the groups apart and that the table's own columns do not show."""
    shown_already = {column.name for column in table.columns}
    named = dict.fromkeys(column.name for group in table.groups for column, _ in group.shared)
    return [text_column(name) for name in named if name not in shown_already]


def _csv_columns(table: Table) -> list[Column]:
    """The columns, of an interval its two ends."""
    return [
        one
        for column in table.columns
        for one in ([column] if column.ends is None else [replace(column, name=end, ends=None) for end in column.ends])
    ]


def _csv_value(row: Row, column: Column) -> str:
    value = row.values.get(column.name)
    if value is None and (column.is_number or column.absent is not None):
        return missing_word(row, column)
    if not column.is_number:
        return "" if value is None else _csv_text(short_reason(value) if column.name == "reason" else str(value))
    return _exact(value)


def _exact(value: Any) -> str:
    if isinstance(value, float) and math.isfinite(value) and value.is_integer() and abs(value) < 2**53:
        value = int(value)
    return repr(value)


def _csv_text(text: str) -> str:
    line = one_line(text)
    return f"'{line}" if line.startswith(_FORMULA) and not _NUMBER.fullmatch(line) else line


def _line(parts: list[str]) -> str:
    return f"| {' | '.join(parts)} |"


def _markdown_cell(row: Row, column: Column) -> str:
    text = markdown_text(marked(row, column))
    return f"**{text}**" if column.name in row.best_in else text


def _latex_cell(row: Row, column: Column) -> str:
    text = latex_text(marked(row, column))
    return rf"\textbf{{{text}}}" if column.name in row.best_in else text
