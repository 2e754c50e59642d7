"""Declarative profiles of NPUs: which ONNX operators run there, under which conditions, and who says so."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sweep.errors import Problems, SweepError
from sweep.npu.conditions import Conditions, condition_problems, unmet
from sweep.npu.operators import Operator
from sweep.paths import option_file, option_files, option_names, packaged

GROUP = "npu/profile"
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
# How ONNX spells its own operators; those of others have their domain in front: `com.microsoft.FusedConv`.
OPERATOR = re.compile(r"[A-Z][A-Za-z0-9]*|\w+(\.\w+)+")
KEYS = {"title", "sources", "notes", "supported", "unsupported"}
ENTRY_KEYS = {"as", "source", "where"}
UNKNOWN = "the profile does not know it"


@dataclass(frozen=True)
class Support:
    """That an NPU runs an operator.

    Attributes:
        where: alternatives, of which one has to hold; empty: it always runs.
        source: key of the profile's `sources`.
        vendor: what the vendor's list calls it; empty where that is the same.
    """

    where: tuple[Conditions, ...]
    source: str
    vendor: str = ""


@dataclass(frozen=True)
class Profile:
    """The content of `conf/npu/profile/<name>.yaml`.

    Attributes:
        name: the file's name, and the profile's part of metric names.
        title: what tables call it.
        sources: where the entries come from, by a short name.
        notes: what the profile leaves out.
        supported: what runs on the NPU, by ONNX operator.
        unsupported: why others do not. An operator in neither of both is unknown.
    """

    name: str
    title: str
    sources: Mapping[str, str]
    notes: str
    supported: Mapping[str, Support]
    unsupported: Mapping[str, str]

    def reason_against(self, operator: Operator) -> str | None:
        """Why the NPU does not run an operator; None where it does."""
        if operator.op in self.supported:
            where = self.supported[operator.op].where
            failures = [unmet(operator, conditions) for conditions in where]
            return None if not where or None in failures else "; or ".join(filter(None, failures))
        return self.unsupported.get(operator.op, UNKNOWN)

    def knows(self, op: str) -> bool:
        """Whether the profile says anything about an ONNX operator."""
        return op in self.supported or op in self.unsupported


@dataclass(frozen=True)
class Unsupported:
    """An operator that a profile does not place on the NPU, and why."""

    operator: Operator
    reason: str


@dataclass(frozen=True)
class Placement:
    """What a profile says of a graph.

    Attributes:
        op_pct: operators on the NPU, % of all; None for a graph without operators.
        mac_pct: the same, each weighted with its multiply-accumulates; None for a graph without any.
        unsupported: what is not on the NPU, in the graph's order; what is unknown included.
        unknown: operators that the profile says nothing about, by type, sorted. They count as unsupported.
    """

    op_pct: float | None
    mac_pct: float | None
    unsupported: tuple[Unsupported, ...]
    unknown: tuple[str, ...]


def placement(operators: Sequence[Operator], profile: Profile) -> Placement:
    """Which of the operators a profile places on the NPU."""
    reasons = [(operator, profile.reason_against(operator)) for operator in operators]
    left = tuple(Unsupported(operator, reason) for operator, reason in reasons if reason is not None)
    return Placement(
        op_pct=_share(len(operators) - len(left), len(operators)),
        mac_pct=_share(
            sum(operator.macs for operator, reason in reasons if reason is None),
            sum(operator.macs for operator in operators),
        ),
        unsupported=left,
        unknown=tuple(sorted({operator.op for operator in operators if not profile.knows(operator.op)})),
    )


def _share(part: int, whole: int) -> float | None:
    return 100 * part / whole if whole else None


def load_profiles(names: Sequence[str] | None = None) -> tuple[Profile, ...]:
    """Profiles by name, each once, in that order; all there are when no names are given.

    `./conf/npu/profile/` of the working directory comes before the project's own.

    Raises:
        SweepError: With what is wrong with all of them: names without a file, files that cannot be read or used.
    """
    problems = Problems()
    profiles = []
    for name in dict.fromkeys(option_names(GROUP) if names is None else names):
        with problems:
            profiles.append(_load(name))
    problems.raise_if_any()
    return tuple(profiles)


def profile_files() -> tuple[Path, ...]:
    """The files of all profiles that there are, those of the working directory first."""
    return tuple(option_files(GROUP))


def _load(name: str) -> Profile:
    import yaml

    from sweep.bounded_yaml import read_yaml
    from sweep.overrides import nearest

    path = option_file(GROUP, name)
    if path is None:
        known = option_names(GROUP)
        raise SweepError(
            f"There is no NPU profile `{name}`.{nearest(name, known)} Profiles: {', '.join(known)}. "
            f"One of your own is a file conf/{GROUP}/{name}.yaml."
        )
    try:
        content = read_yaml(path)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise SweepError(f"{path} cannot be read as YAML: {' '.join(str(error).split())}.") from None
    if not isinstance(content, Mapping):
        raise SweepError(f"{path} must have the keys {', '.join(sorted(KEYS))}.")
    problems = _problems(name, content)
    if problems:
        raise SweepError(*(f"{path}: {problem}" for problem in problems))
    first = next(iter(content["sources"]))
    return Profile(
        name=name,
        title=str(content["title"]),
        sources={str(key): " ".join(str(text).split()) for key, text in content["sources"].items()},
        notes=" ".join(str(content.get("notes") or "").split()),
        supported={op: _support(entry or {}, first) for op, entry in content["supported"].items()},
        unsupported={op: str(reason) for op, reason in (content.get("unsupported") or {}).items()},
    )


def _support(entry: Mapping[str, Any], first: str) -> Support:
    where = entry.get("where") or ()
    return Support(
        where=(where,) if isinstance(where, Mapping) else tuple(where),
        source=str(entry.get("source", first)),
        vendor=str(entry.get("as", "")),
    )


def _problems(name: str, content: Mapping[str, Any]) -> list[str]:
    from sweep.overrides import nearest

    problems = (
        [] if NAME.fullmatch(name) else ["the file's name must be letters, digits, - and _: it is in metric names."]
    )
    problems += [
        f"there is no key `{key}`.{nearest(str(key), sorted(KEYS))} Keys: {', '.join(sorted(KEYS))}."
        for key in content
        if key not in KEYS
    ]
    if not isinstance(content.get("title"), str):
        problems.append("`title` must say what tables call the NPU.")
    sources = content.get("sources")
    if not isinstance(sources, Mapping) or not sources or not all(sources.values()):
        problems.append("`sources` must say where the entries come from, by a short name: {vendor: https://…}.")
        sources = {}
    supported, unsupported = content.get("supported"), content.get("unsupported") or {}
    if not isinstance(supported, Mapping) or not supported:
        problems.append("`supported` must hold ONNX operators, such as Conv: {}.")
        supported = {}
    if not isinstance(unsupported, Mapping) or not all(isinstance(reason, str) for reason in unsupported.values()):
        problems.append("`unsupported` must hold a reason for each ONNX operator, such as Div: not in the list.")
        unsupported = {}
    problems += [f"{op} is both in `supported` and in `unsupported`." for op in supported if op in unsupported]
    problems += [
        f"`{op}` cannot be an ONNX operator.{_right_case(str(op))} Operators are spelled as in ONNX: Conv, LeakyRelu."
        for op in (*supported, *unsupported)
        if not isinstance(op, str) or not OPERATOR.fullmatch(op)
    ]
    for op, entry in supported.items():
        problems += [f"supported.{op}: {problem}" for problem in _entry_problems(entry, sources)]
    return problems


def _right_case(op: str) -> str:
    """` Did you mean …?` for an operator that one of the project's own profiles spells otherwise."""
    import yaml

    from sweep.overrides import nearest

    known: dict[str, str] = {}
    for path in sorted((packaged("conf") / GROUP).glob("*.yaml")):
        content = yaml.safe_load(path.read_text("utf-8"))
        known |= {name.lower(): name for key in ("supported", "unsupported") for name in content.get(key) or ()}
    bare = re.sub(r"\W|_", "", op).lower()
    return nearest(known.get(bare, op), sorted(known.values()))


def _entry_problems(entry: object, sources: Mapping[str, Any]) -> list[str]:
    from sweep.overrides import nearest

    if entry is None:
        return []
    if not isinstance(entry, Mapping):
        return [f"it is {entry!r}; it must be {{}} or hold {', '.join(sorted(ENTRY_KEYS))}."]
    problems = [
        f"there is no key `{key}`.{nearest(str(key), sorted(ENTRY_KEYS))} Keys: {', '.join(sorted(ENTRY_KEYS))}."
        for key in entry
        if key not in ENTRY_KEYS
    ]
    source = entry.get("source")
    if source is not None and sources and source not in sources:
        known = [str(key) for key in sources]
        problems.append(f"source `{source}` is not in `sources`.{nearest(str(source), known)}")
    where = entry.get("where") or {}
    for conditions in where if isinstance(where, list) else [where]:
        problems += condition_problems(conditions)
    return problems
