"""How far a training is, in full precision and after every epoch, so that one that is cut short goes on exactly.

Ultralytics' `last.pt` is no such state: it keeps the averaged weights and the optimizer in half precision, and neither
the model itself nor the gradients that wait for their step.
"""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweep.files import replacing

if TYPE_CHECKING:
    from ultralytics.engine.trainer import BaseTrainer

STATE = "state.pt"  # in a run's folder
FORMAT = 1
STOPPER = ("best_fitness", "best_epoch", "possible_stop")

log = logging.getLogger(__name__)


@dataclass
class Course:
    """What a training has come to, beside the weights.

    Attributes:
        curves: the metrics of each finished epoch, counted from 1.
        best_epoch: the one whose weights are kept as the best, counted from 1.
        seconds: how long the finished epochs took, those before an interruption too.
        last_step: the batch after which the optimizer has stepped last, counted from 0 over the whole training.
        diverged: how many epochs in a row had losses that are no numbers.
        results_csv: Ultralytics' table of the epochs.
        ended: whether the last epoch is among them, so that nothing is left to train.
    """

    curves: dict[int, dict[str, float]] = field(default_factory=dict)
    best_epoch: int = 0
    seconds: float = 0.0
    last_step: int = -1
    diverged: int = 0
    results_csv: str = ""
    ended: bool = False

    @property
    def epochs(self) -> int:
        """How many epochs are finished."""
        return max(self.curves, default=0)


def save_state(trainer: BaseTrainer, course: Course, path: Path) -> None:
    """Write the state of a training after an epoch, in the place of the one before it.

    Raises:
        DiskRefused: The disk is full or read-only; the state before it is still there.
        OSError: The folder cannot be written.
    """
    import torch
    from ultralytics.utils.torch_utils import unwrap_model

    model = unwrap_model(trainer.model)
    content = {
        "format": FORMAT,
        "course": asdict(course),
        "model": model.state_dict(),
        "gradients": {name: value.grad for name, value in model.named_parameters() if value.grad is not None},
        "ema": trainer.ema.ema.state_dict(),
        "ema_updates": trainer.ema.updates,
        "optimizer": trainer.optimizer.state_dict(),
        "scaler": trainer.scaler.state_dict(),
        "fitness": _plain(trainer.fitness),
        "best_fitness": _plain(trainer.best_fitness),
        "stopper": {name: _plain(getattr(trainer.stopper, name)) for name in STOPPER},
        "metrics": {name: _plain(value) for name, value in trainer.metrics.items()},
    }
    with replacing(path) as part, part.open("wb") as stream:  # which tells of a full disk; torch's own file does not
        torch.save(content, stream)


def read_state(path: Path) -> dict[str, Any] | None:
    """The content of a state, without running anything that it may hold; None where there is none to go on from."""
    import torch

    if not path.exists():
        return None
    try:
        content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        if content["format"] != FORMAT:
            raise ValueError(f"format {content['format']}")
    except Exception as error:  # whatever a damaged file makes the reader raise
        log.warning("%s cannot be read, so the training begins anew: %s", path, error)
        return None
    return content


def finished_epochs(path: Path) -> int:
    """How many epochs the training of a state has finished; 0 where there is none to go on from."""
    content = read_state(path)
    return 0 if content is None else Course(**content["course"]).epochs


def restore(trainer: BaseTrainer, content: dict[str, Any]) -> None:
    """Set a trainer that is ready for its first epoch to where a state was written."""
    from ultralytics.utils.torch_utils import unwrap_model

    model = unwrap_model(trainer.model)
    model.load_state_dict(content["model"])
    trainer.ema.ema.load_state_dict(content["ema"])
    trainer.ema.updates = content["ema_updates"]
    for saved, group in zip(content["optimizer"]["param_groups"], trainer.optimizer.param_groups, strict=True):
        saved["fused"] = group.get("fused")  # the device at hand decides
    trainer.optimizer.load_state_dict(content["optimizer"])
    trainer.scaler.load_state_dict(content["scaler"])
    trainer.fitness, trainer.best_fitness = content["fitness"], content["best_fitness"]
    vars(trainer.stopper).update(content["stopper"])
    trainer.metrics = content["metrics"]
    epochs = Course(**content["course"]).epochs
    criterion = model.init_criterion()
    if hasattr(criterion, "update"):  # the weights of an end-to-end head's two losses follow the epochs
        criterion.updates = epochs - 1
        criterion.update()
        model.criterion = criterion
    trainer.start_epoch = epochs
    trainer.epoch = epochs - 1


def restore_gradients(trainer: BaseTrainer, content: dict[str, Any]) -> None:
    """Give the parameters the gradients that wait for a step of the optimizer; Ultralytics drops them at its start."""
    from ultralytics.utils.torch_utils import unwrap_model

    for name, value in unwrap_model(trainer.model).named_parameters():
        gradient = content["gradients"].get(name)
        value.grad = None if gradient is None else gradient.to(value.device, value.dtype)


def _plain(value: Any) -> Any:
    """A number that NumPy may have wrapped, as Python's own: a state holds plain values and tensors only."""
    return value.item() if hasattr(value, "item") else value
