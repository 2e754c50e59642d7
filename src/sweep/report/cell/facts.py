"""What the parts of a cell's report ask of it: its recipe, its names, its row."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from sweep.report.cell.wording import label, phrase
from sweep.report.data import CellData
from sweep.report.render import Markdown
from sweep.tracking import names
from sweep.tracking.measured import facts_owner, is_facts_tag, tag_of

if TYPE_CHECKING:
    import pandas as pd


def recipe(cell: CellData, name: str) -> str:
    """Return a value of the recipe as text, nothing where it has none."""
    return cell.text(f"{names.RECIPE_PREFIX}{name}")


def recipe_number(cell: CellData, name: str) -> float | None:
    """Return a value of the recipe as a number; None where it has none, or one that is no number."""
    try:
        return float(recipe(cell, name))
    except ValueError:
        return None


def title(cell: CellData) -> str | Markdown:
    """Return what the report calls the model: `Level 4 ReLU`; the cell's name where it does not say what it is."""
    level, act = cell.text("level"), cell.text("act")
    return phrase("model_title", level=level, act=label("acts", act)) if level and act else cell.name


def level_title(cell: CellData) -> str | Markdown | None:
    """Return what the cell's level is for, in the spoken language where the texts know it; None where nobody says."""
    told = cell.tags.get(names.LEVEL_TITLE) or cell.text("level_title")
    by_level = label("level_titles", cell.text("level"))
    return label("level_titles", told) if told else by_level if isinstance(by_level, Markdown) else None


def row_of(cell: CellData, targets: Iterable[str]) -> pd.DataFrame:
    """Return the cell as a frame of one row, as `notes_on` reads it: what it was measured on of these targets.

    A frame of the few columns that count: the sweep's own has hundreds, and a report is made for every cell.
    """
    import pandas as pd

    owners = set(targets)
    row: dict[str, Any] = {"cell": cell.name, "status": cell.status}
    for name, value in cell.values.items():
        if (is_facts_tag(name) and name in map(tag_of, owners)) or _owner(name, cell) in owners:
            row[name] = value
    return pd.DataFrame([row], dtype=object)


def _owner(metric: str, cell: CellData) -> str | None:
    if not names.is_measured(metric):
        return None
    npu = names.npu_figure(metric)
    target = npu[0] if npu else names.INT8
    return facts_owner(metric, cell.facts) or (names.ONNX if target.startswith(f"{names.ONNX}.") else target)


def weights(cell: CellData) -> str | Markdown:
    """Return the name of the initial checkpoint, or the word for none; a run without the parameter began with none."""
    told = cell.text(names.WEIGHTS)
    if not told and not (cell.run_id and cell.text("base")):
        return phrase("unknown")  # nothing is known of its run
    return phrase("setup.from_scratch") if told in ("", "None") else told
