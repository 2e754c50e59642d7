"""The one exception type for mistakes of the user."""

from __future__ import annotations

from sweep.redaction import redacted


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


def in_one_line(error: BaseException) -> str:
    """`ValueError: what it said`, without line breaks and secrets: an error as a reason that is kept and shown."""
    return redacted(" ".join(f"{type(error).__name__}: {error}".split()))


class Problems:
    """Collects the problems of several checks, so that the user learns of all of them at once.

    Use it as a context manager around each check: a SweepError inside is kept and does not leave the block.
    """

    def __init__(self) -> None:
        self._found: dict[str, None] = {}

    def __enter__(self) -> Problems:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> bool:
        if isinstance(error, SweepError):
            self.add(*error.problems)
            return True
        return False

    def add(self, *problems: str) -> None:
        """Keep problems; the same sentence twice counts once."""
        self._found |= dict.fromkeys(problems)

    def raise_if_any(self) -> None:
        """Raise one SweepError with all problems kept so far."""
        if self._found:
            raise SweepError(*self._found)
