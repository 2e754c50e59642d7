"""Apply the transforms that a level lists, and say what they changed."""

from __future__ import annotations

import functools
import inspect
import types
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Union, get_args, get_origin, get_type_hints

from sweep.architecture.layers import Network
from sweep.architecture.names import did_you_mean
from sweep.architecture.transforms import TRANSFORMS, Transform
from sweep.errors import SweepError


@dataclass(frozen=True)
class Change:
    """What one transform did. `layers` are positions in the network that the transform was given."""

    transform: str
    parameters: Mapping[str, Any]
    layers: tuple[int, ...]

    def __str__(self) -> str:
        values = ", ".join(f"{name}={value}" for name, value in self.parameters.items())
        where = f"layers {', '.join(map(str, self.layers))}" if self.layers else "nothing"
        return f"{self.transform}({values}): {where}"


def apply_level(level: Mapping[str, Any], network: Network) -> tuple[Network, tuple[Change, ...]]:
    """Apply the level's transforms in order.

    Args:
        level: content of `conf/levels/<name>.yaml`; of it `name` and `transforms` are read.
        network: the base, left as it is.

    Raises:
        SweepError: unknown transforms and parameters, all at once; or a transform that does not fit this
            network.
    """
    name = level.get("name", "?")
    steps = read_transforms(level)
    changes = []
    for position, (transform, parameters) in enumerate(steps, start=1):
        try:
            network, layers = TRANSFORMS[transform](network, **parameters)
        except SweepError as error:
            place = f"Level {name}, transform {position} ({transform})"
            raise SweepError(*(f"{place}: {problem}" for problem in error.problems)) from None
        changes.append(Change(transform, parameters, layers))
    return network, tuple(changes)


def read_transforms(level: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """The level's transforms as (name, parameters), checked against the registry and the functions'
    signatures.
    """
    name = level.get("name", "?")
    transforms = level.get("transforms") or []
    if not isinstance(transforms, list | tuple):
        raise SweepError(f"Level {name}: transforms must be a list, not {transforms!r}.")
    steps, problems = [], []
    for position, item in enumerate(transforms, start=1):
        place = f"Level {name}, transform {position}"
        entry = {item: {}} if isinstance(item, str) else item
        if not isinstance(entry, Mapping) or len(entry) != 1:
            problems.append(f"{place}: write it as `- name: {{parameter: value}}`, not as {item!r}.")
            continue
        transform, parameters = next(iter(entry.items()))
        parameters = {} if parameters is None else parameters
        if transform not in TRANSFORMS:
            known = ", ".join(TRANSFORMS)
            near = did_you_mean(transform, TRANSFORMS)
            problems.append(f"{place}: there is no transform {transform!r}{near}. Known: {known}.")
        elif not isinstance(parameters, Mapping):
            problems.append(f"{place} ({transform}): parameters must be a mapping, not {parameters!r}.")
        else:
            wrong = _parameter_problems(TRANSFORMS[transform], parameters)
            problems += [f"{place} ({transform}): {problem}" for problem in wrong]
            steps.append((str(transform), dict(parameters)))
    if problems:
        raise SweepError(*problems)
    return steps


def _parameter_problems(transform: Transform, parameters: Mapping[str, Any]) -> list[str]:
    """Sentences about unknown, missing and mistyped parameters."""
    signature = inspect.signature(transform).parameters
    hints = _hints(transform)
    known = [name for name in signature if name != "network"]
    problems = []
    for name, value in parameters.items():
        if name not in known:
            problems.append(
                f"unknown parameter {name!r}{did_you_mean(name, known)}. Known: {', '.join(known) or 'none'}."
            )
        elif not _fits(value, hints[name]):
            problems.append(f"{name} must be {_described(hints[name])}, not {value!r}.")
    for name in known:
        if signature[name].default is inspect.Parameter.empty and name not in parameters:
            problems.append(f"parameter {name!r} is missing.")
    return problems


@functools.cache
def _hints(transform: Transform) -> dict[str, Any]:
    return get_type_hints(transform)


def _fits(value: Any, hint: Any) -> bool:
    """Whether a value from YAML is of the annotated type. A bool is no int."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return any(_fits(value, option) for option in inner)
    if origin is list:
        return isinstance(value, list | tuple) and all(_fits(item, inner[0]) for item in value)
    if hint is type(None):
        return value is None
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, origin or hint)


def _described(hint: Any) -> str:
    """The annotated type in words."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return " or ".join(_described(option) for option in inner if option is not type(None))
    if origin is list:
        return f"a list with each item {_described(inner[0])}"
    words = {str: "text", int: "a whole number", bool: "true or false"}
    return words.get(hint, "a mapping")
