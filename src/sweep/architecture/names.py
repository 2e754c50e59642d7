"""Suggestions for mistyped names."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """` (did you mean 'X'?)` for the known name nearest to `name`, empty where none is near."""
    folded = {candidate.lower(): candidate for candidate in known}
    near = difflib.get_close_matches(str(name).lower(), folded, n=1)
    return f" (did you mean {folded[near[0]]!r}?)" if near else ""
