"""Build the Ultralytics model of a model YAML, and make sure that it has the activation that was chosen."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sweep.architecture.activation import Number, parse_activation
from sweep.errors import SweepError

if TYPE_CHECKING:
    from torch.nn import Module
    from ultralytics.nn.tasks import DetectionModel

SHOWN = 5
"""How many wrong modules an error names."""

NO_ACTIVATION = frozenset({"MultiheadAttention", "Softmax"})
"""Classes of torch.nn.modules.activation that are not what follows a convolution."""


def build_model(yaml: Mapping[str, Any], *, channels: int = 3, verbose: bool = False) -> DetectionModel:
    """Build the model of a `ResolvedModel.yaml` with random weights, in training mode, on the CPU.

    Ultralytics' process-wide default activation is as before afterwards, also when the build fails.

    Args:
        yaml: the model YAML, left as it is.
        channels: input channels.
        verbose: let Ultralytics print its table of layers.

    Raises:
        SweepError: an activation that npu-sweep did not write or that torch refuses, or a built model in
            which an activation is not the chosen one.
    """
    module, arguments = parse_activation(yaml.get("activation"))
    chosen = make_activation(module, arguments)
    from ultralytics.nn.tasks import DetectionModel

    with _default_activation_kept():
        model = DetectionModel(copy.deepcopy(dict(yaml)), ch=channels, nc=yaml["nc"], verbose=verbose)
    check_activations(model, chosen)
    return model


def make_activation(module: str, arguments: Mapping[str, Number]) -> Module:
    """An instance of the activation. Raises SweepError where torch has no such activation or refuses its
    arguments.
    """
    import torch

    kind = getattr(torch.nn.modules.activation, module, None)
    if not (isinstance(kind, type) and issubclass(kind, torch.nn.Module)):
        raise SweepError(f"The installed torch has no activation torch.nn.{module}.")
    try:
        instance: Module = kind(**arguments)
    except (TypeError, ValueError, AssertionError) as error:
        raise SweepError(f"torch.nn.{module} refuses the arguments {dict(arguments)}: {error}") from None
    return instance


def check_activations(model: Module, chosen: Module) -> Counter[str]:
    """Count the activations of a built model by class; all of them must be like `chosen`.

    Modules are counted at each of their places, because one instance is shared among all convolutions.
    `inplace` is not compared: it changes no value, and Ultralytics sets it when it loads a checkpoint.

    Raises:
        SweepError: names the modules with another class or other arguments, or says that there is none at
            all.
    """
    counted: Counter[str] = Counter()
    wrong = []
    for name, module in model.named_modules(remove_duplicate=False):
        if not _is_activation(module):
            continue
        counted[type(module).__name__] += 1
        if type(module) is not type(chosen) or _settings(module) != _settings(chosen):
            wrong.append(f"{name} is {module}")
    if wrong:
        more = f" and {len(wrong) - SHOWN} more" if len(wrong) > SHOWN else ""
        raise SweepError(
            f"{len(wrong)} of {counted.total()} activations are not the chosen {chosen}: "
            f"{', '.join(wrong[:SHOWN])}{more}. The base has blocks that Ultralytics gives an activation of"
            f" their own; replace them in the level or choose another base."
        )
    if not counted:
        raise SweepError(f"The model has no activation at all, so {chosen} cannot be tried on it.")
    return counted


def _is_activation(module: Module) -> bool:
    import torch

    kind = type(module)
    return kind.__module__ == torch.nn.modules.activation.__name__ and kind.__name__ not in NO_ACTIVATION


def _settings(module: Module) -> dict[str, Any]:
    """The public constants of an activation, such as its slope."""
    skipped = {"training", "inplace"}
    return {key: value for key, value in vars(module).items() if key[0] != "_" and key not in skipped}


@contextmanager
def _default_activation_kept() -> Iterator[None]:
    """Ultralytics builds with a process-wide default, which it leaves changed when a build raises."""
    from ultralytics.nn.modules.conv import Conv

    before = Conv.default_act
    try:
        yield
    finally:
        Conv.default_act = before
