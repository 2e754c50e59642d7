"""Where npu-sweep's configuration is found: ./conf and ./sweeps of the user before the packaged ones."""

from __future__ import annotations

from hydra._internal.core_plugins.file_config_source import FileConfigSource
from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.object_type import ObjectType
from hydra.plugins.config_source import ConfigResult
from hydra.plugins.search_path_plugin import SearchPathPlugin

from sweep.paths import packaged, search_path

GROUP = "sweeps"


class NamedSweepSource(FileConfigSource):
    """A folder whose files are the choices of the group `sweeps`, though it does not lie inside conf/."""

    @staticmethod
    def scheme() -> str:
        return "npu-sweep-sweeps"

    def load_config(self, config_path: str) -> ConfigResult:
        return super().load_config(self._inside(config_path) or config_path)

    def available(self) -> bool:
        return super().is_group("")

    def is_group(self, config_path: str) -> bool:
        inside = self._inside(config_path)
        return inside is not None and super().is_group(inside)

    def is_config(self, config_path: str) -> bool:
        inside = self._inside(config_path)
        return bool(inside) and super().is_config(str(inside))

    def list(self, config_path: str, results_filter: ObjectType | None) -> list[str]:
        inside = self._inside(config_path)
        return [] if inside is None else super().list(inside, results_filter)

    @staticmethod
    def _inside(config_path: str) -> str | None:
        """The path within the folder, or None when it is not of this group."""
        group, _, rest = config_path.partition("/")
        return rest if group == GROUP else None


class NpuSweepSearchPath(SearchPathPlugin):
    """Acts on npu-sweep only: other Hydra applications of the same environment keep their search path."""

    def manipulate_search_path(self, search_path_: ConfigSearchPath) -> None:
        main = next((entry for entry in search_path_.get_path() if entry.provider == "main"), None)
        if main is None or main.path != str(packaged("conf")):
            return
        for folder in reversed(search_path("conf")[:-1]):
            search_path_.prepend(provider="user", path=f"file://{folder}")
        for folder in search_path("sweeps"):
            search_path_.append(provider=GROUP, path=f"{NamedSweepSource.scheme()}://{folder}")
