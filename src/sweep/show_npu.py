"""What the verbs of `python -m sweep npu` print, and what a sweep says of targets that were not measured."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from sweep.tracking.measured import MISSING, facts_owner
from sweep.tracking.names import GFLOPS, NODES, npu_figure

if TYPE_CHECKING:
    from sweep.assess import Assessment
    from sweep.npu.targets import Target

ORDER = ("model/", "best/", "int8/", "fp32/", "npu/onnx", "npu/")


def print_assessment(console: Console, assessment: Assessment) -> None:
    """The figures of a model with what each of them is, and below it what was not measured."""
    from sweep.report.cells import number
    from sweep.report.columns import metric_column

    data = f"data {assessment.data}" if assessment.data else "no data: INT8 calibrated on noise, accuracy not measured"
    table = Table(title=f"{assessment.model.name} at {assessment.imgsz} px, {data}", title_justify="left")
    table.add_column("figure", overflow="fold")
    table.add_column("value", justify="right")
    table.add_column("what it is", overflow="fold")
    for name in sorted(assessment.metrics, key=_place):
        column = metric_column(name)
        value = number(assessment.metrics[name], column.digits or 0)
        table.add_row(Text(column.heading), value, Text(_what(name, assessment.facts)))
    console.print(table)
    for name, facts in assessment.facts.items():
        fallbacks = facts.get("fallbacks") or []
        if fallbacks:
            title = facts.get("title", name)
            console.print(Text(f"{title}: not on the NPU: {', '.join(fallbacks)}", style="yellow"), soft_wrap=True)
    print_unmeasured(
        console,
        {name: (facts["state"], facts["reason"]) for name, facts in assessment.facts.items() if facts["reason"]},
    )
    console.print(f"Files: {assessment.folder}", soft_wrap=True, markup=False)


def print_targets(console: Console, targets: Iterable[Target]) -> None:
    """Every target of `conf/npu/` with its compiler, or the line that installs it."""
    table = Table(title="Targets of npu=[…] and --target", title_justify="left")
    for heading in ("target", "measures", "compiler"):
        table.add_column(heading, overflow="fold")
    for target in targets:
        version = target.version()
        compiler = str(target.options["compiler"])
        state = f"not installed: {target.install}" if version is None else f"{compiler} {version}".strip()
        table.add_row(target.name, Text(target.title), Text(state, style="yellow" if version is None else "green"))
    console.print(table)


def print_unmeasured(console: Console, targets: Mapping[str, tuple[str, str]]) -> None:
    """What was not measured: by target its state (missing or failed) and the reason."""
    for name, (state, reason) in targets.items():
        style = "yellow" if state == MISSING else "red"
        console.print(Text(f"{name} not measured: {reason}", style=style), soft_wrap=True)


def _place(name: str) -> int:
    return next((place for place, prefix in enumerate(ORDER) if name.startswith(prefix)), len(ORDER))


def _what(name: str, facts: Mapping[str, Mapping[str, Any]]) -> str:
    """Where a figure comes from: `estimate, Vela 5.2.0 (accelerator ethos-u55-256), without decode`."""
    last = name.rpartition("/")[2]
    owner = facts_owner(name, facts)
    known = facts[owner] if owner else {}
    if npu_figure(name):
        said = [known.get("kinds", {}).get(last), known.get("compiler")]
        said += [f"{known.get('imgsz')} px", "decode in the graph" if known.get("decode") else "without decode"]
        return ", ".join(str(part) for part in said if part)
    if last.startswith("latency"):
        return f"this machine, onnxruntime, {known.get('runs')} runs of one picture, one thread"
    if name.startswith("int8/") and "quantizer" in known:
        return f"{known['quantizer']}, {known['calibration_images']} calibration pictures"
    return {GFLOPS: "at 640 px", NODES: "ONNX export with decode"}.get(name, "")
