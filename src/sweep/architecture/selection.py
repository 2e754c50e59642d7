"""Choose layers by block, part and arguments, with an error for the user where one of these is unknown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sweep.architecture.blocks import BLOCKS, arguments
from sweep.architecture.layers import Layer, Network
from sweep.architecture.names import did_you_mean
from sweep.errors import SweepError

PARTS = ("all", "backbone", "head")


def select(network: Network, module: str, where: str, when: Mapping[str, Any] | None) -> tuple[int, ...]:
    """Positions of the blocks `module` in the part `where` whose arguments agree with `when`."""
    require_arguments(module, when or {})
    if where not in PARTS:
        raise SweepError(f"where={where!r} is none of {', '.join(PARTS)}{did_you_mean(where, PARTS)}.")
    first = network.backbone if where == "head" else 0
    last = network.backbone if where == "backbone" else len(network.layers)
    return tuple(
        index
        for index in range(first, last)
        if network.layers[index].module == module
        and all(arguments(network.layers[index])[name] == value for name, value in (when or {}).items())
    )


def checked_arguments(layer: Layer) -> dict[str, Any]:
    """`blocks.arguments`, with an error for the user where the block is unknown."""
    require_block(layer.module)
    return arguments(layer)


def require_arguments(block: str, names: Iterable[str]) -> None:
    """Raise SweepError unless the block is known and has all these arguments."""
    require_block(block)
    for name in names:
        if name not in BLOCKS[block]:
            raise SweepError(f"{block} has no argument {name!r}{did_you_mean(name, BLOCKS[block])}.")


def require_block(name: str) -> None:
    """Raise SweepError unless transforms know the block."""
    if name not in BLOCKS:
        raise SweepError(
            f"{name!r} is no block that transforms know{did_you_mean(name, BLOCKS)}. Known: {', '.join(BLOCKS)}."
        )
