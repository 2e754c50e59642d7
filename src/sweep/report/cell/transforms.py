"""What the cell's level changed in its base, as its run keeps it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from sweep.report.cell.grid import Head, grid
from sweep.report.cell.wording import joined, phrase
from sweep.report.render import Markdown
from sweep.report.texts import load_texts

if TYPE_CHECKING:
    from sweep.architecture.summary import NetworkFacts, Summary, TransformFacts

MAX_PARAMETERS: Final = 160  # characters


def change_lines(summary: Summary) -> list[Markdown]:
    """Return a sentence for each transform that changed something, in order."""
    lines = [_line(change) for change in summary.changes if change.count]
    if summary.left_out:
        lines.append(phrase("changes.left_out", count=summary.left_out))
    return lines


def without_effect(summary: Summary) -> list[Markdown]:
    """Return what the level checks, and which of its steps found nothing to change in this base."""
    checks = [_line(change) for change in summary.changes if change.transform == "forbid"]
    idle = [_name(it) for it in summary.changes if not it.count and it.transform != "forbid"]
    return [*checks, *([phrase("changes.idle", steps=joined(dict.fromkeys(idle)))] if idle else [])]


def network_table(summary: Summary) -> Markdown:
    """Return layers, attention, DFL bins, activation and the number of each block, in the base and in this model."""
    before, after = summary.before, summary.after
    rows = [[phrase(f"changes.{name}"), *_pair(one, other)] for name, one, other in _totals(before, after)]
    rows.append([phrase("changes.activation"), before.activation, after.activation, ""])
    for block in dict.fromkeys((*before.blocks, *after.blocks)):
        name = phrase("changes.block", block=block)
        rows.append([name, *_pair(before.blocks.get(block, 0), after.blocks.get(block, 0))])
    heads = [Head(phrase("changes.what")), *(Head(phrase(f"changes.{name}"), right=True) for name in _COLUMNS)]
    return grid(heads, rows)


_COLUMNS: Final = ("before", "after", "difference")


def _totals(before: NetworkFacts, after: NetworkFacts) -> list[tuple[str, int, int]]:
    return [
        ("layers", before.layers, after.layers),
        ("backbone", before.backbone, after.backbone),
        ("head", before.layers - before.backbone, after.layers - after.backbone),
        ("attention", before.attention, after.attention),
        ("reg_max", before.reg_max, after.reg_max),
    ]


def _pair(before: int, after: int) -> tuple[str, str, str]:
    change = after - before
    return str(before), str(after), "" if not change else f"{'+' if change > 0 else '−'}{abs(change)}"


def _line(change: TransformFacts) -> Markdown:
    known: dict[str, str] = load_texts("cell")["transforms"]
    parameters = change.parameters
    values: dict[str, Any] = {
        "transform": change.transform,
        "count": change.count,
        "layers": _layers(change),
        "module": parameters.get("module", "?"),
        "by": parameters.get("by", "?"),
        "after": parameters.get("after", "?"),
        "where": _where(parameters),
        "bins": parameters.get("bins", "?"),
        "widths": _listed(parameters.get("widths", "?")),
        "parameters": _parameters(parameters),
        "promises": _promises(parameters),
    }
    return phrase(f"transforms.{change.transform if change.transform in known else 'other'}", **values)


def _name(change: TransformFacts) -> str:
    parameters = _parameters(change.parameters)
    return f"{change.transform} ({parameters})" if parameters else change.transform


def _layers(change: TransformFacts) -> str | Markdown:
    told = ", ".join(map(str, change.layers))
    return phrase("changes.more_layers", layers=told) if change.count > len(change.layers) else told


def _where(parameters: Mapping[str, Any]) -> str | Markdown:
    where = str(parameters.get("where", "all"))
    return phrase(f"changes.where.{where}") if where in load_texts("cell")["changes"]["where"] else where


def _promises(parameters: Mapping[str, Any]) -> Markdown:
    """What a `forbid` refuses, in words."""
    told: list[object] = [
        phrase(f"changes.{name}") for name in ("no_attention", "no_end2end") if _asked(parameters, name)
    ]
    modules = parameters.get("modules")
    told += list(modules) if isinstance(modules, list | tuple) else []
    return joined(told)


def _asked(parameters: Mapping[str, Any], promise: str) -> bool:
    return bool(parameters.get(promise.removeprefix("no_")))


def _parameters(parameters: Mapping[str, Any]) -> str:
    told = ", ".join(f"{name}={_listed(value)}" for name, value in parameters.items())
    return told if len(told) <= MAX_PARAMETERS else told[: MAX_PARAMETERS - 1] + "…"


def _listed(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return (
        value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
    )
