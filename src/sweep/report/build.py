"""Build the tables of a sweep from MLflow, write them, and log them to the sweep's run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sweep.report.compare import Table
from sweep.report.formats import to_csv, to_latex, to_markdown
from sweep.report.tables import make_tables
from sweep.tracking import names, write
from sweep.tracking.read import sweep_cells
from sweep.tracking.store import Store

if TYPE_CHECKING:
    from rich.console import Console


def build_tables(store: Store, sweep_run_id: str, out: Path, console: Console | None = None) -> list[Path]:
    """Write the tables of a sweep to `out/tables/` and log them to its run under `report/tables`.

    Args:
        out: The folder of the report (`home/sweeps/<sweep id>/report`).
        console: Where to print them as well.

    Returns:
        The paths of series, activations, cells, and npu where anything was measured, each as .csv, .md and .tex.
        The same store gives the same bytes.
    """
    tables = make_tables(sweep_cells(store, sweep_run_id))
    paths = write_tables(tables, out / "tables")
    write.log_files(store, sweep_run_id, {f"{names.TABLES}/{path.name}": path for path in paths})
    if console is not None:
        from sweep.report.terminal import print_tables

        print_tables(tables, console)
    return paths


def write_tables(tables: Sequence[Table], folder: Path) -> list[Path]:
    """Write each table as CSV (with a byte order mark: spreadsheets then read Hangul), Markdown and LaTeX."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for table in tables:
        for suffix, text, encoding in (
            ("csv", to_csv(table), "utf-8-sig"),
            ("md", to_markdown(table), "utf-8"),
            ("tex", to_latex(table), "utf-8"),
        ):
            path = folder / f"{table.name}.{suffix}"
            path.write_text(text, encoding=encoding, newline="\n")
            paths.append(path)
    return paths
