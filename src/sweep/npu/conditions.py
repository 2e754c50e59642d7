"""Conditions of a profile on an operator: read from YAML, and what is wrong with an operator that does not meet them.

`{stride: {min: 1, max: 3}}` every stride in the range · `{scale: [2, 4, 8]}` every scale one of these ·
`{perm: [[0, 2, 1, 3]]}` the whole order one of these · `{mode: nearest}` exactly this ·
`{constant_inputs: [1]}` the values of these inputs, counted from 0, are stored in the graph.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sweep.npu.facts import FACTS
from sweep.npu.operators import Operator

CONSTANT_INPUTS = "constant_inputs"
FLAGS = {"depthwise", "padded", "counts_padding", "transposed"}
TEXTS = {"mode", "coordinates", "type"}  # all other facts are numbers
RANGE = {"min", "max"}

Conditions = Mapping[str, Any]


def condition_problems(conditions: object) -> list[str]:
    """What cannot be a set of conditions, as sentences without their place."""
    from sweep.overrides import nearest

    if not isinstance(conditions, Mapping):
        return [f"`where` is {conditions!r}; it must be conditions by name, such as {{stride: {{max: 3}}}}."]
    known = sorted([*FACTS, CONSTANT_INPUTS])
    problems = []
    for name, wanted in conditions.items():
        if name not in known:
            problems.append(
                f"there is no condition `{name}`.{nearest(str(name), known)} Conditions: {', '.join(known)}."
            )
        elif name == CONSTANT_INPUTS:
            if not isinstance(wanted, list) or not all(_is_number(index, int) and index >= 0 for index in wanted):
                problems.append(f"{name} must be a list of numbers of inputs, counted from 0, such as [1].")
        elif isinstance(wanted, Mapping) and name not in FLAGS | TEXTS:
            if not wanted or set(wanted) - RANGE or not all(_is_number(bound) for bound in wanted.values()):
                problems.append(f"{name} is {dict(wanted)}; a range has min, max or both, and both are numbers.")
        elif wanted is None or wanted == []:
            problems.append(f"{name} has no value.")
        elif not all(_is_of_kind(name, value) for value in _choices(wanted)):
            form = (
                "true or false" if name in FLAGS else "a text" if name in TEXTS else "a number, a range {min: , max: }"
            )
            problems.append(f"{name} is {wanted!r}; it must be {form}, or a list of what it may be.")
    return problems


def _choices(wanted: Any) -> Sequence[Any]:
    """All values of a condition that is no range: it may be one, a list, or a list of lists that hold whole orders."""
    if not isinstance(wanted, list):
        return [wanted]
    if all(isinstance(choice, list) and choice for choice in wanted):
        return [value for choice in wanted for value in choice]
    return wanted


def _is_of_kind(name: str, value: object) -> bool:
    return isinstance(value, bool if name in FLAGS else str) if name in FLAGS | TEXTS else _is_number(value)


def unmet(operator: Operator, conditions: Conditions) -> str | None:
    """Why an operator does not meet conditions (`scale (3.0, 3.0) is not 2, 4 or 8`); None where it meets all.

    A condition on something that is unknown is not met.
    """
    for name, wanted in conditions.items():
        if name == CONSTANT_INPUTS:
            computed = [index for index in wanted if index < len(operator.constant) and not operator.constant[index]]
            if computed:
                return f"input {computed[0]} is not a constant"
        elif name not in operator.attributes:
            return f"{name} is unknown"
        elif not _holds(operator.attributes[name], wanted):
            return f"{name} {_shown(operator.attributes[name])} is not {_described(wanted)}"
    return None


def _holds(value: Any, wanted: Any) -> bool:
    if isinstance(wanted, Mapping):
        low, high = wanted.get("min", float("-inf")), wanted.get("max", float("inf"))
        return all(low <= item <= high for item in _items(value))
    if isinstance(wanted, list):
        if any(isinstance(choice, list) for choice in wanted):
            return list(_items(value)) in wanted
        return all(item in wanted for item in _items(value))
    return all(item == wanted for item in _items(value))


def _items(value: Any) -> Sequence[Any]:
    return value if isinstance(value, tuple) else (value,)


def _is_number(value: object, kind: type | tuple[type, ...] = (int, float)) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool)


def _described(wanted: Any) -> str:
    match wanted:
        case {"min": low, "max": high}:
            return f"between {low} and {high}"
        case {"min": low}:
            return f"at least {low}"
        case {"max": high}:
            return f"at most {high}"
        case list():
            *first, last = map(_shown, wanted)
            return f"{', '.join(first)} or {last}" if first else last
        case _:
            return _shown(wanted)


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}"
    return "×".join(map(_shown, value)) if isinstance(value, tuple | list) else str(value)
