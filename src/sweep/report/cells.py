"""How a value reads in a table for people."""

from __future__ import annotations

import math
from typing import Any

from sweep.report.columns import Column
from sweep.report.compare import FINISHED, Row
from sweep.report.texts import load_texts

MAX_REASON = 160


def shown(row: Row, column: Column) -> str:
    """Return the text of one value: rounded, or the word for why it is missing. Never a zero, never `nan`."""
    value = row.values.get(column.name)
    if column.is_number:
        return missing_word(row) if value is None else number(value, column.digits or 0, signed=column.signed)
    if value is None or value == "":
        return "" if column.name in ("reason", "level_title") else "–"
    if column.name == "reason":
        return short_reason(str(value))
    return one_line(str(value))


def missing_word(row: Row) -> str:
    """Return what stands for a missing number: `failed` for a failed cell, else `not measured`."""
    words: dict[str, str] = load_texts()["missing"]
    state = "not_measured" if row.status == FINISHED else row.status
    return words.get(state, words["not_measured"])


def number(value: Any, digits: int, *, signed: bool = False) -> str:
    """Return a number with that many digits; a longer fraction never rounds to a bare zero.

    A `signed` number is a difference: it says its sign, and one too small for its digits is a zero with a sign.
    """
    amount = float(value)
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
