"""`args.yaml` of an Ultralytics training: what it was trained with, on which data, and from which weights."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sweep.errors import SweepError
from sweep.recipe import IGNORED_BY_AUTO, OURS, resolved_recipe, training_arguments

DETECT = "detect"
RESUMED = "unknown (resumed)"  # a resumed training names its own last.pt in the place of what it began with


def read_arguments(path: Path) -> dict[str, Any]:
    """Return the training's arguments by name.

    Raises:
        SweepError: It cannot be read, is not of a training, or of another task than detection.
    """
    import yaml

    from sweep.bounded_yaml import read_yaml

    try:
        content = read_yaml(path, "utf-8-sig")
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise SweepError(f"{path} cannot be read: {' '.join(str(error).split())}.") from None
    if not isinstance(content, Mapping) or "task" not in content:
        raise SweepError(f"{path} is not what Ultralytics writes at the start of a training: it names no task.")
    task, mode = content["task"], content.get("mode", "train")
    if task != DETECT:
        raise SweepError(f"{path}: task: {task}. Only detection trainings can be imported (yolo detect train).")
    if mode != "train":
        raise SweepError(f"{path}: mode: {mode}. Give the folder of a training (yolo detect train).")
    return {str(name): value for name, value in content.items()}


def with_counts(arguments: Mapping[str, Any], of_checkpoint: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments with imgsz and batch as they came to be: the checkpoint knows what `batch: -1` came to.

    Raises:
        SweepError: Neither of the two says it.
    """
    problems = []
    counts: dict[str, int] = {}
    for name in ("imgsz", "batch"):
        found = next(filter(_count, (of_checkpoint.get(name), arguments.get(name))), None)
        if found is None:
            problems.append(
                f"args.yaml: {name}: {arguments.get(name)} is no whole number, and the checkpoint names none either. "
                "Write there what it was trained with."
            )
        else:
            counts[name] = int(found)
    if problems:
        raise SweepError(*problems)
    return {**arguments, **counts}


def recipe_of(arguments: Mapping[str, Any], named: Mapping[str, Any]) -> dict[str, Any]:
    """The hyperparameters as a cell of ours has them: those that the named recipe lists, and what differs from default.

    Only so is an imported training the same cell in a table as one of ours with that recipe.

    Args:
        arguments: All arguments of the training.
        named: The content of the recipe's file.
    """
    known = {name: argument for name, argument in training_arguments().items() if name not in OURS}
    kept = {
        name: value
        for name, value in arguments.items()
        if name in known and (name in named or not _same(value, known[name].default))
    }
    if str(arguments.get("optimizer", "auto")).lower() == "auto":  # Ultralytics chose others
        kept["optimizer"] = "auto"
        kept = {name: value for name, value in kept.items() if name not in IGNORED_BY_AUTO}
    return resolved_recipe(kept)


def recipe_differences(recipe: Mapping[str, Any], named: Mapping[str, Any]) -> list[str]:
    """Where the training differs from the named recipe: `lr0=0.01 (not 0.003)`."""
    theirs = resolved_recipe(named)
    return [
        f"{name}={recipe.get(name, 'unknown')} (not {theirs.get(name, 'the default')})"
        for name in sorted({*recipe, *theirs})
        if not _same(recipe.get(name), theirs.get(name))
    ]


def initial_weights(arguments: Mapping[str, Any]) -> str | None:
    """The name of the checkpoint that the training began with; None from scratch."""
    model, pretrained = str(arguments.get("model") or ""), arguments.get("pretrained", True)
    if arguments.get("resume"):
        return RESUMED
    if isinstance(pretrained, str) and pretrained:
        return _file_name(pretrained)
    return _file_name(model) if model.endswith(".pt") and pretrained is not False else None


def device_of(arguments: Mapping[str, Any]) -> str | None:
    """The type of the device that it was trained on, as our runs name it; None where it was left to Ultralytics."""
    text = str(arguments.get("device") if arguments.get("device") is not None else "").strip("[] ").lower()
    if text in {"cpu", "mps"}:
        return text
    return "cuda" if re.fullmatch(r"(cuda(:\d+)?|\d+)(\s*,\s*(cuda:)?\d+)*", text) else None


def _count(value: object) -> bool:
    whole = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return whole and float(value) >= 1 and float(value).is_integer()  # type: ignore[arg-type]


def _same(one: Any, other: Any) -> bool:
    """Whether two values are the same argument; YAML reads `1e-3` as text."""
    try:
        return bool(math.isclose(float(one), float(other), rel_tol=1e-9)) and (one is True) == (other is True)
    except (TypeError, ValueError):
        return str(one).lower() == str(other).lower()


def _file_name(path: str) -> str:
    return re.split(r"[\\/]", path)[-1]
