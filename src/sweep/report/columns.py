"""What is known of a column: its heading, which way is better, how many digits a reader needs."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal

from sweep.report.texts import load_texts
from sweep.tracking import names
from sweep.tracking.measured import TargetFacts, facts_owner

Better = Literal["up", "down"]

# By the last part of a metric's name. A metric that none of these fits (best/epoch) is neither good nor bad, and so is
# a spread (latency_iqr_ms).
_UP: Final = ("precision", "recall", "mAP50", "mAP50-95", "op_pct", "mac_pct")
_DOWN: Final = ("loss", "_s", "_ms", "_kb", "_mb", "_cycles", "_drop", "params_m", "gflops", "nodes")
_SPREAD: Final = "_iqr_ms"
_DIGITS: Final = {
    names.BEST_EPOCH: 0,
    names.NODES: 0,
    names.TRAIN_TIME: 1,
    names.PARAMS: 3,
    names.GFLOPS: 2,
    "tune/train_s": 1,
    **dict.fromkeys(("tune/best_trial", "tune/trials", "tune/pruned", "tune/failed", "tune/lost", "tune/epochs"), 0),
}
_POINTS: Final = "tune/gain/"  # the beginning of differences in percentage points
_POINT_DIGITS: Final = 2
_DIGITS_BY_END: Final = {"_pct": 2, "_ms": 2, "_kb": 0, "_mb": 2, "_cycles": 0}
_DEFAULT_DIGITS: Final = 4
ESTIMATE: Final = "estimate"


@dataclass(frozen=True)
class Column:
    """A column: its name in the frame, its heading, and for numbers the direction and the digits shown.

    Attributes:
        name: of the value in a row.
        heading: for people.
        better: which way is better; None: neither.
        digits: shown of a number; None: the column holds words.
        signed: its numbers are differences: they carry their sign, and a tiny one may round to zero.
        ends: of an interval, the names of its two values; people read them as one (`0.912–0.951`).
        absent: what a finished cell says that has no value here; None: that it was not measured.
        right: words that line up on the right all the same, as ranks do.
    """

    name: str
    heading: str
    better: Better | None = None
    digits: int | None = None
    signed: bool = False
    ends: tuple[str, str] | None = None
    absent: str | None = None
    right: bool = False

    @property
    def is_number(self) -> bool:
        """Whether the column holds measured numbers (its missing values are said to be missing)."""
        return self.digits is not None


def text_column(name: str) -> Column:
    """Return a column of words (axes, names, states)."""
    headings: dict[str, str] = load_texts()["columns"]
    return Column(name, headings.get(name, name))


def metric_column(name: str, facts: Mapping[str, TargetFacts] | None = None) -> Column:
    """Return a column of a metric. `facts`, by target, name users' targets and tell estimates from counts."""
    signed = name.endswith("_drop") or name.startswith(_POINTS)
    tuning = name.startswith(names.TUNE_PREFIX)  # a cell that was not tuned lacks nothing that somebody could measure
    absent = str(load_texts()["missing"]["none"]) if tuning else None
    return Column(name, heading(name, facts or {}), direction(name), _digits(name), signed=signed, absent=absent)


def interval_column(metric: str) -> Column:
    """Return the column of a metric's 95 % interval, whose ends are metrics of their own."""
    name = interval_name(metric)
    return Column(name, heading(name, {}), digits=_digits(metric), ends=names.INTERVALS[metric])


def interval_name(metric: str) -> str:
    """Return the name of the column of a metric's interval."""
    return f"{metric}_ci"


def with_intervals(metrics: Iterable[Column], present: Collection[str]) -> list[Column]:
    """Return the columns of metrics, each followed by that of its interval where the cells hold its ends."""
    found = []
    for column in metrics:
        found.append(column)
        if any(end in present for end in names.INTERVALS.get(column.name, ())):
            found.append(interval_column(column.name))
    return found


def metric_columns(metrics: Iterable[str], facts: Mapping[str, TargetFacts] | None = None) -> list[Column]:
    """Return a column for each metric; where two headings are the same, each says its metric's name, too."""
    columns = [metric_column(name, facts) for name in metrics]
    count = Counter(column.heading for column in columns)
    return [
        replace(column, heading=f"{column.heading} [{column.name}]") if count[column.heading] > 1 else column
        for column in columns
    ]


def heading(metric: str, facts: Mapping[str, TargetFacts]) -> str:
    """Return the heading of a metric: `mAP50`, `Ethos-U55 latency (ms, est.)`, or its name where nothing is known."""
    texts = load_texts()
    npu = names.npu_figure(metric)
    if metric in texts["columns"] or npu is None:
        return str(texts["columns"].get(metric, metric))
    target, figure = npu
    known = texts["figures"].get(figure)
    owner = facts_owner(metric, facts)
    estimate = owner is not None and kind_of(facts[owner].kinds.get(figure, "")) == ESTIMATE
    unit = [*([known["unit"]] if known and known["unit"] else []), *([texts["estimated"]] if estimate else [])]
    name = known["name"] if known else figure
    return f"{target_title(target, facts)} {name}" + (f" ({', '.join(unit)})" if unit else "")


def target_title(target: str, facts: Mapping[str, TargetFacts]) -> str:
    """Return what people call a target: a short name from the texts, its own title, or its name."""
    texts = load_texts()
    profile = target.removeprefix(f"{names.ONNX}.")
    if profile != target:
        return str(texts["profile"]).format(profile=texts["targets"].get(profile, profile))
    known = facts.get(target)
    return str(texts["targets"].get(target) or (known.title if known else None) or target)


def kind_of(told: str) -> str:
    """Return what a figure is in one word, of what its target tells (`estimate of weights and …`)."""
    found = re.match(r"\w*", told)
    return found[0] if found else ""


def direction(metric: str) -> Better | None:
    """Return which way a metric is better: mAP, recall, NPU shares up; losses, sizes, times, memory, drops down."""
    last = metric.rpartition("/")[2]
    if last in _UP:
        return "up"
    return "down" if last.endswith(_DOWN) and not last.endswith(_SPREAD) else None


def _digits(metric: str) -> int:
    if metric.startswith(_POINTS):
        return _POINT_DIGITS
    by_end = next((digits for end, digits in _DIGITS_BY_END.items() if metric.endswith(end)), _DEFAULT_DIGITS)
    return _DIGITS.get(metric, by_end)
