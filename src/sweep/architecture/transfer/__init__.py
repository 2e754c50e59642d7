"""Start any level's model from a checkpoint of another architecture, following layers instead of their indices."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sweep.architecture.transfer.record import LayerTransfer, Transferred

if TYPE_CHECKING:
    from torch.nn import Module
    from ultralytics.nn.tasks import DetectionModel

__all__ = ["TRANSFER_VERSION", "LayerTransfer", "Transferred", "transfer"]

TRANSFER_VERSION = 1
"""Raise it when a transfer gives other weights: the key of a cell that starts from a checkpoint holds it."""


def transfer(source: Module | Path | str, target: DetectionModel) -> Transferred:
    """Initialise a model from another one as far as it goes. What has no counterpart keeps its random start.

    Layers are matched in order, at the same stride and in the same part of the network, such that the most parameters
    can be carried. Inside a pair of layers, values follow the channels: where a layer before got wider, narrower or
    fell away, the weights that read it move along. The result depends on the two models only.

    Args:
        source: a checkpoint of an Ultralytics detection model, or such a model; it is left as it is.
        target: the model to initialise, on the CPU. Its parameters and buffers are changed in place, nothing else.

    Returns:
        What was carried, for each layer of the target that has parameters.

    Raises:
        SweepError: the source is no checkpoint of an Ultralytics detection model.
    """
    from sweep.architecture.checkpoint import detection_model, read_checkpoint
    from sweep.architecture.transfer.models import transfer_model

    model = read_checkpoint(source) if isinstance(source, Path | str) else detection_model(source, "The source")
    return transfer_model(model, target)
