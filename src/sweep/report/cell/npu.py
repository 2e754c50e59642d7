"""What was measured of the cell on each target, and what its figures are."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from sweep.report.cell.facts import row_of
from sweep.report.cell.grid import Head, grid
from sweep.report.cell.wording import joined, missing, phrase
from sweep.report.cells import number
from sweep.report.columns import ESTIMATE, kind_of, metric_column, target_title
from sweep.report.data import CellData, SweepData
from sweep.report.measurements import facts_by_target, measured_metrics, target_place
from sweep.report.notes import notes_on
from sweep.report.render import Markdown
from sweep.report.texts import load_texts
from sweep.tracking import names
from sweep.tracking.measured import facts_owner

WHOLE: Final = "memory_kb"  # all of it, of whatever kind
MEMORY: Final = ("sram_kb", "flash_kb", "dram_kb", WHOLE)
MAX_FALLBACKS: Final = 8  # operators named that stay off the NPU


@lru_cache(maxsize=2)
def targets(sweep: SweepData) -> tuple[str, ...]:
    """Return the targets that any cell of the sweep was measured on, or should have been; profiles each for itself."""
    found = {npu[0] for metric in measured_metrics(sweep.frame) if (npu := names.npu_figure(metric))}
    found |= {name for name in facts_by_target(sweep.frame) if name not in (names.ONNX, names.INT8)}
    return tuple(sorted(found, key=_vendors_first))


def npu_table(sweep: SweepData, cell: CellData) -> Markdown | None:
    """Return the measured figures, a row a target; None where no cell of the sweep was measured on any."""
    known = targets(sweep)
    if not known:
        return None
    figures = _figures(cell, known)
    texts = load_texts()
    heads = [Head(phrase("npu.target"))]
    for figure in figures:
        told = texts["figures"].get(figure, {"name": figure, "unit": ""})
        name = told["name"][:1].upper() + told["name"][1:]
        heads.append(Head(f"{name} ({told['unit']})" if told["unit"] else name, right=True))
    heads.append(Head(phrase("npu.memory"), right=True))
    rows = []
    for target in known:
        row: list[object] = [target_title(target, cell.facts)]
        row += [_figure(cell, target, figure) for figure in figures]
        rows.append([*row, memory(cell, target) or _gap(cell, target)])
    return grid(heads, rows)


def npu_notes(sweep: SweepData, cell: CellData) -> list[Markdown | str]:
    """Return for each target its compiler, what its figures are and on which input, or why there are none."""
    owners = list(dict.fromkeys(names.ONNX if _is_profile(target) else target for target in targets(sweep)))
    asked = [names.npu_metric(f"{owner}.profile" if owner == names.ONNX else owner, "op_pct") for owner in owners]
    known = {owner: cell.facts[owner].fallbacks for owner in owners if owner in cell.facts}
    fallbacks = [_fallbacks(owner, cell, operators) for owner, operators in known.items() if operators]
    return [*notes_on(row_of(cell, owners), asked), *fallbacks]


def memory(cell: CellData, target: str) -> Markdown | None:
    """Return the memory that a target's compiler states, `SRAM 875 KiB, …`; None where it states none."""
    texts = load_texts()["figures"]
    told = []
    for figure in MEMORY:
        value = cell.number(names.npu_metric(target, figure))
        if value is not None:
            amount = f"{number(value, 0)} {texts[figure]['unit']}"
            name = "" if figure == WHOLE else f"{texts[figure]['name']} "
            told.append(_with_kind(cell, target, figure, name + amount))
    return joined(told) if told else None


def latency(cell: CellData, target: str) -> Markdown | str | None:
    """Return the latency that a target's compiler states, in ms with what it is; None where it states none."""
    value = cell.number(names.npu_metric(target, "latency_ms"))
    return None if value is None else _with_kind(cell, target, "latency_ms", f"{number(value, 2)} ms")


def _figures(cell: CellData, known: tuple[str, ...]) -> list[str]:
    """The share of operators, and every other figure but memory that the cell has of any target."""
    found = {"op_pct"}
    for metric in cell.values:
        npu = names.npu_figure(metric)
        if npu and npu[0] in known and npu[1] not in MEMORY and cell.number(metric) is not None:
            found.add(npu[1])
    order = names.NPU_FIGURES
    return sorted(found, key=lambda figure: (order.index(figure) if figure in order else len(order), figure))


def _figure(cell: CellData, target: str, figure: str) -> str | Markdown:
    metric = names.npu_metric(target, figure)
    value = cell.number(metric)
    if value is not None:
        return _with_kind(cell, target, figure, number(value, metric_column(metric).digits or 0))
    return _gap(cell, target)


def _gap(cell: CellData, target: str) -> str:
    """What stands for a missing figure: of a target that was measured, but does not state it, a dash."""
    measured = any(
        (npu := names.npu_figure(name)) and npu[0] == target and cell.number(name) is not None for name in cell.values
    )
    return "–" if measured else missing(cell)


def _with_kind(cell: CellData, target: str, figure: str, text: str) -> str | Markdown:
    owner = facts_owner(names.npu_metric(target, figure), cell.facts)
    estimate = owner is not None and kind_of(cell.facts[owner].kinds.get(figure, "")) == ESTIMATE
    return phrase("npu.estimate", figure=text, estimated=load_texts()["estimated"]) if estimate else text


def _fallbacks(owner: str, cell: CellData, fallbacks: tuple[str, ...]) -> Markdown:
    told = joined(fallbacks[:MAX_FALLBACKS])
    more = len(fallbacks) - MAX_FALLBACKS
    if more > 0:
        told = phrase("npu.more", operators=told, count=more)
    title = load_texts()["notes"]["onnx_title"] if owner == names.ONNX else target_title(owner, cell.facts)
    return phrase("npu.fallbacks", target=title, operators=told)


def _vendors_first(target: str) -> tuple[bool, tuple[int, str]]:
    return _is_profile(target), target_place(target)


def _is_profile(target: str) -> bool:
    return target.startswith(f"{names.ONNX}.")
