"""What a report is made with: its languages, what ranks the cells, and what a recommended cell must meet."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

from sweep.errors import SweepError

METRICS: Final = ("mAP50", "mAP50-95")


@dataclass(frozen=True)
class Require:
    """What a cell must meet to be recommended; None asks for nothing.

    Attributes:
        target: the target whose placement and latency count; None: the first that was measured.
        npu_pct: at least that share of the operators on the NPU, in %.
        latency_ms: at most, as the target's compiler states it.
        size_mb: at most, of the INT8 file.
    """

    target: str | None = None
    npu_pct: float | None = None
    latency_ms: float | None = None
    size_mb: float | None = None


@dataclass(frozen=True)
class ReportSettings:
    """The settings of `conf/report/`. `register` is a name in MLflow's model registry, or None."""

    lang: tuple[str, ...] = ("ko", "en")
    metric: str = METRICS[0]
    require: Require = Require()
    register: str | None = None

    @property
    def ranked_by(self) -> str:
        """The metric that ranks the cells, by its MLflow name."""
        return f"best/{self.metric}"

    def as_text(self) -> str:
        """Return the settings as the JSON of the sweep's tag."""
        return json.dumps(asdict(self), ensure_ascii=False)


@cache
def languages() -> tuple[str, ...]:
    """Return the languages that have texts: adding one is adding a folder."""
    folders = (place for place in files("sweep").joinpath("report", "texts").iterdir() if place.is_dir())
    return tuple(sorted(place.name for place in folders if place.joinpath("tables.yaml").is_file()))


def settings_of(text: str | None) -> ReportSettings:
    """Return the settings that a sweep's tag holds; the defaults where it has none, or one that cannot be read."""
    try:
        content = json.loads(text or "{}")
        return read_report_settings(content if isinstance(content, Mapping) else {})
    except (ValueError, SweepError):
        return ReportSettings()


def read_report_settings(content: Mapping[str, Any]) -> ReportSettings:
    """Return the settings that the config's `report` group describes; what it leaves out is as by default.

    Raises:
        SweepError: With every problem found.
    """
    problems: list[str] = []
    known = {"name", "lang", "metric", "require", "register"}
    problems += [f"report.{key} is unknown. Known: {', '.join(sorted(known))}." for key in content if key not in known]
    asked = content.get("lang", ["ko", "en"])
    lang = tuple(dict.fromkeys(map(str, asked if isinstance(asked, list | tuple) else [asked])))
    wrong = [name for name in lang if name not in languages()]
    if wrong or not lang:
        named = ", ".join(wrong) or "nothing"
        problems.append(f"report.lang names {named}. There are: {', '.join(languages())}; such as report.lang=[ko,en].")
    metric = str(content.get("metric", METRICS[0]))
    if metric not in METRICS:
        problems.append(f"report.metric={metric} is unknown. Choices: {', '.join(METRICS)}.")
    register = content.get("register")
    if register is not None and not str(register).strip():
        problems.append("report.register must be a name in MLflow's model registry, or null.")
    require = _require(content.get("require") or {}, problems)
    if problems:
        raise SweepError(*problems)
    return ReportSettings(lang, metric, require, None if register is None else str(register).strip())


def _require(content: Any, problems: list[str]) -> Require:
    known = ("target", "npu_pct", "latency_ms", "size_mb")
    if not isinstance(content, Mapping):
        problems.append(f"report.require={content} must be a mapping of {', '.join(known)}.")
        return Require()
    problems += [f"report.require.{key} is unknown. Known: {', '.join(known)}." for key in content if key not in known]
    numbers: dict[str, float | None] = {}
    for key, most in (("npu_pct", 100.0), ("latency_ms", math.inf), ("size_mb", math.inf)):
        value = content.get(key)
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if value is not None and not (number and 0 < float(value) <= most):
            limit = f"above 0, up to {most:.0f}" if math.isfinite(most) else "above 0"
            problems.append(f"report.require.{key}={value} must be a number {limit}, or null.")
        numbers[key] = float(value) if number and value is not None else None
    target = content.get("target")
    return Require(None if target is None else str(target), **numbers)
