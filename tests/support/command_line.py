"""The command line as a user meets it: a process of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

LIMIT_S = 120


@dataclass(frozen=True)
class Ended:
    """How a process ended."""

    returncode: int
    stdout: str
    stderr: str

    @property
    def cells(self) -> list[str]:
        """Names in the plan's table, in order."""
        return [row[0] for row in self.rows]

    @property
    def rows(self) -> list[tuple[str, ...]]:
        """Rows of the plan's table: cell, data, recipe, state."""
        rows = [line.strip("│ ").split(" │ ") for line in self.stdout.splitlines() if line.startswith("│")]
        return [tuple(field.strip() for field in row) for row in rows]

    @property
    def problems(self) -> list[str]:
        """The sentences about what the user did wrong."""
        return re.findall(r"^error: (.*)$", self.stderr, re.MULTILINE)


def run_sweep(
    arguments: Sequence[str],
    cwd: Path,
    environment: Mapping[str, str] | None = None,
    python: Sequence[str] = (),
    limit_s: float = LIMIT_S,
) -> Ended:
    """Run `python -m sweep …` in `cwd` to its end; `python` holds options of the interpreter."""
    done = subprocess.run(
        [sys.executable, *python, "-m", "sweep", *arguments],
        cwd=cwd,
        env=os.environ | {"COLUMNS": "200"} | dict(environment or {}),
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=limit_s,
        check=False,
    )
    return Ended(done.returncode, done.stdout, done.stderr)
