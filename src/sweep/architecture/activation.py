"""The activation as the text that Ultralytics evaluates, assembled from checked parts only.

Ultralytics passes `activation:` of a model YAML to `eval`. So the text is never taken from the user: it is
put together here from a name out of an allow-list, argument names of that activation, and numbers or
booleans.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping
from typing import Any

from sweep.architecture.names import did_you_mean
from sweep.errors import SweepError

Number = bool | int | float

ACTIVATIONS: Mapping[str, tuple[str, ...]] = {
    "CELU": ("alpha", "inplace"),
    "ELU": ("alpha", "inplace"),
    "Hardsigmoid": ("inplace",),
    "Hardswish": ("inplace",),
    "Hardtanh": ("min_val", "max_val", "inplace"),
    "LeakyReLU": ("negative_slope", "inplace"),
    "Mish": ("inplace",),
    "ReLU": ("inplace",),
    "ReLU6": ("inplace",),
    "SELU": ("inplace",),
    "SiLU": ("inplace",),
    "Sigmoid": (),
    "Softplus": ("beta", "threshold"),
    "Softsign": (),
    "Tanh": (),
}
"""Classes of torch.nn and their arguments: element by element, without parameters and without random numbers,
because Ultralytics shares one instance among all convolutions."""

PREFIX = "torch.nn."


def activation_text(act: Mapping[str, Any]) -> str:
    """The value of `activation:` for the content of a `conf/act/<name>.yaml` (`name`, `module`, `arguments`).

    Example: `{"module": "LeakyReLU", "arguments": {"negative_slope": 0.1}}` gives
    `torch.nn.LeakyReLU(negative_slope=0.1)`.

    Raises:
        SweepError: a module or argument that is not allowed, or a value that is no finite number or boolean.
    """
    name = act.get("name", "?")
    module = act.get("module")
    arguments = act.get("arguments") or {}
    if not isinstance(module, str) or module not in ACTIVATIONS:
        raise SweepError(
            f"Activation {name}: module {module!r} is not allowed{did_you_mean(module, ACTIVATIONS)}."
            f" Allowed classes of torch.nn: {', '.join(ACTIVATIONS)}."
        )
    if not isinstance(arguments, Mapping):
        raise SweepError(f"Activation {name}: arguments must be a mapping, not {arguments!r}.")
    known = ACTIVATIONS[module]
    problems = []
    for key, value in arguments.items():
        if key not in known:
            problems.append(
                f"Activation {name}: {module} has no argument {key!r}{did_you_mean(key, known)}."
                f" Known: {', '.join(known) or 'none'}."
            )
        elif not isinstance(value, bool | int | float) or not math.isfinite(value):
            problems.append(f"Activation {name}: {key} must be a finite number, true or false, not {value!r}.")
    if problems:
        raise SweepError(*problems)
    return f"{PREFIX}{module}({', '.join(f'{key}={value!r}' for key, value in arguments.items())})"


def parse_activation(text: object) -> tuple[str, dict[str, Number]]:
    """Module name and arguments of a text that `activation_text` made.

    Raises:
        SweepError: any other text; it must not reach Ultralytics' `eval`.
    """
    try:
        call = ast.parse(str(text), mode="eval").body
        if not isinstance(call, ast.Call) or call.args:
            raise ValueError
        module = ast.unparse(call.func).removeprefix(PREFIX)
        arguments = {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in call.keywords}
        if activation_text({"name": text, "module": module, "arguments": arguments}) != text:
            raise ValueError
    except (SyntaxError, ValueError, TypeError):
        raise SweepError(
            f"The model YAML's activation {text!r} was not written by npu-sweep and is not evaluated."
            f" Choose an activation with act=NAME."
        ) from None
    return module, arguments
