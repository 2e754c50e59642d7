"""Transfer between two built models: match their layers, then carry pair by pair."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch
from torch import nn
from ultralytics.nn.modules.conv import Conv
from ultralytics.nn.modules.head import Detect

from sweep.architecture.transfer.blocks import carry
from sweep.architecture.transfer.channels import COMPOSED, COPIED, FRESH, ZEROED, Ledger, Map, best, prefix
from sweep.architecture.transfer.head import carry_head, class_map
from sweep.architecture.transfer.match import align
from sweep.architecture.transfer.network import Node, nodes, origins, read_channels
from sweep.architecture.transfer.parts import stage_of
from sweep.architecture.transfer.record import How, LayerTransfer, Transferred
from sweep.architecture.transfer.stages import carry_stage
from sweep.architecture.transfer.substitutes import as_convolution
from sweep.architecture.transfer.units import carry_unit, spread

if TYPE_CHECKING:
    from ultralytics.nn.tasks import DetectionModel

OTHER_KIND = 0.9
"""What a parameter counts for in the matching where the layer is of another kind: of two, the like one wins."""
STAND_IN = 0.5
"""What a parameter counts for where a 1×1 convolution stands for a whole stage."""


def transfer_model(source: DetectionModel, target: DetectionModel) -> Transferred:
    """`sweep.architecture.transfer.transfer` between two built models."""
    old, new = nodes(source), nodes(target)
    ledger = Ledger(target)
    matched = align(len(old), len(new), lambda i, j: _gain(old[i], new[j]))
    gives = {j: _outputs(old[i], new[j]) for j, i in matched.items()}
    ours, theirs = origins(old, new, matched, gives)
    rows = []
    for node in new:
        partner = old[matched[node.index]] if node.index in matched else None
        exact = False
        if partner is not None and isinstance(node.module, Detect):
            scales = _scales(partner, node, old, new)
            pairs = [(at, p, read_channels(ours, theirs, (partner.inputs[p],), (node.inputs[at],))) for at, p in scales]
            exact = carry_head(ledger, partner.module, node.module, pairs, class_map(_names(source), _names(target)))
        elif partner is not None:
            reads = read_channels(ours, theirs, partner.inputs, node.inputs)
            exact = _carry_pair(ledger, partner.module, node.module, reads, gives[node.index])
        if node.parameters:
            rows.append(_row(ledger, node, partner, exact))
    return Transferred(tuple(rows))


def _names(model: DetectionModel) -> dict[int, str]:
    """The classes' names; old checkpoints hold them as a list."""
    return dict(model.names) if isinstance(model.names, Mapping) else dict(enumerate(model.names))


def _outputs(old: Node, new: Node) -> Map:
    """Which output channels of the source's layer the target's has: where it is narrower, those that vary most."""
    stage = stage_of(old.module)
    last = old.module if isinstance(old.module, Conv) else stage.cv2 if stage is not None else None
    return prefix(new.width, old.width) if last is None else best(new.width, spread(last))


def _carry_pair(ledger: Ledger, source: nn.Module, target: nn.Module, reads: Map, gives: Map) -> bool:
    stage = stage_of(source)
    if stage is not None and stage_of(target) is not None:
        return carry_stage(ledger, source, target, reads, gives)
    if stage is not None and isinstance(target, Conv):
        carry_unit(ledger, as_convolution(stage), target, reads, gives)
        return False
    return carry(ledger, source, target, reads, gives)


def _gain(old: Node, new: Node) -> float:
    """What matching two layers is worth: about how many of the target's parameters the source has values for."""
    if old.part != new.part or old.stride != new.stride or not new.parameters:
        return 0.0
    if old.part == "head":
        return float(new.parameters)
    if old.kind != new.kind and stage_of(old.module) is None:
        return 0.0
    if old.kind != new.kind and stage_of(new.module) is None:
        return STAND_IN * new.parameters if _is_pointwise(new.module) else 0.0
    if isinstance(old.module, Conv) and old.module.conv.stride != new.module.conv.stride:
        return 0.0
    theirs = dict(old.module.named_parameters())
    gain = 0
    for name, tensor in new.module.named_parameters():
        if name in theirs and theirs[name].dim() == tensor.dim():
            gain += _overlap(theirs[name], tensor)
    return gain * (1.0 if old.kind == new.kind else OTHER_KIND)


def _is_pointwise(module: nn.Module) -> bool:
    """Whether it is a 1×1 convolution that leaves the resolution as it is."""
    return isinstance(module, Conv) and module.conv.kernel_size == module.conv.stride == (1, 1)


def _overlap(old: torch.Tensor, new: torch.Tensor) -> int:
    size = 1
    for a, b in zip(old.shape, new.shape, strict=True):
        size *= min(a, b)
    return size


def _scales(partner: Node, node: Node, old: tuple[Node, ...], new: tuple[Node, ...]) -> list[tuple[int, int]]:
    """The inputs of both heads at the same stride, as positions (target, source)."""
    at = {old[i].stride: position for position, i in enumerate(partner.inputs)}
    return [(position, at[new[i].stride]) for position, i in enumerate(node.inputs) if new[i].stride in at]


def _row(ledger: Ledger, node: Node, partner: Node | None, exact: bool) -> LayerTransfer:
    counts = ledger.count(node.module)
    carried = counts[COPIED] + counts[COMPOSED]
    how: How = "partial"
    if not carried:
        how = "fresh"
    elif exact:
        how = "widened, exact" if counts[FRESH] or counts[ZEROED] else "copied"
    used = partner if carried else None
    return LayerTransfer(
        index=node.index,
        module=node.kind,
        source=None if used is None else used.index,
        source_module=None if used is None else used.kind,
        parameters=node.parameters,
        carried=carried,
        composed=counts[COMPOSED],
        zeroed=counts[ZEROED],
        how=how,
    )
