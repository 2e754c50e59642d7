"""The model YAML of one cell: base, level and activation put together. No torch, fast enough for hundreds of
cells.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sweep.architecture.activation import activation_text
from sweep.architecture.base import find_base, own_activation
from sweep.architecture.layers import Network
from sweep.architecture.levels import Change, apply_level, read_transforms
from sweep.errors import SweepError

TRANSFORMS_VERSION = 1
"""Raise it when a transform writes another network for the same level: the cell key holds it."""


@dataclass(frozen=True)
class ResolvedModel:
    """A model YAML and how it came about.

    Attributes:
        yaml: the full Ultralytics model YAML (JSON-able); saved as a file it re-opens in plain
            `ultralytics.YOLO`.
        changes: what each transform of the level did, in order.
        changes_nothing: the level has transforms, but they left this base as it was.
        base: the network that the level was applied to.
        base_activation: the activation that this network has of its own, as Ultralytics' model YAMLs write it.
    """

    yaml: dict[str, Any]
    changes: tuple[Change, ...]
    changes_nothing: bool
    base: Network
    base_activation: str


def resolve_model(
    base: Mapping[str, Any],
    level: Mapping[str, Any],
    act: Mapping[str, Any],
    nc: int,
    extra_dirs: Sequence[Path] = (),
) -> ResolvedModel:
    """Put base, level and activation together.

    Args:
        base: content of `conf/base/<name>.yaml`: `name`, `model`, `scale`.
        level: content of `conf/levels/<name>.yaml`: `name`, `transforms`.
        act: content of `conf/act/<name>.yaml`: `name`, `module`, `arguments`.
        nc: number of classes.
        extra_dirs: folders in which the base's relative path is looked for.

    Raises:
        SweepError: every problem of the three files that can be found without building the model.
    """
    name = base.get("name", "?")
    model: dict[str, Any] = {}
    text = ""
    problems: list[str] = []
    try:
        if not isinstance(base.get("model"), str):
            raise SweepError(f"Base {name} needs `model:`, the name or path of a model YAML.")
        model = find_base(base["model"], base.get("scale"), extra_dirs)
    except SweepError as error:
        problems += error.problems
    try:
        text = activation_text(act)
    except SweepError as error:
        problems += error.problems
    try:
        read_transforms(level)
    except SweepError as error:
        problems += error.problems
    if problems:
        raise SweepError(*problems)
    before = Network.from_yaml(model)
    try:
        after, changes = apply_level(level, before)
    except SweepError as error:
        raise SweepError(*(f"Base {name}: {problem}" for problem in error.problems)) from None
    return ResolvedModel(
        yaml=_model_yaml(model, after, text, nc),
        changes=changes,
        changes_nothing=bool(changes) and after == before,
        base=before,
        base_activation=own_activation(base["model"], extra_dirs),
    )


def _model_yaml(model: Mapping[str, Any], network: Network, activation: str, nc: int) -> dict[str, Any]:
    """The base's YAML with the network's layers and settings in the place of its own."""
    written = ("nc", "scale", "scales", "activation", "reg_max", "backbone", "head")
    rows = [layer.row() for layer in network.layers]
    result: dict[str, Any] = {"nc": nc}
    result.update((key, model[key]) for key in ("scale", "scales") if key in model)
    result["activation"] = activation
    result["reg_max"] = network.reg_max
    result.update((key, value) for key, value in model.items() if key not in written)
    result["backbone"] = rows[: network.backbone]
    result["head"] = rows[network.backbone :]
    return result
