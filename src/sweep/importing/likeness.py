"""Whether a checkpoint is what base, level and activation would give, and what it is instead."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from sweep.architecture.layers import Network, producers
from sweep.errors import SweepError
from sweep.paths import option_file, option_names

if TYPE_CHECKING:
    from torch.nn import Module

    from sweep.architecture.resolve import ResolvedModel
    from sweep.config import CellConfig
    from sweep.importing.checkpoint import Checkpoint

SHOWN = 3  # layers that differ, in one sentence


@dataclass(frozen=True)
class Likeness:
    """What comparing a checkpoint with what it is said to be came to.

    Attributes:
        resolved: what the claimed base, level and activation give; None where they cannot be put together.
        differences: what is otherwise in the checkpoint; empty where nothing is.
        found: what it is instead: `level=2 act=silu`, as far as it is one of the known ones.
    """

    resolved: ResolvedModel | None
    differences: tuple[str, ...] = field(default=())
    found: tuple[str, ...] = field(default=())


def compare(checkpoint: Checkpoint, cell: CellConfig) -> Likeness:
    """Compare the model YAML and the activations of a checkpoint with those of a cell. Nothing is built."""
    from sweep.architecture.resolve import resolve_model

    try:
        resolved = resolve_model(cell.base, cell.level, cell.act, checkpoint.nc)
    except SweepError as error:
        return Likeness(None, error.problems)
    network = network_differences(checkpoint.yaml, resolved.yaml)
    activation = activation_difference(checkpoint.model, cell.act)
    found = []
    if network and (level := _level_of(checkpoint, cell)) is not None:
        found.append(f"level={level}")
    if activation and (act := _act_of(checkpoint)) is not None:
        found.append(f"act={act}")
    return Likeness(resolved, (*network, *([activation] if activation else [])), tuple(found))


def network_differences(found: Mapping[str, Any], expected: Mapping[str, Any]) -> tuple[str, ...]:
    """In what a model YAML differs from another: scale, layers with all they read, DFL bins, end-to-end head."""
    try:
        one, other = Network.from_yaml(found), Network.from_yaml(expected)
    except (SweepError, KeyError, TypeError) as error:
        return (f"its model YAML cannot be read ({error})",)
    differences = []
    if _scale(found) != _scale(expected):
        differences.append(f"its scale is {_scale_text(found)}, not {_scale_text(expected)}")
    if len(one.layers) != len(other.layers):
        differences.append(f"it has {len(one.layers)} layers, not {len(other.layers)}")
    pairs = zip(_rows(one), _rows(other), strict=False)
    odd = [(index, row, wanted) for index, (row, wanted) in enumerate(pairs) if row != wanted]
    differences += [f"layer {index} is {_text(row)}, not {_text(wanted)}" for index, row, wanted in odd[:SHOWN]]
    if len(odd) > SHOWN:
        differences.append(f"{len(odd) - SHOWN} more layers differ")
    if one.reg_max != other.reg_max:
        differences.append(f"its head has {one.reg_max} DFL bins, not {other.reg_max}")
    if one.end2end != other.end2end:
        differences.append(f"end2end is {one.end2end}, not {other.end2end}")
    return tuple(differences)


def activation_difference(model: Module, act: Mapping[str, Any]) -> str | None:
    """What activations a model has, where they are not all the chosen one; of its modules, whatever its YAML says."""
    from sweep.architecture.activation import activation_text, parse_activation
    from sweep.architecture.build import check_activations, make_activation

    chosen = make_activation(*parse_activation(activation_text(act)))
    try:
        check_activations(model, chosen)
    except SweepError:
        counted = _activations(model)
        held = ", ".join(f"{name} ({count})" for name, count in counted.most_common()) or "none"
        return f"its activations are {held}, not {_name(chosen)}"
    return None


def _level_of(checkpoint: Checkpoint, cell: CellConfig) -> str | None:
    """The known level that gives the checkpoint's network from the same base."""
    from sweep.architecture.resolve import resolve_model

    for name in option_names("levels"):
        content = _content("levels", name)
        try:
            trial = replace(cell, level={"name": name, **content})
            resolved = resolve_model(trial.base, trial.level, trial.act, checkpoint.nc)
        except SweepError:
            continue
        if not network_differences(checkpoint.yaml, resolved.yaml):
            return name
    return None


def _act_of(checkpoint: Checkpoint) -> str | None:
    for name in option_names("act"):
        try:
            if activation_difference(checkpoint.model, _content("act", name)) is None:
                return name
        except SweepError:
            continue
    return None


def _content(group: str, name: str) -> dict[str, Any]:
    """A file of a config group; empty where it cannot be read: then it is not what was trained."""
    import yaml

    from sweep.bounded_yaml import read_yaml

    path = option_file(group, name)
    try:
        content = read_yaml(path) if path else None
    except (OSError, ValueError, yaml.YAMLError):
        content = None
    return content if isinstance(content, dict) else {}


def _rows(network: Network) -> list[tuple[Any, ...]]:
    """Layers by what they read, however that is written: `-1` and the number of the layer before are the same."""
    return [
        (producers(network.layers, index), layer.repeats, layer.module.removeprefix("torch."), layer.args)
        for index, layer in enumerate(network.layers)
    ]


def _text(row: tuple[Any, ...]) -> str:
    sources, repeats, module, args = row
    return f"{module}{list(args)} ×{repeats} from {', '.join(map(str, sources))}"


def _scale(model: Mapping[str, Any]) -> tuple[float, ...] | None:
    """Depth, width and most channels; None for a YAML without scales."""
    scales = model.get("scales")
    if not scales:
        return None
    chosen = scales.get(model.get("scale") or next(iter(scales)))
    return tuple(map(float, chosen)) if chosen else None


def _scale_text(model: Mapping[str, Any]) -> str:
    scale = _scale(model)
    return "none" if scale is None else f"{model.get('scale')} {list(scale)}"


def _activations(model: Module) -> Counter[str]:
    """The activations at each of their places, those of shared instances, too."""
    from sweep.architecture.activation import ACTIVATIONS

    modules = (module for _, module in model.named_modules(remove_duplicate=False))
    return Counter(_name(module) for module in modules if type(module).__name__ in ACTIVATIONS)


def _name(activation: Module) -> str:
    """`LeakyReLU(negative_slope=0.1)`; `inplace` changes no value."""
    return str(activation).replace(", inplace=True", "").replace("inplace=True", "").removesuffix("()")
