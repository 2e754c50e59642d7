"""What stands below a table: what its measured figures are, and why some are missing. A sentence for each target."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from sweep.report.axes import plain, word
from sweep.report.columns import target_title
from sweep.report.compare import FINISHED
from sweep.report.measurements import facts_by_target, facts_of_rows, measured_metrics, target_place
from sweep.report.texts import load_texts
from sweep.tracking import names
from sweep.tracking.measured import MEASURED, UNREADABLE, TargetFacts, facts_owner

if TYPE_CHECKING:
    import pandas as pd

MAX_CELLS = 10  # names of cells in one sentence
MAX_VARIANTS = 6  # sentences about one target
MAX_OPTIONS = 300  # characters
MAX_REASON = 500  # characters
# Of a target's file, or of what came out of its compiler, but nothing that the compiler is told.
_NO_OPTION: Final = ("title", "compiler", "timeout_s", "file_kb")


def notes_on(cells: pd.DataFrame, metrics: Collection[str] | None = None) -> tuple[str, ...]:
    """Return the notes on the targets of these metrics; on all that was measured, or tried, without `metrics`.

    Where cells of one sweep were measured in different ways, each way is told with its cells.
    """
    known = facts_by_target(cells)
    shown = [name for name in (metrics if metrics is not None else measured_metrics(cells)) if names.is_measured(name)]
    owners = {owner for metric in shown if (owner := facts_owner(metric, known) or _unowned(metric))}
    wanted = owners | (set(known) if metrics is None else set())
    rows = [
        (word(plain(row.get("cell"))), facts, _measured_here(row, shown))
        for row, facts in zip(cells.to_dict("records"), facts_of_rows(cells), strict=True)
        if row.get("status") == FINISHED
    ]
    notes: list[str] = []
    for target in sorted(wanted, key=target_place):
        ways: dict[str, list[str]] = {}
        for cell, facts, figures in rows:
            has_figures = any((facts_owner(metric, known) or _unowned(metric)) == target for metric in figures)
            ways.setdefault(_way(target, facts.get(target), has_figures), []).append(cell)
        notes += _listed(_title(target, known), ways)
    if metrics is None and any(name.startswith("int8/mAP50") for name in shown):
        notes.append(load_texts()["notes"]["drop"])
    return tuple(notes)


def _title(target: str, known: Mapping[str, TargetFacts]) -> str:
    texts: dict[str, str] = load_texts()["notes"]
    own = {names.INT8: texts["int8_title"], names.ONNX: texts["onnx_title"]}
    title = own.get(target) or target_title(target, known)
    return title if target == title or target in own else f"{title} ({target})"


def _listed(title: str, ways: Mapping[str, Sequence[str]]) -> list[str]:
    """A sentence for each way in which a target was measured, with the cells where they are not all."""
    texts: dict[str, str] = load_texts()["notes"]
    lines = []
    for way, cells in list(ways.items())[:MAX_VARIANTS]:
        where = ", ".join(cells[:MAX_CELLS])
        if len(cells) > MAX_CELLS:
            where = texts["more_cells"].format(cells=where, count=len(cells) - MAX_CELLS)
        several = texts["in_cells"].format(title=title, way=way, cells=where)
        lines.append(several if len(ways) > 1 else f"{title}: {way}")
    if len(ways) > MAX_VARIANTS:
        lines.append(texts["more_ways"].format(title=title, count=len(ways) - MAX_VARIANTS))
    return lines


def _way(target: str, facts: TargetFacts | None, has_figures: bool) -> str:
    """How a target was measured in a cell, or why it was not."""
    texts: dict[str, str] = load_texts()["notes"]
    if facts is None or facts.state == UNREADABLE:
        if has_figures:
            return texts["unknown"]
        asked = "" if target in (names.INT8, names.ONNX) else f" --target {target}"
        return texts["never"].format(target=asked)
    if facts.state != MEASURED:
        return texts["not_measured"].format(reason=_cut(facts.reason or texts["no_reason"], MAX_REASON))
    return "; ".join(part for part in _parts(target, facts) if part)


def _parts(target: str, facts: TargetFacts) -> list[str]:
    texts: dict[str, str] = load_texts()["notes"]
    decode = {True: texts["with_decode"], False: texts["without_decode"], None: ""}[facts.decode]
    imgsz = texts["imgsz"].format(imgsz=facts.imgsz) if facts.imgsz is not None else ""
    if target != names.INT8:
        title = facts.title if facts.title != target_title(target, {}) and target != names.ONNX else ""
        return [facts.compiler or "", title or "", _kinds(facts.kinds), _options(facts.options), imgsz, decode]
    images, runs, threads = facts.calibration_images, facts.runs, facts.threads
    return [
        facts.compiler or "",
        _options(facts.options),
        texts["calibrated"].format(images=images) if images is not None else "",
        imgsz,
        decode,
        texts["latency"].format(runs=runs, threads=threads) if runs is not None and threads is not None else "",
    ]


def _kinds(kinds: Mapping[str, str]) -> str:
    """`latency, SRAM: estimate; ops: count`."""
    texts = load_texts()
    by_kind: dict[str, list[str]] = {}
    for figure in (*names.NPU_FIGURES, *(name for name in sorted(kinds) if name not in names.NPU_FIGURES)):
        if figure in kinds:
            by_kind.setdefault(kinds[figure], []).append(str(texts["figures"].get(figure, {}).get("name", figure)))
    return "; ".join(f"{', '.join(figures)}: {texts['kinds'].get(kind, kind)}" for kind, figures in by_kind.items())


def _options(options: Mapping[str, Any]) -> str:
    told = {name: value for name, value in options.items() if name not in _NO_OPTION and value not in (None, "")}
    return _cut(", ".join(f"{name}={_value(value)}" for name, value in told.items()), MAX_OPTIONS)


def _value(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _cut(text: str, limit: int) -> str:
    """The text on one line; of a long one its head and its end, where the fix is."""
    line = " ".join(text.split())
    half = limit // 2
    return line if len(line) <= limit else f"{line[:half]} … {line[-half:]}"


def _unowned(metric: str) -> str | None:
    """The target of a figure whose run does not say what it is."""
    npu = names.npu_figure(metric)
    if npu is None:
        return names.INT8
    return names.ONNX if npu[0].startswith(f"{names.ONNX}.") else npu[0]


def _measured_here(row: Mapping[Any, Any], metrics: Sequence[str]) -> list[str]:
    return [metric for metric in metrics if plain(row.get(metric)) is not None]
