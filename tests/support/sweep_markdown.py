"""What holds for the Markdown of every sweep's report."""

from __future__ import annotations

import re

from sweep.report.data import SweepData
from sweep.report.sweep import sweep_report


def tables_are_whole(markdown: str) -> bool:
    """Whether each row of every table outside of code has as many cells as its heading."""
    columns = 0
    fence = ""
    for line in markdown.split("\n"):
        ticks = re.match(r"`{3,}", line)
        if ticks and (not fence or line == fence):
            fence = "" if fence else ticks[0]
        if fence or not line.startswith("|"):
            columns = 0
            continue
        count = len(re.findall(r"(?<!\\)(?:\\\\)*\|", line)) - 1
        if columns and count != columns:
            return False
        columns = count
    return True


def checked(sweep: SweepData) -> str:
    """A sweep's report, whose tables are whole, with nothing in it that is no text."""
    text = sweep_report(sweep, {})
    assert tables_are_whole(text)
    outside = re.sub(r"^(`{3,}).*?^\1$", "", text, flags=re.S | re.M)
    assert "<script" not in outside
    assert not re.search(r"\bnan\b|\bnone\b|undefined", outside, flags=re.I)
    assert "\n\n\n" not in text
    return text
