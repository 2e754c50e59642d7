"""What a sweep's cells were measured on: their facts, and which figures count."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from sweep.report.axes import axes_of, plain
from sweep.report.texts import load_texts
from sweep.tracking import names
from sweep.tracking.measured import FAILED, MEASURED, MISSING, TargetFacts, facts_owner, is_facts_tag, measured_facts

if TYPE_CHECKING:
    import pandas as pd


def trusted(cells: pd.DataFrame) -> pd.DataFrame:
    """Return the cells without figures of targets whose own tag says that they were not measured.

    MLflow cannot delete a metric: where a target is measured again and fails, the figures of the first time are still
    there, and nothing says any more what they were.
    """
    facts = facts_of_rows(cells)
    frame = cells.copy()
    for metric in filter(names.is_measured, map(str, cells.columns)):
        keep = [not _denied(metric, row) for row in facts]
        if not all(keep):
            frame[metric] = [value if kept else None for value, kept in zip(cells[metric], keep, strict=True)]
    return frame


def metrics_of(cells: pd.DataFrame) -> list[str]:
    """Return the metrics that the cells hold, in the contract's order."""
    axes = set(axes_of(cells))
    columns = [name for name in map(str, cells.columns) if "/" in name and name not in axes and not is_facts_tag(name)]
    return names.in_contract_order(columns)


def measured_metrics(cells: pd.DataFrame) -> list[str]:
    """Return the measured metrics of which at least one cell has a value, in the contract's order."""
    return [name for name in metrics_of(cells) if names.is_measured(name) and cells[name].notna().any()]


def facts_of_rows(cells: pd.DataFrame) -> list[dict[str, TargetFacts]]:
    """Return the facts of each cell, by target."""
    tags = [name for name in map(str, cells.columns) if is_facts_tag(name)]
    return [measured_facts({tag: plain(row[tag]) for tag in tags}) for row in cells.to_dict("records")]


def facts_by_target(cells: pd.DataFrame) -> dict[str, TargetFacts]:
    """Return the facts of each target that a heading can go by: of the first cell that was measured on it, or any."""
    chosen: dict[str, TargetFacts] = {}
    for row in facts_of_rows(cells):
        for target, facts in row.items():
            if target not in chosen or (chosen[target].state != MEASURED and facts.state == MEASURED):
                chosen[target] = facts
    return dict(sorted(chosen.items(), key=lambda item: target_place(item[0])))


def target_place(target: str) -> tuple[int, str]:
    """Return a sort key of targets: the profiles, then the known ones in the order of the texts, users' own, INT8."""
    known = [names.ONNX, *load_texts()["targets"]]
    if target == names.INT8:
        return len(known) + 1, ""
    if target.startswith(f"{names.ONNX}."):
        return 0, target
    return (known.index(target), "") if target in known else (len(known), target)


def _denied(metric: str, facts: Mapping[str, TargetFacts]) -> bool:
    owner = facts_owner(metric, facts)
    return owner is not None and facts[owner].state in (MISSING, FAILED)
