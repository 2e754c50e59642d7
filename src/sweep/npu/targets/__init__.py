"""The targets. A target's file in `conf/npu/` names its compiler; a new compiler's class goes into COMPILERS."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from sweep.errors import Problems, SweepError
from sweep.npu.targets.base import (
    CompilerFailed,
    CompilerHung,
    CompilerMissing,
    Measurement,
    Subject,
    Target,
    TargetError,
)
from sweep.npu_settings import target_names, target_options

__all__ = [
    "COMPILERS",
    "CompilerFailed",
    "CompilerHung",
    "CompilerMissing",
    "Measurement",
    "Subject",
    "Target",
    "TargetError",
    "known_targets",
    "make_target",
    "make_targets",
]

COMPILERS = {
    "onnx": ("onnx", "OnnxTarget"),
    "vela": ("vela", "VelaTarget"),
    "qnn": ("qnn", "QnnTarget"),
    "rknn": ("rknn", "RknnTarget"),
}


def make_target(name: str, options: Mapping[str, Any], home: Path) -> Target:
    """The target of that name, from the content of its file in `conf/npu/`.

    Raises:
        SweepError: An unknown compiler, or options that its compiler cannot be given.
    """
    compiler = str(options.get("compiler"))
    if compiler not in COMPILERS:
        from sweep.overrides import nearest

        known = sorted(COMPILERS)
        raise SweepError(
            f"npu.{name}.compiler={compiler} is unknown.{nearest(compiler, known)} Compilers: {', '.join(known)}."
        )
    module, kind = COMPILERS[compiler]
    target: Target = getattr(import_module(f"{__name__}.{module}"), kind)(name, options, home)
    problems = target.problems()
    if problems:
        raise SweepError(*problems)
    return target


def known_targets(home: Path) -> tuple[list[Target], list[str]]:
    """Every target of `conf/npu/`, and what is wrong with the files of those that cannot be made."""
    made: list[Target] = []
    problems: list[str] = []
    for name in target_names():
        try:
            made.append(make_target(name, target_options(name), home))
        except SweepError as error:
            problems += error.problems
    return made, problems


def make_targets(targets: Mapping[str, Mapping[str, Any]] | None, home: Path) -> tuple[Target, ...]:
    """All targets of `Settings.npu`, in order; none when nothing is to be measured.

    Raises:
        SweepError: With the problems of all targets.
    """
    made = []
    problems = Problems()
    for name, options in (targets or {}).items():
        with problems:
            made.append(make_target(name, options, home))
    problems.raise_if_any()
    return tuple(made)
