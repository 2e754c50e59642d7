"""Collect every problem of a data set, so that the user can mend them in one go."""

from __future__ import annotations

from sweep.errors import SweepError

SHOWN = 5
"""So many problems of one kind are shown; of the rest only the number."""


class Problems:
    """Sentences grouped by kind, in the order in which the kinds first appeared."""

    def __init__(self) -> None:
        self._kinds: dict[str, list[str]] = {}

    def add(self, kind: str, sentence: str) -> None:
        """Remember a problem. `kind` is a plural noun: it ends "… and 40 more {kind}"."""
        self._kinds.setdefault(kind, []).append(sentence)

    def sentences(self) -> list[str]:
        """What to show."""
        shown: list[str] = []
        for kind, found in self._kinds.items():
            shown += found[:SHOWN]
            if len(found) > SHOWN:
                shown.append(f"… and {len(found) - SHOWN} more {kind} ({len(found)} in all).")
        return shown

    def raise_if_any(self) -> None:
        """Raise one SweepError with all problems, if there is one."""
        if self._kinds:
            raise SweepError(*self.sentences())
