"""The work of a cell: everything that it needs, made ready in the process that runs it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweep.config import CellConfig, Settings, read_cell, read_settings
from sweep.devices import device_type
from sweep.identity import Identity, identify, load_data
from sweep.locks import cell_folder
from sweep.measuring import Measuring, measuring_with
from sweep.progress import ProgressWriter, progress_file
from sweep.stopping import stop_if_asked

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from sweep.data.dataset import Dataset
    from sweep.npu.targets import Target
    from sweep.tracking.store import Store
    from sweep.training.train import Trained


@dataclass(frozen=True)
class Work:
    """All that a cell needs: the sweeper's word (`job`), what to train, and where it is tracked."""

    job: dict[str, Any]
    settings: Settings
    cell: CellConfig
    data: Dataset
    identity: Identity
    device: str
    store: Store
    progress: ProgressWriter
    targets: tuple[Target, ...]

    @property
    def folder(self) -> Path:
        """The cell's folder in home, with a folder for each of its runs."""
        return cell_folder(self.settings.home, self.identity.key)

    def stop_if_asked(self, run_id: str | None = None) -> None:
        """Leave the cell if the sweep was asked to stop.

        Raises:
            Stopped: It was; `run_id` is the cell's run, if it has one.
        """
        stop_if_asked(self.settings.home, self.job["sweep_id"], run_id)

    @cached_property
    def view(self) -> Path:
        """`data.yaml` of the data set's view in home, written where it is missing."""
        from sweep.data.ultralytics_yaml import write_view

        return write_view(self.data, self.settings.home)

    def train(
        self,
        recipe: Mapping[str, Any],
        folder: Path,
        on_epoch: Callable[[int, dict[str, float]], None],
        state: Path | None = None,
    ) -> Trained:
        """Train the cell's architecture on its data, as `sweep.training.train.train` does.

        Args:
            recipe: The cell's own, or one with other parameters.
            folder: Where checkpoints and `results.csv` go.
            on_epoch: Called after each epoch with its number, counted from 1, and its unrounded metrics.
            state: Where the training keeps its state, and goes on from one that is there.
        """
        from sweep.tracking.spool.courier import undisturbed
        from sweep.training.train import train

        with undisturbed():
            return train(
                self.identity.model.yaml,
                recipe,
                view=self.view,
                seed=self.cell.seed,
                device=self.device,
                folder=folder,
                weights=self.cell.weights,
                on_epoch=on_epoch,
                state=state,
                nan_patience=self.settings.nan_patience,
            )

    def measuring(self, wanted: Collection[str]) -> Measuring:
        """What its model is measured with."""
        return measuring_with(
            self.data,
            self.settings.home,
            self.identity.recipe,
            self.targets,
            wanted,
            self._begin_stage,
        )

    def _begin_stage(self, stage: str) -> None:
        self.stop_if_asked()
        self.progress.write("stage", stage=stage, long=stage.startswith("measuring"))


def prepare(config: DictConfig) -> Work:
    """What a cell needs, from its composed config. Ultralytics is imported with its settings in home."""
    from omegaconf import OmegaConf

    from sweep.npu.targets import make_targets
    from sweep.tracking.store import store_at
    from sweep.training.environment import prepare_ultralytics

    plain: dict[str, Any] = OmegaConf.to_container(config, resolve=True)  # type: ignore[assignment]
    job, settings = plain["job"], read_settings(plain)
    cell = read_cell(plain, settings.home)
    prepare_ultralytics(settings.home, trust=cell.trust)
    data = load_data(cell.data, settings.home)
    device = device_type(settings.device)
    return Work(
        job=job,
        settings=settings,
        cell=cell,
        data=data,
        identity=identify(cell, data, device),
        device=device,
        store=store_at(settings.home, settings.experiment, settings.tracking_uri),
        progress=ProgressWriter(progress_file(settings.home, job["sweep_id"], job["index"])),
        targets=make_targets(settings.npu, settings.home),
    )
