"""How a value reads in a table for people."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from sweep.report.columns import Column
from sweep.report.compare import FINISHED, Row
from sweep.report.texts import load_texts

MAX_REASON = 160
TIE = "≈"  # behind a number: that it cannot be told from the best


def shown(row: Row, column: Column) -> str:
    """Return the text of one value: rounded, or the word for why it is missing. Never a zero, never `nan`."""
    values = [row.values.get(name) for name in column.ends or (column.name,)]
    value = values[0]
    if column.is_number:
        return missing_word(row, column) if None in values else _figure(values, column)
    if value is None or value == "":
        if column.absent is not None:
            return missing_word(row, column)
        return "" if column.name in ("reason", "level_title") else "–"
    return short_reason(str(value)) if column.name == "reason" else one_line(str(value))


def _figure(values: Sequence[Any], column: Column) -> str:
    digits = column.digits or 0
    if column.ends is not None:
        return interval(values[0], values[1], digits, signed=column.signed)
    return number(values[0], digits, signed=column.signed)


def marked(row: Row, column: Column) -> str:
    """Return the text of one value, with the sign of a tie where another has the best value."""
    return f"{shown(row, column)} {TIE}" if column.name in row.tied_in else shown(row, column)


def missing_word(row: Row, column: Column) -> str:
    """Return what stands for a missing value: `failed` for a failed cell, else the column's word, or `not measured`."""
    words: dict[str, str] = load_texts()["missing"]
    state = "not_measured" if row.status == FINISHED else row.status
    if state == "not_measured" and column.absent is not None:
        return column.absent
    return words.get(state, words["not_measured"])


def interval(low: Any, high: Any, digits: int, *, signed: bool = False) -> str:
    """Return an interval as people read it: `0.912–0.951`, or `−0.012 … +0.003` where the ends carry a sign."""
    ends = [number(end, digits, signed=signed) for end in (low, high)]
    return (" … " if signed else "–").join(ends)


def number(value: Any, digits: int, *, signed: bool = False) -> str:
    """Return a number with that many digits; a longer fraction never rounds to a bare zero.

    A `signed` number is a difference: it says its sign, and one too small for its digits is a zero with a sign.
    """
    amount = float(value) or 0.0  # no zero carries a sign
    if math.isinf(amount):
        return ("−" if amount < 0 else "") + str(load_texts()["infinite"])
    if signed and amount != 0:
        return f"{'−' if amount < 0 else '+'}{abs(amount):.{digits}f}"
    text = f"{amount:.{digits}f}"
    return text if amount == 0 or float(text) != 0 else f"{amount:.1e}"


def short_reason(reason: str) -> str:
    """Return the line of a reason that says most: of a traceback the last one, where the error is."""
    lines = [line.strip() for line in reason.splitlines() if line.strip()]
    if not lines:
        return ""
    line = one_line(lines[-1] if any(line.startswith("Traceback") for line in lines) else lines[0])
    return line if len(line) <= MAX_REASON else line[: MAX_REASON - 1] + "…"


def one_line(text: str) -> str:
    """Return the text without line breaks and control characters."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())
