"""The report of one cell: every part of it, put into the template."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

from sweep.architecture.summary import read_summary
from sweep.report.cell import (
    classes,
    comparison,
    conclusion,
    deployment,
    final,
    findings,
    npu,
    setup,
    training,
    transforms,
    tuning,
)
from sweep.report.cell.facts import level_title, recipe, title
from sweep.report.cell.images import placed
from sweep.report.cell.metadata import metadata
from sweep.report.cell.wording import PART, label, missing, phrase
from sweep.report.cells import number
from sweep.report.data import CellData, SweepData
from sweep.report.render import Markdown, fenced, render
from sweep.report.texts import load_texts
from sweep.tracking import names
from sweep.tracking.links import LOCAL_UI

TEMPLATE: Final = "cell.md.j2"
# A time is told in minutes up to two hours, as the reports that this one replaces do (4148.75 s: 69 min).
MINUTES_UNTIL_S: Final = 7200.0


def cell_report(sweep: SweepData, cell: CellData, figures: Mapping[str, str]) -> Markdown:
    """Return the report of a cell in the language that is spoken; of one that did not finish a short one.

    Args:
        sweep: What the cell is compared with.
        cell: One of `sweep.cells`.
        figures: Captions of the cell's figures by their paths relative to the report (`figures/curves.ko.png`).
    """
    context = _head(cell) | _training(sweep, cell) | {"images": placed(figures), "cell": cell}
    context |= {"tuning": tuning.tuning(cell)}
    context |= _measured(sweep, cell) if cell.finished else _unfinished(sweep, cell)
    return render(TEMPLATE, PART, **context)


def _head(cell: CellData) -> dict[str, Any]:
    return {
        "title": title(cell),
        "architecture": _architecture(cell),
        "epochs": recipe(cell, "epochs") or phrase("unknown"),
        "batch": recipe(cell, "batch") or phrase("unknown"),
        "ended": _moment(cell.ended) or phrase("unknown"),
        "duration": _duration(cell.number(names.TRAIN_TIME)) or (missing(cell) if cell.finished else None),
        "link": None if cell.link is None else Markdown(quote(cell.link, safe="/:#?&=%[]@!$',;+~.-_")),
        "local": cell.link is not None and cell.link.startswith(LOCAL_UI),
    }


def _training(sweep: SweepData, cell: CellData) -> dict[str, Any]:
    return {
        "final_table": final.final_table(cell),
        "model_lines": setup.model_lines(cell),
        "parameter_table": setup.parameter_table(cell),
        "other_parameters": setup.other_parameters(cell),
        "progress_lines": training.progress_lines(sweep, cell),
        "loss_table": training.loss_table(cell),
        "metadata": metadata(sweep, cell),
    }


def _measured(sweep: SweepData, cell: CellData) -> dict[str, Any]:
    """The parts of a finished cell's report."""
    found = findings.findings(sweep, cell)
    told = {axis: comparison.peers(sweep, cell, axis) for axis in ("level", "act")}
    summary = read_summary(cell.tags.get(names.ARCHITECTURE))
    return {
        "final_notes": final.final_notes(cell),
        "summary": summary,
        "change_lines": transforms.change_lines(summary) if summary else [],
        "idle_lines": transforms.without_effect(summary) if summary else [],
        "network_table": transforms.network_table(summary) if summary else None,
        "npu_table": npu.npu_table(sweep, cell),
        "npu_notes": npu.npu_notes(sweep, cell),
        "comparisons": [
            {
                "axis": axis,
                "table": None if it is None else comparison.peers_table(sweep, cell, it),
                "notes": [] if it is None else comparison.peers_notes(sweep, it),
            }
            for axis, it in told.items()
        ],
        "strengths": [it.sentence() for it in found if it.good],
        "weaknesses": [it.sentence() for it in found if not it.good],
        "class_table": classes.class_table(cell),
        "class_notes": classes.class_notes(cell),
        "int8_table": deployment.int8_table(cell),
        "int8_notes": deployment.int8_notes(cell),
        "target_lines": deployment.target_lines(sweep, cell),
        "conclusion": conclusion.conclusion(sweep, cell),
        "recommendation": conclusion.recommendation(sweep, cell),
    }


def _unfinished(sweep: SweepData, cell: CellData) -> dict[str, Any]:
    """The parts of the report of a cell that failed, was killed or never began."""
    states: dict[str, str] = load_texts(PART)["states"]
    return {
        "state": phrase(f"states.{cell.status if cell.status in states else 'other'}", status=cell.status),
        "reason": fenced(cell.reason, "text") if cell.reason and cell.reason.strip() else None,
        "command": fenced(sweep.command, "sh") if sweep.command.strip() else None,
        "has_figures": any("/" in name and cell.number(name) is not None for name in cell.values),
    }


def _architecture(cell: CellData) -> Markdown:
    base, level, act = cell.text("base"), cell.text("level"), cell.text("act")
    told = level_title(cell)
    values = {
        "base": base or phrase("unknown"),
        "level": level or phrase("unknown"),
        "act": label("acts", act) if act else phrase("unknown"),
    }
    return (
        phrase("head.architecture", **values)
        if told is None
        else phrase("head.architecture_titled", title=told, **values)
    )


def _duration(seconds: float | None) -> Markdown | None:
    """A time as people say it: `4148.75 s (about 69 min)`."""
    if seconds is None:
        return None
    exact = number(seconds, 2)
    if seconds < 60:
        return phrase("head.seconds", seconds=exact)
    if seconds < MINUTES_UNTIL_S:
        return phrase("head.minutes", seconds=exact, minutes=number(seconds / 60, 0))
    minutes = round(min(seconds, 1e12) / 60)
    return phrase("head.hours", seconds=exact, hours=minutes // 60, minutes=minutes % 60)


def _moment(when: datetime | None) -> str | None:
    return None if when is None else f"{when:%Y-%m-%d %H:%M} UTC"
