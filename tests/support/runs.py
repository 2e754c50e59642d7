"""What a home's MLflow database holds, asked of SQLite itself."""

from __future__ import annotations

import sqlite3
from pathlib import Path


def run_count(home: Path) -> int:
    """The number of runs in home's store, whatever their state; 0 where there is no store."""
    database = home / "mlflow.db"
    if not database.exists():
        return 0
    with sqlite3.connect(database) as connection:
        count: int = connection.execute("select count(*) from runs").fetchone()[0]
    connection.close()
    return count
