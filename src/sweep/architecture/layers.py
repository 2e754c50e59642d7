"""The layer list of an Ultralytics model YAML as immutable values, and edits that keep every `from` right.

A layer's `from` names its producers: an absolute index, or a negative one that counts back from the layer
itself. An edit shifts the layers behind it, so each edit here rewrites the `from` of all other layers such
that they stay connected to the same producers, and keeps negative numbers negative and absolute ones
absolute.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sweep.errors import SweepError

IMAGE = -1
"""The producer of the first layer: the picture. Only layer 0 can read it."""

Layers = tuple["Layer", ...]


@dataclass(frozen=True)
class Layer:
    """One row of a model YAML: `[from, repeats, module, args]`. `sources` is `from`, always as a tuple."""

    sources: tuple[int, ...]
    repeats: int
    module: str
    args: tuple[Any, ...]
    single: bool = True
    """Written as one number (`-1`), not as a list (`[-1, 6]`)."""

    @classmethod
    def from_row(cls, row: list[Any]) -> Layer:
        """Read one row of a model YAML; raises ValueError where it is none."""
        source, repeats, module, args = row
        sources = (source,) if isinstance(source, int) else tuple(source)
        return cls(sources, repeats, module, tuple(args), single=isinstance(source, int))

    def row(self) -> list[Any]:
        """The row of a model YAML that this layer stands for."""
        source = self.sources[0] if self.single else list(self.sources)
        return [source, self.repeats, self.module, list(self.args)]


@dataclass(frozen=True)
class Network:
    """The layers of a model, of which the first `backbone` ones are its backbone, and the head's DFL bins."""

    layers: Layers
    backbone: int
    reg_max: int = 16
    end2end: bool = False

    @classmethod
    def from_yaml(cls, model: Mapping[str, Any]) -> Network:
        """Read a model YAML with `backbone` and `head`; raises SweepError where a row is none."""
        rows = [*model["backbone"], *model["head"]]
        layers = []
        for index, row in enumerate(rows):
            try:
                layers.append(Layer.from_row(row))
            except (TypeError, ValueError):
                problem = f"Layer {index} of the base model is no [from, repeats, module, args] row: {row!r}."
                raise SweepError(problem) from None
        # 16 is the default of ultralytics.nn.tasks.parse_model
        return cls(tuple(layers), len(model["backbone"]), model.get("reg_max", 16), bool(model.get("end2end", False)))


def producers(layers: Layers, index: int) -> tuple[int, ...]:
    """Absolute indices of the layers that layer `index` reads; IMAGE for the picture."""
    return tuple(source if source >= 0 else index + source for source in layers[index].sources)


def consumers(layers: Layers, index: int) -> tuple[int, ...]:
    """Absolute indices of the layers that read layer `index`, in order."""
    return tuple(i for i in range(index + 1, len(layers)) if index in producers(layers, i))


def replace_layer(network: Network, index: int, layer: Layer) -> Network:
    """Put `layer`, whose sources are counted from `index`, in the place of layer `index`. No other layer
    changes.
    """
    layers = network.layers
    return replace(network, layers=(*layers[:index], layer, *layers[index + 1 :]))


def insert_layer(network: Network, index: int, layer: Layer) -> Network:
    """Insert `layer` so that it becomes layer `index`; the layers from there on move back by one.

    Nobody reads the new layer yet: the others keep their producers (see `redirect`). It belongs to the part
    of the layer before it. Raises ValueError for index 0: only layer 0 can read the picture.
    """
    if index == 0:
        raise ValueError("A layer cannot be inserted before layer 0, which reads the picture.")
    layers = network.layers

    def moved(position: int) -> int:
        return position + (position >= index)

    before = [_renumbered(layers, i, moved) for i in range(index)]
    after = [_renumbered(layers, i, moved) for i in range(index, len(layers))]
    return replace(network, layers=(*before, layer, *after), backbone=network.backbone + (index <= network.backbone))


def remove_layer(network: Network, index: int) -> Network:
    """Take layer `index` out; who read it reads its only producer instead.

    Raises ValueError where the layer has several producers (use `redirect` first, so that nobody reads it) or
    where a later layer would have to read the picture.
    """
    layers = network.layers
    own = producers(layers, index)
    if len(own) != 1 and consumers(layers, index):
        raise ValueError(f"Layer {index} ({layers[index].module}) has several producers and is still read.")
    substitute = own[0]
    if substitute == IMAGE and any(i > index + 1 for i in consumers(layers, index)):
        raise ValueError(f"Layer {index} cannot go: a later layer would have to read the picture.")

    def moved(position: int) -> int:
        position = substitute if position == index else position
        return position - (position > index)

    kept = tuple(_renumbered(layers, i, moved) for i in range(len(layers)) if i != index)
    return replace(network, layers=kept, backbone=network.backbone - (index < network.backbone))


def redirect(network: Network, old: int, new: int, *, only: tuple[int, ...] | None = None) -> Network:
    """Let the readers of layer `old` (or those of them in `only`) read layer `new`, which must stand before
    them.
    """
    layers = list(network.layers)
    for i in consumers(network.layers, old):
        if only is not None and i not in only:
            continue
        if new >= i:
            raise ValueError(f"Layer {i} cannot read layer {new}, which comes after it.")
        pairs = zip(layers[i].sources, producers(network.layers, i), strict=True)
        sources = tuple(_written(new, i, source < 0) if at == old else source for source, at in pairs)
        layers[i] = replace(layers[i], sources=sources)
    return replace(network, layers=tuple(layers))


def _written(position: int, reader: int, relative: bool) -> int:
    """How `reader` writes `position` as a source. The picture can only be written as a negative number."""
    return position - reader if relative or position == IMAGE else position


def _renumbered(layers: Layers, index: int, moved: Callable[[int], int]) -> Layer:
    """Layer `index` with its sources rewritten for the order that `moved` (old -> new position) describes."""
    reader = moved(index)
    old = zip(layers[index].sources, producers(layers, index), strict=True)
    sources = tuple(_written(at if at == IMAGE else moved(at), reader, source < 0) for source, at in old)
    return replace(layers[index], sources=sources)
