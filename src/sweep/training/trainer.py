"""The Ultralytics trainer of a cell: our model, our data view, and figures handed out unrounded after every epoch."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ultralytics.models.yolo.detect import DetectionTrainer
from ultralytics.utils import LOGGER
from ultralytics.utils.torch_utils import strip_optimizer

if TYPE_CHECKING:
    from sweep.architecture.transfer import Transferred

EpochHook = Callable[[int, dict[str, float]], None]
LOSSES = ("box_loss", "cls_loss", "dfl_loss")


class CellTrainer(DetectionTrainer):
    """Trains one cell. Checkpoints hold stock Ultralytics modules only.

    Attributes:
        transferred: what the initial weights gave to each layer; None without them, and until the model is built.
    """

    def __init__(
        self,
        overrides: Mapping[str, Any],
        *,
        model_yaml: Mapping[str, Any],
        weights: Path | None,
        on_epoch: EpochHook,
    ) -> None:
        self.model_yaml = model_yaml
        self.initial_weights = weights
        self.transferred: Transferred | None = None
        self.best_epoch = 0
        self.last_metrics: dict[str, float] = {}
        self._epoch_started = 0.0
        self._on_epoch = on_epoch
        self._batch = overrides["batch"]
        super().__init__(overrides=dict(overrides))
        self.add_callback("on_train_epoch_start", lambda _: self._start_epoch())
        self.add_callback("on_model_save", lambda _: self._note_best())
        self.add_callback("on_fit_epoch_end", lambda _: self._hand_out())

    def get_model(self, cfg: Any = None, weights: Any = None, verbose: bool = True) -> Any:
        """Build the cell's own architecture and, if asked, start it from a checkpoint, layer by layer."""
        from sweep.architecture.build import build_model
        from sweep.architecture.transfer import transfer

        model = self.set_model_names_for_load(
            build_model(self.model_yaml, channels=self.data["channels"], verbose=verbose)
        )
        if self.initial_weights is not None:
            self.transferred = transfer(self.initial_weights, model)
            LOGGER.info("\n".join(self.transferred.lines()))
        return model

    def final_eval(self) -> None:
        """Strip the checkpoints as Ultralytics does, but leave the evaluation to the cell.

        Ultralytics' own evaluation uses twice the batch and reports its result as one epoch more.
        """
        last = strip_optimizer(self.last) if self.last.exists() else {}
        if self.best.exists():
            strip_optimizer(self.best, updates={"train_results": last.get("train_results")})

    def _start_epoch(self) -> None:
        self._epoch_started = time.perf_counter()

    def _note_best(self) -> None:
        if self.best_fitness == self.fitness:  # the condition under which Ultralytics writes best.pt
            self.best_epoch = self.epoch + 1

    def _hand_out(self) -> None:
        if self.batch_size != self._batch:
            raise RuntimeError(
                f"out of memory: Ultralytics reduced the batch from {self._batch} to {self.batch_size}, another "
                "training. Run fewer cells side by side (workers=), or set hydra.launcher.memory_gb="
            )
        results = self.validator.metrics.results_dict
        batches = len(self.validator.dataloader)
        metrics = {name.replace("(B)", ""): float(value) for name, value in results.items() if name != "fitness"}
        metrics |= {f"train/{name}": float(self.tloss[name]) for name in LOSSES}
        metrics |= {f"val/{name}": float(self.validator.loss[name]) / batches for name in LOSSES}
        metrics["lr/pg0"] = float(self.lr["lr/pg0"])
        metrics["time/epoch_s"] = time.perf_counter() - self._epoch_started
        self.last_metrics = metrics
        self._on_epoch(self.epoch + 1, metrics)
