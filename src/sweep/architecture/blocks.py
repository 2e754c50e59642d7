"""What transforms know about Ultralytics' blocks: the names and defaults of their arguments in a model YAML.

Source: the constructors in ultralytics/nn/modules/{block,conv}.py (8.4). A model YAML gives the arguments
    behind the
input channels by position, the output width first (before scaling), and leaves out the repeats.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sweep.architecture.layers import Layer

REQUIRED = object()
"""Stands for an argument without a default (the output width)."""

BLOCKS: Mapping[str, Mapping[str, Any]] = {
    "Conv": {"c2": REQUIRED, "k": 1, "s": 1},
    "C2": {"c2": REQUIRED, "shortcut": True, "g": 1, "e": 0.5},
    "C2f": {"c2": REQUIRED, "shortcut": False, "g": 1, "e": 0.5},
    "C3": {"c2": REQUIRED, "shortcut": True, "g": 1, "e": 0.5},
    "C3k2": {"c2": REQUIRED, "c3k": False, "e": 0.5, "attn": False, "g": 1, "shortcut": True},
    "C2PSA": {"c2": REQUIRED, "e": 0.5},
    "C2fPSA": {"c2": REQUIRED, "e": 0.5},
    "PSA": {"c2": REQUIRED, "e": 0.5},
    "A2C2f": {
        "c2": REQUIRED,
        "a2": True,
        "area": 1,
        "residual": False,
        "mlp_ratio": 2.0,
        "e": 0.5,
        "g": 1,
        "shortcut": True,
    },
    "SPPF": {"c2": REQUIRED, "k": 5, "n": 3, "shortcut": False},
}
"""Blocks that transforms can read and write. The order of the arguments is that of the constructor."""

WITHOUT_REPEATS = frozenset({"Conv", "PSA", "SPPF"})
"""Blocks that Ultralytics stacks as they are for repeats > 1, which only fits where input and output are as
wide.
"""

ALWAYS_ATTENTION = frozenset({"C2PSA", "C2fPSA", "PSA", "C2fAttn", "C3TR", "AIFI", "ImagePoolingAttn"})


def arguments(layer: Layer) -> dict[str, Any]:
    """The arguments of a known block by name, defaults filled in. Raises KeyError for an unknown block."""
    signature = BLOCKS[layer.module]
    given = dict(zip(signature, layer.args, strict=False))
    return {name: given.get(name, default) for name, default in signature.items()}


def positional(module: str, named: Mapping[str, Any]) -> tuple[Any, ...]:
    """The arguments of a known block as a model YAML writes them: by position, up to the last that is no
    default.
    """
    signature = BLOCKS[module]
    values = [named.get(name, default) for name, default in signature.items()]
    defaults = list(signature.values())
    while len(values) > 1 and values[-1] == defaults[len(values) - 1]:
        values.pop()
    return tuple(values)


def has_attention(layer: Layer) -> bool:
    """Whether the block computes attention. A2C2f does unless `a2` is false, C3k2 only if `attn` is true."""
    if layer.module == "A2C2f":
        return bool(arguments(layer)["a2"])
    if layer.module == "C3k2":
        return bool(arguments(layer)["attn"])
    return layer.module in ALWAYS_ATTENTION
