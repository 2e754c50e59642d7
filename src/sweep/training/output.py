"""Ultralytics' own output goes to the cell's log file, never to the terminal."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any

from sweep.redaction import redacted


@contextlib.contextmanager
def output_to(path: Path) -> Iterator[None]:
    """Send what this process prints, warns and logs to a file while a cell runs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8", buffering=1) as file:
        stream: Any = _Redacted(file)
        handler = logging.StreamHandler(stream)
        handler.setFormatter(logging.Formatter("%(message)s"))
        root, ultralytics = logging.getLogger(), logging.getLogger("ultralytics")
        before = {logger: logger.handlers[:] for logger in (root, ultralytics)}
        for logger in before:
            logger.handlers = [handler]
        try:
            with contextlib.redirect_stdout(stream), contextlib.redirect_stderr(stream):
                yield
        finally:
            for logger, handlers in before.items():
                logger.handlers = handlers


class _Redacted:
    """A text stream without the secrets of what is written to it; all else is that of the file."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    def write(self, text: str) -> int:
        """Write the text without secrets."""
        self._file.write(redacted(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write each line without secrets."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)
