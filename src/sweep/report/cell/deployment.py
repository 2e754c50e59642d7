"""What the figures say of deployment: INT8 against FP32, size, latency, memory."""

from __future__ import annotations

from typing import Final

from sweep.report.cell.facts import row_of
from sweep.report.cell.grid import Head, grid
from sweep.report.cell.npu import latency, memory, targets
from sweep.report.cell.wording import bold, missing, phrase, shown
from sweep.report.cells import number
from sweep.report.columns import metric_column, target_title
from sweep.report.data import CellData, SweepData
from sweep.report.notes import notes_on
from sweep.report.render import Markdown
from sweep.tracking import names

# Of each file: accuracy, whose difference is told as such, then size and latency, whose difference is told in %.
ACCURACY: Final = ("mAP50", "mAP50-95")
COST: Final = ("size_mb", "latency_ms")
SPREAD: Final = "latency_iqr_ms"
# A change of a few thousandths is what one looks for here.
DIGITS: Final = 4


def int8_table(cell: CellData) -> Markdown | None:
    """Return the FP32 file beside the INT8 file; None where neither was measured."""
    if all(cell.number(metric) is None for metric in (*names.INT8_METRICS, *names.FP32_METRICS)):
        return None
    rows = []
    for figure in (*ACCURACY, *COST):
        before, after = cell.number(f"fp32/{figure}"), cell.number(f"int8/{figure}")
        change = _percent(before, after) if figure in COST else _change(before, after)
        row: list[object] = [bold(phrase(f"deployment.{figure}"))]
        rows.append([*row, _shown(cell, "fp32", figure), _shown(cell, "int8", figure), change or missing(cell)])
    heads = [Head(phrase("deployment.figure"))]
    return grid(
        [*heads, *(Head(phrase(f"deployment.{name}"), right=True) for name in ("fp32", "int8", "change"))], rows
    )


def int8_notes(cell: CellData) -> list[str]:
    """Return how INT8 was made and measured, or why it was not."""
    return list(notes_on(row_of(cell, [names.INT8]), ["int8/mAP50"]))


def target_lines(sweep: SweepData, cell: CellData) -> list[Markdown]:
    """Return latency and memory on each target that states any."""
    lines = []
    for target in targets(sweep):
        told = {"target": target_title(target, cell.facts)}
        time, room = latency(cell, target), memory(cell, target)
        milliseconds = cell.number(names.npu_metric(target, "latency_ms"))
        if time is not None and milliseconds:
            per_second = number(1000 / milliseconds, 0 if milliseconds <= 100 else 1)
            key = "deployment.latency_memory" if room else "deployment.latency"
            lines.append(phrase(key, latency=time, per_second=per_second, memory=room or "", **told))
        elif room is not None:
            lines.append(phrase("deployment.memory", memory=room, **told))
    return lines


def drop(cell: CellData, figure: str = "mAP50") -> float | None:
    """Return FP32 less INT8, in the unit of mAP; positive where INT8 is worse."""
    before, after = cell.number(f"fp32/{figure}"), cell.number(f"int8/{figure}")
    return None if before is None or after is None else before - after


def _shown(cell: CellData, kind: str, figure: str) -> str:
    metric = f"{kind}/{figure}"
    text = shown(cell, cell.number(metric), metric_column(metric).digits or 0)
    spread = cell.number(f"{kind}/{SPREAD}") if figure == "latency_ms" else None
    return text if spread is None else phrase("deployment.spread", latency=text, iqr=number(spread, 2))


def _change(before: float | None, after: float | None) -> str | None:
    return None if before is None or after is None else number(after - before, DIGITS, signed=True)


def _percent(before: float | None, after: float | None) -> str | None:
    if not before or after is None:
        return None
    return f"{number(100 * (after / before - 1), 0, signed=True)}%"
