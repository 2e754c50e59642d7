"""What `python -m sweep clean` prints."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from rich.console import Console

    from sweep.clean import Removable


def print_removable(console: Console, home: Path, entries: Sequence[Removable], dry_run: bool) -> None:
    """The files and folders that are safe to remove, with their sizes."""
    if not entries:
        console.print(f"Nothing in {home} is safe to remove.", markup=False, soft_wrap=True)
        return
    total = megabytes(sum(entry.size for entry in entries))
    title = f"{total} would be freed in {home}" if dry_run else f"{total} in {home}"
    table = Table(title=Text(title), title_justify="left")
    table.add_column("what", no_wrap=True)
    table.add_column("where", overflow="fold")
    table.add_column("size", justify="right", no_wrap=True)
    for entry in entries:
        table.add_row(entry.kind, Text(str(entry.path.relative_to(home))), megabytes(entry.size))
    console.print(table)


def print_removed(console: Console, freed: int, left: Sequence[tuple[Removable, OSError]]) -> None:
    """How much was freed, and what could not be removed."""
    for entry, error in left:
        text = f"{entry.path} could not be removed: {error.strerror or error}"
        console.print(Text(text, style="red"), soft_wrap=True)
    if freed or not left:
        console.print(f"{megabytes(freed)} freed.")


def megabytes(size: float) -> str:
    """`12.3 MB`, of 10⁶ bytes."""
    return f"{size / 1e6:.1f} MB"
