"""Checks a recipe against the installed Ultralytics version, without importing it (its import costs seconds).

Names, types and defaults come from Ultralytics' own `cfg/default.yaml`, ranges from the constants of `cfg/__init__.py`.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

SECTIONS = ("Train settings", "Val/Test settings", "Hyperparameters")
OURS = {  # set by the sweep itself, with the option that does it
    "task": "npu-sweep trains detectors only",
    "mode": "the sweep trains and validates by itself",
    "model": "use base= and level=",
    "data": "use data=",
    "device": "use device=",
    "seed": "use seed=",
    "pretrained": "use model.weights=",
    "project": "use home=",
    "exist_ok": "the sweep names its folders itself",
    "resume": "the same command again goes on where it stopped",
    "save": "checkpoints are always kept",
    "val": "every epoch is validated",
    "split": "cells are compared on the val split",
    "profile": "the sweep measures models itself",
    "compile": "it changes results from run to run",
    "quantize": "cells are trained in floating point",
    "distill_model": "distillation is not supported",
    "time": "use recipe.epochs=, and timeout_min= as a limit",
    "dnn": "it concerns exported models only",
    "save_json": "results are kept in MLflow",
    "plots": "figures come with the report",
    "verbose": "Ultralytics' output goes to the cell's log file",
}
IGNORED_BY_AUTO = ("lr0", "momentum")
TYPE_NAMES = {
    "int": (int,),
    "float": (int, float),
    "bool": (bool,),
    "str": (str,),
    "list": (list,),
    "list[int]": (list,),
    "tuple": (list, tuple),
}
NEEDED = ("epochs", "batch", "imgsz")  # the sweep itself counts with them
TEXTS = {  # arguments that are true, false or one of these
    "amp": ("fp16", "bf16", "fp32"),
    "cache": ("ram",),  # not disk, which writes .npy files beside the user's pictures
}
IMGSZ_STEP = 32  # the largest stride of a detection model


@dataclass(frozen=True)
class Argument:
    """One training argument of the installed Ultralytics version."""

    name: str
    default: Any
    types: tuple[str, ...]
    optional: bool
    choices: tuple[str, ...]


def recipe_problems(recipe: Mapping[str, Any]) -> list[str]:
    """What is wrong with a recipe, each as a sentence; an empty list when it can be trained."""
    from sweep.overrides import nearest

    known = training_arguments()
    problems = []
    for name, value in recipe.items():
        if name == "name":
            continue
        if name in OURS:
            problems.append(f"recipe.{name} is not for recipes: {OURS[name]}.")
        elif name not in known:
            problems.append(
                f"recipe.{name} is no training argument of the installed Ultralytics.{nearest(name, sorted(known))}"
            )
        else:
            problem = _value_problem(known[name], value)
            problems += [problem] if problem else []
    missing = [f"recipe.{name}" for name in NEEDED if name not in recipe]
    if missing:
        problems.append(f"{' and '.join(missing)} is missing: a recipe names {', '.join(NEEDED)}.")
    if str(recipe.get("optimizer", "auto")).lower() == "auto":
        ignored = [name for name in IGNORED_BY_AUTO if name in recipe]
        if ignored:
            named = " and ".join(f"recipe.{name}" for name in ignored)
            problems.append(f"recipe.optimizer=auto ignores {named}. Name an optimizer, such as SGD or AdamW.")
    return problems


def resolved_recipe(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """The recipe without its name, numbers in the type that Ultralytics keeps them in (so that `1` and `1.0` agree)."""
    known = training_arguments()
    return {
        name: _resolved(known[name], value)
        for name, value in sorted(recipe.items())
        if name in known and name != "name"
    }


def _resolved(argument: Argument, value: Any) -> Any:
    if not _is_number(value):
        return value
    if argument.types[0] == "int" and float(value).is_integer():
        return int(value)
    return float(value) if argument.types == ("float",) else value


@lru_cache(maxsize=1)
def training_arguments() -> dict[str, Argument]:
    """The arguments that a recipe may set, by name, read from the installed Ultralytics."""
    import yaml

    text = (ultralytics_folder() / "cfg" / "default.yaml").read_text("utf-8")
    defaults = yaml.safe_load(text)
    found: dict[str, Argument] = {}
    section = ""
    for line in text.splitlines():
        heading = re.match(r"# (.+?) -{5,}", line)
        if heading:
            section = heading[1]
        entry = re.match(r"(\w+):.*?# \(([^)]*)\)\s*(.*)", line)
        if entry and section in SECTIONS:
            name, types, description = entry.groups()
            kinds = tuple(kind.strip() for kind in re.split(r"[|,]", types.replace("optional", "")) if kind.strip())
            found[name] = Argument(name, defaults[name], kinds, "optional" in types, _choices(name, description))
    return found


@lru_cache(maxsize=1)
def ultralytics_folder() -> Path:
    """Where the installed Ultralytics lies.

    Raises:
        ModuleNotFoundError: It is not installed.
    """
    spec = find_spec("ultralytics")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("ultralytics is not installed: pip install ultralytics")
    return Path(next(iter(spec.submodule_search_locations)))


@lru_cache(maxsize=1)
def _limits() -> tuple[frozenset[str], dict[str, int]]:
    """Arguments that lie between 0 and 1, and the least values of whole numbers, as Ultralytics itself checks them."""
    tree = ast.parse((ultralytics_folder() / "cfg" / "__init__.py").read_text("utf-8"))
    fractions: set[str] = set()
    least: dict[str, int] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name, value = node.targets[0].id, node.value
            if name == "CFG_FRACTION_KEYS":
                fractions = set(ast.literal_eval(value.args[0] if isinstance(value, ast.Call) else value))
            elif name == "CFG_INT_MIN":
                least = dict(ast.literal_eval(value))
    return frozenset(fractions), least


def _choices(name: str, description: str) -> tuple[str, ...]:
    if name != "optimizer":
        return ()
    return tuple(re.findall(r"\w+", description.partition(":")[2].replace(" or ", " ")))


def _value_problem(argument: Argument, value: Any) -> str | None:
    name = argument.name
    if value is None:
        return None if argument.optional or argument.default is None else f"recipe.{name} must not be null."
    allowed = tuple(kind for type_name in argument.types for kind in TYPE_NAMES.get(type_name, ()))
    right_type = isinstance(value, allowed) and (bool in allowed or not isinstance(value, bool)) if allowed else True
    if not right_type and not ("int" in argument.types and isinstance(value, float) and value.is_integer()):
        wanted = " or ".join(argument.types)
        return (
            f"recipe.{name}={value} has the wrong type: Ultralytics takes {wanted}, such as {name}={argument.default}."
        )
    if argument.choices and str(value) not in argument.choices:
        return f"recipe.{name}={value} is unknown to the installed Ultralytics. Choices: {', '.join(argument.choices)}."
    if isinstance(value, str) and name in TEXTS and value.lower() not in TEXTS[name]:
        return f"recipe.{name}={value} is not possible here. Choices: true, false, {', '.join(TEXTS[name])}."
    if isinstance(value, list | tuple):
        return _list_problem(name, value)
    return _number_problem(name, value) if _is_number(value) else None


def _list_problem(name: str, values: Sequence[Any]) -> str | None:
    if name == "imgsz":
        return f"recipe.imgsz={values} must be one number: pictures are trained as squares."
    if name == "scale" and not (len(values) == 2 and all(map(_is_number, values))):
        return f"recipe.scale={values} must be a number or two, such as [0.5,1.5]."
    if name == "fraction" and not (
        len(values) in {2, 3}
        and all(_is_number(value) and (0 <= value <= 1 or (isinstance(value, int) and value > 1)) for value in values)
        and all(values[:2])
    ):
        return f"recipe.fraction={values} must be the shares or counts of train and val, such as [0.5,1.0]."
    return None


def _number_problem(name: str, value: float) -> str | None:
    fractions, least = _limits()
    lowest = max(least.get(name, -math.inf), 1 if name in {"epochs", "batch"} else -math.inf)
    reason = None
    if not math.isfinite(value):
        reason = "is not a finite number"
    elif name == "fraction" and not (0 < value <= 1 or (isinstance(value, int) and value > 1)):
        reason = "is out of range: a share above 0 and up to 1, or a whole number of pictures"
    elif name in fractions - {"fraction"} | {"scale"} and not 0 <= value <= 1:
        reason = "is out of range: it lies between 0 and 1"
    elif value < lowest:
        reason = f"is out of range: at least {lowest:g}"
    elif name == "batch" and not float(value).is_integer():
        reason = "must be a whole number: the same batch on every machine keeps cells comparable"
    elif name == "imgsz" and (value < IMGSZ_STEP or value % IMGSZ_STEP):
        fitting = max(1, round(value / IMGSZ_STEP)) * IMGSZ_STEP
        reason = f"must be a multiple of {IMGSZ_STEP}, such as {fitting}"
    return f"recipe.{name}={value} {reason}." if reason else None


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
