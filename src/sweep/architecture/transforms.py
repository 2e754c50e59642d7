"""The transforms that a level can list: named, pure functions from a network to a network.

Each takes a `Network` and keyword parameters (the mapping in the level's YAML) and returns the new network
with the positions, in the network it was given, of the layers it changed. To add one, write it and put it in
TRANSFORMS.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace as with_fields
from typing import Any

from sweep.architecture.blocks import BLOCKS, WITHOUT_REPEATS, has_attention, positional
from sweep.architecture.layers import (
    Layer,
    Network,
    consumers,
    insert_layer,
    producers,
    redirect,
    remove_layer,
    replace_layer,
)
from sweep.architecture.selection import checked_arguments, require_arguments, select
from sweep.errors import SweepError

Outcome = tuple[Network, tuple[int, ...]]


def replace(
    network: Network,
    *,
    module: str,
    by: str,
    where: str = "all",
    when: Mapping[str, Any] | None = None,
    arguments: Mapping[str, Any] | None = None,
    repeats: int | None = None,
) -> Outcome:
    """Put block `by` in the place of every block `module`, at the same index and with the same output width.

    Arguments of the same name in both blocks (`e`, `g`, `shortcut`) are carried over, those in `arguments`
    are set.

    Args:
        network: the network.
        module: name of the block to replace.
        by: name of the new block; both must be known in `blocks.BLOCKS`.
        where: `all`, `backbone` or `head`.
        when: only blocks whose arguments have these values, defaults included (`{a2: true}`).
        arguments: arguments of the new block by name (`{shortcut: true, e: 0.25}`).
        repeats: repeats of the new block, before the depth scaling; those of the old one if left out.

    Raises:
        SweepError: an unknown block, argument or part.
    """
    chosen = select(network, module, where, when)
    require_arguments(by, arguments or {})
    for index in chosen:
        layer = network.layers[index]
        kept = {name: value for name, value in checked_arguments(layer).items() if name in BLOCKS[by]}
        count = 1 if by in WITHOUT_REPEATS else layer.repeats if repeats is None else repeats
        args = positional(by, {**kept, **(arguments or {})})
        network = replace_layer(network, index, with_fields(layer, module=by, args=args, repeats=count))
    return network, chosen


def remove(network: Network, *, module: str, where: str = "all", when: Mapping[str, Any] | None = None) -> Outcome:
    """Take out every block `module`; what read it reads its producer. Parameters as in `replace`.

    Raises:
        SweepError: an unknown block, argument or part, or a block with more than one producer.
    """
    chosen = select(network, module, where, when)
    for index in reversed(chosen):
        try:
            network = remove_layer(network, index)
        except ValueError as error:
            raise SweepError(f"{module} cannot be removed: {error}") from None
    return network, chosen


def insert(
    network: Network,
    *,
    module: str,
    after: str,
    where: str = "all",
    when: Mapping[str, Any] | None = None,
    arguments: Mapping[str, Any] | None = None,
    repeats: int = 1,
) -> Outcome:
    """Put a new block `module` behind every block `after`; what read that block reads the new one.

    Args:
        network: the network.
        module: name of the new block.
        after: name of the block behind which it comes; `where` and `when` choose among these as in `replace`.
        where: `all`, `backbone` or `head`.
        when: only behind blocks whose arguments have these values.
        arguments: arguments of the new block by name; the width `c2` is that of `after` if left out.
        repeats: repeats of the new block, before the depth scaling.

    Raises:
        SweepError: an unknown block, argument or part.
    """
    chosen = select(network, after, where, when)
    require_arguments(module, arguments or {})
    for index in reversed(chosen):
        args = positional(module, {"c2": checked_arguments(network.layers[index])["c2"], **(arguments or {})})
        count = 1 if module in WITHOUT_REPEATS else repeats
        network = insert_layer(network, index + 1, Layer((-1,), count, module, args))
        readers = tuple(reader for reader in consumers(network.layers, index) if reader != index + 1)
        network = redirect(network, index, index + 1, only=readers)
    return network, chosen


def drop_last_pan_stage(network: Network) -> Outcome:
    """Leave out the last bottom-up stage of the PAN.

    The stage is `Conv (stride 2) -> Concat with the backbone's output -> block -> Detect`. In the place of
    the block comes a 1×1 convolution of the same width that reads the backbone's output. Conv and Concat go,
    unless another layer reads them.

    Raises:
        SweepError: the neck does not end in such a stage.
    """
    layers = network.layers
    block = producers(layers, len(layers) - 1)[-1]
    concat = producers(layers, block)[0]
    inputs = producers(layers, concat)
    if layers[concat].module != "Concat" or len(inputs) != 2 or layers[inputs[0]].module != "Conv":
        raise SweepError(
            f"the neck has no last PAN stage to drop: layer {block} ({layers[block].module}), the last input"
            f" of Detect, does not follow Conv and Concat."
        )
    down, skip = inputs
    width = checked_arguments(layers[block])["c2"]
    network = replace_layer(network, block, Layer((skip,), 1, "Conv", positional("Conv", {"c2": width})))
    changed = [block]
    for index in (concat, down):
        if not consumers(network.layers, index):
            network = remove_layer(network, index)
            changed.append(index)
    return network, tuple(sorted(changed))


def narrow_head(network: Network, *, widths: list[int]) -> Outcome:
    """Limit the width of the layers that feed Detect, and with them that of its branches.

    Args:
        network: the network.
        widths: the widest each input may be, before the width scaling, finest (P3) first. None is made wider.

    Raises:
        SweepError: not one width for each input of Detect.
    """
    inputs = producers(network.layers, len(network.layers) - 1)
    if len(widths) != len(inputs):
        raise SweepError(f"there are {len(widths)} widths, but Detect has {len(inputs)} inputs.")
    changed = []
    for index, width in zip(inputs, widths, strict=True):
        layer = network.layers[index]
        named = checked_arguments(layer)
        if named["c2"] > width:
            args = positional(layer.module, {**named, "c2": width})
            network = replace_layer(network, index, with_fields(layer, args=args))
            changed.append(index)
    return network, tuple(sorted(changed))


def set_reg_max(network: Network, *, bins: int) -> Outcome:
    """Give the head's box branch `bins` (at least 1) bins for each side: Ultralytics' `reg_max`, 16 by
    default.
    """
    if bins < 1:
        raise SweepError(f"bins must be at least 1, not {bins}.")
    changed = (len(network.layers) - 1,) if bins != network.reg_max else ()
    return with_fields(network, reg_max=bins), changed


def forbid(
    network: Network, *, modules: list[str] | None = None, attention: bool = False, end2end: bool = False
) -> Outcome:
    """Change nothing, but refuse a network that still has what the level promises to be without.

    Args:
        network: the network.
        modules: names of blocks that must not be there.
        attention: refuse blocks that compute attention.
        end2end: refuse an end-to-end (NMS-free, two-branch) head.

    Raises:
        SweepError: one sentence for everything found.
    """
    if end2end and network.end2end:
        raise SweepError("it is not made for a base with an end-to-end head.")
    found = [
        f"{layer.module} (layer {index})"
        for index, layer in enumerate(network.layers)
        if layer.module in (modules or ()) or (attention and has_attention(layer))
    ]
    if found:
        raise SweepError(f"this base still has {', '.join(found)}, which the level must be without.")
    return network, ()


Transform = Callable[..., Outcome]

TRANSFORMS: Mapping[str, Transform] = {
    "replace": replace,
    "remove": remove,
    "insert": insert,
    "drop_last_pan_stage": drop_last_pan_stage,
    "narrow_head": narrow_head,
    "set_reg_max": set_reg_max,
    "forbid": forbid,
}
"""What a level's YAML can name."""
