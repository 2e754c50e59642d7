"""What is known of a column: which way is better, how many digits a reader needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from sweep.report.texts import load_texts
from sweep.tracking import names

Better = Literal["up", "down"]

# By the last part of a metric's name. A metric that none of these fits (best/epoch) is neither good nor bad.
_UP: Final = ("precision", "recall", "mAP50", "mAP50-95", "op_pct", "mac_pct")
_DOWN: Final = ("loss", "_s", "_ms", "_kb", "_mb", "params_m", "gflops", "nodes")
_DIGITS: Final = {names.BEST_EPOCH: 0, names.NODES: 0, names.TRAIN_TIME: 1, names.PARAMS: 3, names.GFLOPS: 2}
_DEFAULT_DIGITS: Final = 4


@dataclass(frozen=True)
class Column:
    """A column: its name in the frame, its heading, and for numbers the direction and the digits shown."""

    name: str
    heading: str
    better: Better | None = None
    digits: int | None = None

    @property
    def is_number(self) -> bool:
        """Whether the column holds measured numbers (its missing values are said to be missing)."""
        return self.digits is not None


def text_column(name: str) -> Column:
    """Return a column of words (axes, names, states)."""
    headings: dict[str, str] = load_texts()["columns"]
    return Column(name, headings.get(name, name))


def metric_column(name: str) -> Column:
    """Return a column of a metric."""
    headings: dict[str, str] = load_texts()["columns"]
    return Column(name, headings.get(name, name), direction(name), _DIGITS.get(name, _DEFAULT_DIGITS))


def direction(metric: str) -> Better | None:
    """Return which way a metric is better: mAP, recall, NPU shares up; losses, sizes, times down."""
    last = metric.rpartition("/")[2]
    if last in _UP:
        return "up"
    return "down" if last.endswith(_DOWN) else None
