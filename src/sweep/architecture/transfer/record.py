"""What a transfer carried, layer by layer, as values for the log and for a file. No torch here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

How = Literal["copied", "widened, exact", "partial", "fresh"]


@dataclass(frozen=True)
class LayerTransfer:
    """What one layer of the target received. All counts are parameters of the target; buffers are not counted.

    Attributes:
        index: position of the layer in the target.
        module: its class.
        source: position of the layer in the source that it was matched with, or None.
        source_module: that layer's class, or None.
        parameters: how many it has.
        carried: how many hold a value of the source (`copied`) or one computed from values of the source (`composed`).
        composed: how many of the carried were computed from several values of the source.
        zeroed: how many were set to zero on purpose, so that new channels change nothing yet. Not in `carried`.
        how: `copied`: all parameters, and the same function. `widened, exact`: new channels beside the old ones, and
            the same function. `partial`: values of the source, but another function. `fresh`: nothing.
    """

    index: int
    module: str
    source: int | None
    source_module: str | None
    parameters: int
    carried: int
    composed: int
    zeroed: int
    how: How


@dataclass(frozen=True)
class Transferred:
    """What a transfer carried. Layers without parameters (Concat, Upsample) are left out."""

    layers: tuple[LayerTransfer, ...]

    @property
    def parameters(self) -> int:
        """Parameters of the target."""
        return sum(layer.parameters for layer in self.layers)

    @property
    def carried_pct(self) -> float:
        """Parameters of the target whose value comes from the source, in %."""
        return _percent(sum(layer.carried for layer in self.layers), self.parameters)

    @property
    def composed_pct(self) -> float:
        """Parameters of the target computed from several values of the source, in %; part of `carried_pct`."""
        return _percent(sum(layer.composed for layer in self.layers), self.parameters)

    @property
    def zeroed_pct(self) -> float:
        """Parameters of the target set to zero on purpose, in %; not in `carried_pct`."""
        return _percent(sum(layer.zeroed for layer in self.layers), self.parameters)

    def rows(self) -> list[dict[str, Any]]:
        """One JSON-able mapping a layer, for a CSV or JSON file."""
        return [
            asdict(layer) | {"carried_pct": round(_percent(layer.carried, layer.parameters), 2)}
            for layer in self.layers
        ]

    def lines(self) -> list[str]:
        """A table for the training's log, ending in the sum."""
        head = ("layer", "module", "from", "parameters", "carried", "%", "zeroed", "how")
        body = [
            (
                str(layer.index),
                layer.module,
                "" if layer.source is None else f"{layer.source} {layer.source_module}",
                f"{layer.parameters:,}",
                f"{layer.carried:,}",
                f"{_percent(layer.carried, layer.parameters):.1f}",
                f"{layer.zeroed:,}",
                layer.how,
            )
            for layer in self.layers
        ]
        return [
            *_aligned([head, *body]),
            f"Weight transfer: {self.carried_pct:.1f} % of {self.parameters:,} parameters carried"
            f" ({self.composed_pct:.1f} % composed), {self.zeroed_pct:.1f} % zeroed.",
        ]


def _percent(part: int, whole: int) -> float:
    return 100.0 * part / whole if whole else 0.0


def _aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Rows as lines with columns of one width; numbers (columns 3 to 6) to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(
            text.rjust(width) if 3 <= column <= 6 else text.ljust(width)
            for column, (text, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
