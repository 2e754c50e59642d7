"""Hydra composition: the axes of the grid, and one plain config per cell.

Hydra needs about 0.16 s to compose a config. A plan of hundreds of cells must not pay that per cell, so only the
choices of config groups are composed by Hydra, once per combination; plain values are applied to the result with the
same function that Hydra itself uses.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sweep.arguments import override_key, prepare_params
from sweep.errors import SweepError
from sweep.grid import Axis
from sweep.hydra_settings import check_hydra, guard_environment
from sweep.overrides import CONFIG_NAME, GROUPS, cut_elsewhere, explain, parse
from sweep.paths import packaged

if TYPE_CHECKING:
    from hydra.core.config_loader import ConfigLoader
    from hydra.core.override_parser.types import Override
    from omegaconf import DictConfig


def hydra_app() -> Any:
    """Hydra for this application (a `hydra._internal.hydra.Hydra`), with its plugins and search path set up.

    What it cannot compose is the user's mistake: it raises SweepError.
    """
    from hydra import version
    from hydra._internal.hydra import Hydra
    from hydra._internal.utils import create_config_search_path
    from hydra.core.global_hydra import GlobalHydra
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException
    from yaml import YAMLError

    class Application(Hydra):
        def compose_config(self, config_name: str | None, overrides: list[str], *args: Any, **kwargs: Any) -> Any:
            try:
                config = super().compose_config(config_name, overrides, *args, **kwargs)
            except (HydraException, OmegaConfBaseException, YAMLError, UnicodeDecodeError, OSError) as error:
                raise SweepError(*explain(error, overrides)) from error
            check_hydra(config)  # before Hydra calls what is named in it
            return config

    version.setbase("1.3")
    guard_environment()
    GlobalHydra.instance().clear()
    return Application.create_main_hydra2("sweep", create_config_search_path(str(packaged("conf"))))


class Composer:
    """Composes the plain config of a cell from its overrides, quickly and as Hydra would."""

    def __init__(self, loader: ConfigLoader) -> None:
        self.loader = loader
        self._by_choices: dict[tuple[str, ...], DictConfig] = {}

    def compose(self, overrides: Sequence[str]) -> dict[str, Any]:
        """The resolved config of one cell, without the `hydra` node.

        Raises:
            SweepError: A key or choice does not exist, or a value has the wrong form.
        """
        from hydra._internal.config_loader_impl import ConfigLoaderImpl
        from hydra.errors import HydraException
        from omegaconf import OmegaConf
        from omegaconf.errors import OmegaConfBaseException
        from yaml import YAMLError

        try:
            parsed = [parse(text) for text in overrides]
            choices = tuple(text for text, item in zip(overrides, parsed, strict=True) if self._is_choice(item))
            values = [item for item in parsed if not self._is_choice(item)]
            config = copy.deepcopy(self._composed(choices))
            ConfigLoaderImpl._apply_overrides_to_config(values, config)
            plain = OmegaConf.to_container(config, resolve=True)
        except (HydraException, OmegaConfBaseException, YAMLError, UnicodeDecodeError, OSError) as error:
            raise SweepError(*explain(error, overrides)) from error
        assert isinstance(plain, dict)
        return {str(key): value for key, value in plain.items()}

    def _is_choice(self, override: Override) -> bool:
        """Whether an override chooses from a config group, by the same rule as Hydra's."""
        if isinstance(override.value(), Mapping) or override.is_delete():
            return False
        return self.loader.repository.group_exists(override.key_or_group)  # type: ignore[attr-defined, no-any-return]

    def _composed(self, choices: tuple[str, ...]) -> DictConfig:
        from hydra.types import RunMode
        from omegaconf import open_dict

        if choices not in self._by_choices:
            config = self.loader.load_configuration(
                config_name=CONFIG_NAME, overrides=list(choices), run_mode=RunMode.RUN
            )
            check_hydra(config)
            with open_dict(config):
                del config["hydra"]
            self._by_choices[choices] = config
        return self._by_choices[choices]


def read_axes(
    loader: ConfigLoader, params: Mapping[str, Any], arguments: Sequence[str]
) -> tuple[list[str], list[Axis]]:
    """The fixed overrides and the swept axes of a sweep.

    Args:
        loader: Hydra's config loader, for `glob(…)` over a group's choices.
        params: Axes of a named sweep (`hydra.sweeper.params`); an override of the command line replaces them.
        arguments: Overrides of the command line. Of two for the same key the later one counts; those of Hydra's own
            node concern the sweep as a whole and are left out.

    Raises:
        SweepError: An axis cannot be enumerated, such as `interval(…)`.
    """
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.core.override_parser.types import Glob
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    parser = OverridesParser.create(config_loader=loader)
    by_key: dict[str, Override] = {}
    for text in [*prepare_params(params, arguments), *arguments]:
        try:
            (override,) = parser.parse_overrides([text])
        except HydraException as error:
            raise SweepError(*explain(error, [text])) from error
        if not is_of_hydra(text):
            by_key[override_key(text)] = override
    fixed: list[str] = []
    axes: list[Axis] = []
    problems: list[str] = []
    for key, override in by_key.items():
        if isinstance(override.value(), Glob) and key not in GROUPS:
            problems.append(
                f"`{override.input_line}`: glob chooses among {', '.join(GROUPS)}. List the values of {key}."
            )
        elif not override.is_sweep_override():
            fixed.append(override.input_line or "")
        elif override.is_discrete_sweep():
            try:
                texts = [f"{override.get_key_element()}={value}" for value in override.sweep_string_iterator()]
                values = tuple(parse(text).value() for text in texts)
            except (OmegaConfBaseException, HydraException):  # a sweep among the values, or one that is cut elsewhere
                problems.append(cut_elsewhere(override.input_line or "", key))
                continue
            if values:
                axes.append(Axis(key, tuple(texts), values))
            else:
                problems.append(f"`{override.input_line}` has no values. List those of {key} one by one.")
        else:
            problems.append(
                f"`{(override.input_line or '').lstrip('+')}` is a continuous range, which a grid cannot enumerate. "
                f"List the values: {key}=0.001,0.003, or use range(start,stop,step)."
            )
    if problems:
        raise SweepError(*problems)
    return fixed, axes


def is_of_hydra(override: str) -> bool:
    """Whether an override is of Hydra's own node, and so concerns the sweep as a whole."""
    return override_key(override).startswith(("hydra.", "hydra/"))


def first_cell(overrides: Sequence[str]) -> list[str]:
    """The overrides of a grid's first cell, the axes of a named sweep included.

    Raises:
        SweepError: The overrides cannot be composed.
    """
    from hydra.core.global_hydra import GlobalHydra
    from hydra.types import RunMode

    hydra = hydra_app()
    config = hydra.compose_config(CONFIG_NAME, list(overrides), run_mode=RunMode.MULTIRUN)
    fixed, axes = read_axes(hydra.config_loader, dict(config.hydra.sweeper.params), overrides)
    GlobalHydra.instance().clear()
    return [*filter(is_of_hydra, overrides), *fixed, *(axis.overrides[0] for axis in axes)]
