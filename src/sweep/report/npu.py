"""The table of NPU readiness: placement, cost and INT8 accuracy of each cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from sweep.report.axes import plain
from sweep.report.columns import metric_columns, text_column
from sweep.report.compare import Table, compare
from sweep.report.measurements import facts_by_target, measured_metrics, target_place
from sweep.report.notes import notes_on
from sweep.report.texts import load_texts
from sweep.report.ties import marks_of
from sweep.tracking import names
from sweep.tracking.measured import TargetFacts

if TYPE_CHECKING:
    import pandas as pd

# Columns of the table that MLflow does not hold: FP32 less INT8, in the unit of mAP (0 to 1). Positive: INT8 is worse.
DROPS: Final = {
    "int8/mAP50_drop": ("fp32/mAP50", "int8/mAP50"),
    "int8/mAP50-95_drop": ("fp32/mAP50-95", "int8/mAP50-95"),
}
# The table's columns of INT8 and of the host; those in ALWAYS are there wherever INT8 was tried at all.
INT8: Final = (
    "fp32/mAP50",
    "int8/mAP50",
    "int8/mAP50_drop",
    "fp32/mAP50-95",
    "int8/mAP50-95",
    "int8/mAP50-95_drop",
    "fp32/size_mb",
    "int8/size_mb",
    "fp32/latency_ms",
    "fp32/latency_iqr_ms",
    "int8/latency_ms",
    "int8/latency_iqr_ms",
)
ALWAYS: Final = ("int8/mAP50", "int8/mAP50_drop", "int8/size_mb", "int8/latency_ms")
BRIEF_FIGURES: Final = ("op_pct", "latency_ms")
BRIEF_INT8: Final = ("int8/mAP50", "int8/mAP50_drop", "int8/size_mb")


def npu(cells: pd.DataFrame) -> Table | None:
    """Return the table of what the NPU would do with each cell, or None where nothing was measured or tried."""
    facts = facts_by_target(cells)
    cells = _with_drops(cells)
    figures = [*_npu_columns(cells, facts), *_int8_columns(cells, facts)]
    if not figures and not facts:
        return None
    lead = [text_column("level"), text_column("act")]
    columns = metric_columns(figures, facts)
    groups = compare(cells, ["level", "act"], lead, columns, by_axis="level")
    title = str(load_texts()["titles"]["npu"])
    brief, marks = ("level", "act", *_brief(figures)), marks_of(groups, None)
    return Table("npu", title, (*lead, *columns), groups, brief, notes_on(cells), marks)


def _brief(metrics: Sequence[str]) -> list[str]:
    """What a terminal shows where not all fits: the vendors' placement and latency, INT8, the profiles' placement."""
    vendors, profiles = [], []
    for metric in metrics:
        target, figure = names.npu_figure(metric) or ("", "")
        if figure in BRIEF_FIGURES and not _is_profile(target):
            vendors.append(metric)
        elif figure == "op_pct":
            profiles.append(metric)
    return [*vendors, *(metric for metric in metrics if metric in BRIEF_INT8), *profiles]


def deciding(cells: pd.DataFrame) -> list[str]:
    """Return the measured figures that belong beside mAP and size: a few, whatever the number of targets.

    INT8's mAP50, and of the vendors' targets the latency, or where none is stated the share of operators; both where
    there is one target only.
    """
    measured = measured_metrics(cells)
    vendors: dict[str, list[str]] = {}
    for metric in measured:
        target, figure = names.npu_figure(metric) or ("", "")
        if figure in BRIEF_FIGURES and not _is_profile(target):
            vendors.setdefault(target, []).append(metric)
    few = [figures if len(vendors) == 1 else figures[-1:] for _, figures in sorted(vendors.items(), key=_vendor_place)]
    return [*(["int8/mAP50"] if "int8/mAP50" in measured else []), *(metric for figures in few for metric in figures)]


def _is_profile(target: str) -> bool:
    return target.startswith(f"{names.ONNX}.")


def _vendor_place(item: tuple[str, list[str]]) -> tuple[int, str]:
    return target_place(item[0])


def _npu_columns(cells: pd.DataFrame, facts: Mapping[str, TargetFacts]) -> list[str]:
    """The figures of all targets, figure by figure; the share of operators also of a target that gave none at all."""
    found = {metric: npu for metric in measured_metrics(cells) if (npu := names.npu_figure(metric))}
    vendors = [name for name in facts if name not in (names.ONNX, names.INT8)]
    for target in vendors:
        if not any(target == known or known.startswith(f"{target}.") for known, _ in found.values()):
            found[names.npu_metric(target, "op_pct")] = (target, "op_pct")

    def place(metric: str) -> tuple[int, str, tuple[int, str]]:
        target, figure = found[metric]
        order = names.NPU_FIGURES.index(figure) if figure in names.NPU_FIGURES else len(names.NPU_FIGURES)
        return order, figure, target_place(target)

    return sorted(found, key=place)


def _int8_columns(cells: pd.DataFrame, facts: Mapping[str, TargetFacts]) -> list[str]:
    tried = names.INT8 in facts
    return [name for name in INT8 if (tried and name in ALWAYS) or (name in cells and cells[name].notna().any())]


def _with_drops(cells: pd.DataFrame) -> pd.DataFrame:
    frame = cells.copy()
    for drop, (before, after) in DROPS.items():
        if before in cells and after in cells:
            pairs = [(plain(fp32), plain(int8)) for fp32, int8 in zip(cells[before], cells[after], strict=True)]
            frame[drop] = [None if fp32 is None or int8 is None else fp32 - int8 for fp32, int8 in pairs]
    return frame
