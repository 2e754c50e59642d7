"""The one exception type for mistakes of the user."""

from __future__ import annotations


class SweepError(Exception):
    """One or several mistakes in what the user asked for.

    It is shown without a traceback and ends the program with exit code 2. Each problem is a sentence that names the
    place and the fix.
    """

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems

    def __reduce__(self) -> tuple[type[SweepError], tuple[str, ...]]:
        """Keep the problems apart when the error crosses a process boundary."""
        return type(self), self.problems
