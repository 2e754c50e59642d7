"""`hydra/sweeper=grid`: the grid of npu-sweep. What a sweep does is in sweep.flow; this is only Hydra's side of it."""

from dataclasses import dataclass, field
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.core.plugins import Plugins
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, open_dict


@dataclass  # no postponed annotations in this file: Hydra runs it before it is in sys.modules
class GridSweeperConf:
    """Configuration: `params` holds the axes of a named sweep, which the command line may replace."""

    _target_: str = "hydra_plugins.npu_sweep.grid_sweeper.GridSweeper"
    params: dict[str, Any] = field(default_factory=dict)


ConfigStore.instance().store(group="hydra/sweeper", name="grid", node=GridSweeperConf, provider="npu-sweep")


class GridSweeper(Sweeper):
    """Hands Hydra's context to `sweep.flow.run_sweep` and ends the process with its exit code."""

    def __init__(self, params: dict[str, Any]) -> None:
        self.params = params

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self.hydra_context = hydra_context
        self.task_function = task_function
        self.config = config

    def sweep(self, arguments: list[str]) -> None:
        from sweep.flow import run_sweep

        assert self.config is not None
        assert self.hydra_context is not None
        raise SystemExit(run_sweep(self.config, arguments, self.hydra_context.config_loader, self._launcher))

    def _launcher(self, settings: dict[str, Any]) -> Launcher:
        """The configured launcher, with the settings it knows among `settings` where the user left them empty."""
        assert self.config is not None
        assert self.hydra_context is not None
        assert self.task_function is not None
        launcher = self.config.hydra.launcher
        with open_dict(launcher):
            for key, value in settings.items():
                if key in launcher and launcher[key] is None:
                    launcher[key] = value
        return Plugins.instance().instantiate_launcher(
            hydra_context=self.hydra_context, task_function=self.task_function, config=self.config
        )
