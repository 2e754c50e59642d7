"""The comparison of a sweep's cells as an MLflow table: its UI shows it, `mlflow.load_table` reads it."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, Final

from sweep.tracking import names, write
from sweep.tracking.store import Store

if TYPE_CHECKING:
    import pandas as pd

COMPARISON: Final = f"{names.REPORT}/comparison.json"
LOGGED_ARTIFACTS: Final = "mlflow.loggedArtifacts"  # by this tag of the run MLflow knows its tables


def log_comparison(store: Store, sweep_run_id: str, frame: pd.DataFrame) -> None:
    """Log a frame as the table `report/comparison.json` of a sweep; one that is there is replaced.

    `MlflowClient.log_table` would append to it, and round numbers to ten digits. What is missing (None, NaN, NaT) is
    null. JSON has no infinity: it is the word `inf`. The same frame gives the same bytes.

    Args:
        store: The opened store.
        sweep_run_id: The sweep's run.
        frame: A row a cell; its index is left out.
    """
    content = {
        "columns": [_text(column) for column in frame.columns],
        "data": [[_plain(value) for value in row] for row in frame.itertuples(index=False, name=None)],
    }
    write.log_json(store, sweep_run_id, content, COMPARISON)
    known = json.loads(store.client.get_run(sweep_run_id).data.tags.get(LOGGED_ARTIFACTS, "[]"))
    entry = {"path": COMPARISON, "type": "table"}
    if entry not in known:
        store.client.set_tag(sweep_run_id, LOGGED_ARTIFACTS, json.dumps([*known, entry]))


def _plain(value: Any) -> Any:
    """A cell's value as JSON has it: a number, a truth value, a text, or None."""
    import numpy as np
    import pandas as pd

    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and math.isinf(value):
        return "inf" if value > 0 else "-inf"
    if isinstance(value, list | tuple | np.ndarray):
        return _text(", ".join(map(str, value)))
    if value is None or pd.isna(value):
        return None
    return value if isinstance(value, bool | int | float) else _text(value)


def _text(value: object) -> str:
    """The value as text that UTF-8 can write."""
    return str(value).encode("utf-8", "replace").decode("utf-8")
