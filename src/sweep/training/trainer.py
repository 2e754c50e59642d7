"""The Ultralytics trainer of a cell: our model, our data view, and figures handed out unrounded after every epoch."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ultralytics.models.yolo.detect import DetectionTrainer
from ultralytics.utils import LOGGER
from ultralytics.utils.torch_utils import strip_optimizer

from sweep.files import replacing
from sweep.training.seeding import seed_epoch
from sweep.training.state import Course, read_state, restore, restore_gradients, save_state

if TYPE_CHECKING:
    from sweep.architecture.transfer import Transferred

EpochHook = Callable[[int, dict[str, float]], None]
NAN_PATIENCE = 3


class Diverged(RuntimeError):
    """The losses of a training are no numbers any more."""


class CellTrainer(DetectionTrainer):
    """Trains one cell. Checkpoints hold stock Ultralytics modules only.

    After each epoch it writes its state, if it is told where; a trainer that finds one there goes on from it, and comes
    to the same weights and figures, on the CPU to the bit. All that an epoch draws follows from its number.

    Attributes:
        course: what the training has come to; that of the state that it goes on from, to begin with.
        transferred: what the initial weights gave to each layer; None without them, and until the model is built.
    """

    last: Path
    best: Path
    best_fitness: float | None
    start_epoch: int

    def __init__(
        self,
        overrides: Mapping[str, Any],
        *,
        model_yaml: Mapping[str, Any],
        weights: Path | None,
        on_epoch: EpochHook,
        state: Path | None = None,
        nan_patience: int = NAN_PATIENCE,
    ) -> None:
        self.model_yaml = model_yaml
        self.initial_weights = weights
        self.transferred: Transferred | None = None
        self.nan_patience = nan_patience
        self._state_file = state
        self._state = None if state is None else read_state(state)
        self.course = Course() if self._state is None else Course(**self._state["course"])
        self._before_s = self.course.seconds
        self._began = self._epoch_began = time.perf_counter()
        self._on_epoch = on_epoch
        self._batch = overrides["batch"]
        self._position = -1  # of the batch, counted as Course.last_step
        self._behind = self.course.last_step + 1  # what Ultralytics, which forgets that step, has to wait longer for
        super().__init__(overrides=dict(overrides))
        self.add_callback("on_train_start", lambda _: self._start())
        self.add_callback("on_train_epoch_start", lambda _: self._start_epoch())
        self.add_callback("on_train_batch_start", lambda _: self._start_batch())
        self.add_callback("on_train_batch_end", lambda _: self._end_batch())
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

    def resume_training(self, ckpt: Any) -> None:
        """Go on from the state, if there is one: Ultralytics calls it when all is ready for the first epoch."""
        if self._state is None:
            return
        restore(self, self._state)
        self.csv.write_text(self.course.results_csv, "utf-8")
        LOGGER.info(f"Going on after epoch {self.course.epochs} of {self.epochs}")
        self._save_checkpoints()  # the state comes first: of a cut between the two the checkpoints know nothing

    def _do_train(self) -> None:
        if not self.course.ended:
            super()._do_train()
            return
        self._setup_train()
        self.final_eval()

    def preprocess_batch(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Prepare a batch as Ultralytics does; it is called right before it looks whether a step is due."""
        self.accumulate += self._behind
        prepared: dict[str, Any] = super().preprocess_batch(batch)
        return prepared

    def optimizer_step(self) -> None:
        """Make a step, and remember when."""
        super().optimizer_step()
        self.course.last_step = self._position

    def save_model(self) -> bool:
        """Write the state of the training, then the checkpoints."""
        if self.batch_size != self._batch:
            raise RuntimeError(
                f"out of memory: Ultralytics reduced the batch from {self._batch} to {self.batch_size}, another "
                "training. Run fewer cells side by side (workers=), or set hydra.launcher.memory_gb="
            )
        course = self.course
        course.curves[self.epoch + 1] = self._metrics()
        if self.best_fitness == self.fitness:  # the condition under which Ultralytics writes best.pt
            course.best_epoch = self.epoch + 1
        course.seconds = self._before_s + time.perf_counter() - self._began
        course.results_csv = self.csv.read_text("utf-8")
        course.ended = bool(self.stop)
        if self._state_file is not None:
            save_state(self, course, self._state_file)
        return self._save_checkpoints()

    def final_eval(self) -> None:
        """Strip the checkpoints as Ultralytics does, but leave the evaluation to the cell.

        Ultralytics' own evaluation uses twice the batch and reports its result as one epoch more.
        """
        with replacing(self.last) as part:
            last = strip_optimizer(self.last, s=part)
        with replacing(self.best) as part:
            strip_optimizer(self.best, s=part, updates={"train_results": last.get("train_results")})

    def _save_checkpoints(self) -> bool:
        """Write last.pt and, after the best epoch so far, best.pt: each of them is there as a whole or as it was."""
        last, best = self.last, self.best
        try:
            with replacing(last) as self.last:
                if self.best_fitness != self.fitness:
                    return bool(super().save_model())
                with replacing(best) as self.best:
                    return bool(super().save_model())
        finally:
            self.last, self.best = last, best

    def _handle_nan_recovery(self, epoch: int) -> bool:
        """Stop a training that diverges; until then Ultralytics' own recovery goes back to last.pt and trains on.

        Ultralytics looks at the last batch of an epoch only, and gives an epoch three more attempts. Here the epochs,
        and the attempts of one, whose training loss or fitness is no number are counted up to `nan_patience`.

        Raises:
            Diverged: So many in a row were none.
        """
        figures = [float(value) for value in self.tloss.values()]
        figures += [] if self.fitness is None else [float(self.fitness)]
        if all(map(math.isfinite, figures)):
            self.course.diverged = 0
            return False
        self.course.diverged += 1
        if self.best_fitness is not None and not math.isfinite(self.best_fitness):
            self.best_fitness = None  # no later epoch would be better than that
        if self.course.diverged >= self.nan_patience:
            counted = "an epoch" if self.course.diverged == 1 else f"{self.course.diverged} epochs in a row"
            raise Diverged(
                f"diverged: in epoch {epoch + 1} the losses of {counted} were NaN or infinite (nan_patience="
                f"{self.nan_patience}). Lower the learning rate (recipe.lr0=), or train with recipe.amp=false."
            )
        first, self.start_epoch = self.start_epoch, 0  # what a resumed training begins with can be gone back to, too
        self.nan_recovery_attempts = 0
        try:
            recovered = bool(super()._handle_nan_recovery(epoch))
        finally:
            self.start_epoch = first
        if recovered:  # Ultralytics forgets the last step and the gradients that wait
            self.course.last_step, self._behind = -1, 0
        return recovered

    def _start(self) -> None:
        self.train_time_start -= self._before_s

    def _start_epoch(self) -> None:
        self._epoch_began = time.perf_counter()
        self._position = self.epoch * len(self.train_loader) - 1
        seed_epoch(self.args.seed, self.epoch, self.train_loader)
        if self._state is not None:
            restore_gradients(self, self._state)
            self._state = None

    def _start_batch(self) -> None:
        self._position += 1

    def _end_batch(self) -> None:
        self.accumulate -= self._behind
        if self.course.last_step == self._position:
            self._behind = 0

    def _metrics(self) -> dict[str, float]:
        """The figures of the epoch that has ended, unrounded."""
        results = self.validator.metrics.results_dict
        batches = len(self.validator.dataloader)
        metrics = {name.replace("(B)", ""): float(value) for name, value in results.items() if name != "fitness"}
        for name in self.tloss:  # box_loss, cls_loss and dfl_loss, or l1_loss of a head without distributions
            metrics |= {
                f"train/{name}": float(self.tloss[name]),
                f"val/{name}": float(self.validator.loss[name]) / batches,
            }
        metrics["lr/pg0"] = float(self.lr["lr/pg0"])
        metrics["time/epoch_s"] = time.perf_counter() - self._epoch_began
        return metrics

    def _hand_out(self) -> None:
        self._on_epoch(self.epoch + 1, self.course.curves[self.epoch + 1])
