"""Ultralytics' own output goes to the cell's log file, never to the terminal."""

from __future__ import annotations

import contextlib
import io
import logging
import os
from collections.abc import Iterator
from pathlib import Path

from sweep.redaction import redacted


class Log(io.TextIOBase):
    """A log file that takes what it is given, less its secrets, and never raises: what a full disk refuses is lost."""

    encoding = "utf-8"

    def __init__(self, path: Path) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._stream = path.open("ab", buffering=0)
        except OSError:
            self._stream = Path(os.devnull).open("ab", buffering=0)  # noqa: SIM115

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._stream.fileno()

    def write(self, text: str) -> int:
        """Append a text without its secrets, as far as there is room."""
        with contextlib.suppress(OSError):
            self._stream.write(redacted(text).encode("utf-8", "backslashreplace"))
        return len(text)

    def close(self) -> None:
        """Close the file; what is written later is lost."""
        with contextlib.suppress(OSError):
            self._stream.close()
        super().close()


@contextlib.contextmanager
def output_to(path: Path) -> Iterator[None]:
    """Send what this process prints, warns and logs to a file while a cell runs."""
    with Log(path) as stream:
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
