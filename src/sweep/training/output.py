"""Ultralytics' own output goes to the cell's log file, never to the terminal."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def output_to(path: Path) -> Iterator[None]:
    """Send what this process prints, warns and logs to a file while a cell runs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8", buffering=1) as stream:
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
