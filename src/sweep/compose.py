"""Hydra composition: axes of the grid, one plain config per cell, and Hydra's errors as sentences for the user.

Hydra needs about 0.16 s to compose a config. A plan of hundreds of cells must not pay that per cell, so only the
choices of config groups are composed by Hydra, once per combination; plain values are applied to the result with the
same function that Hydra itself uses.
"""

from __future__ import annotations

import copy
import difflib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sweep.arguments import override_key
from sweep.errors import SweepError
from sweep.grid import Axis
from sweep.paths import option_names, packaged

if TYPE_CHECKING:
    from hydra.core.config_loader import ConfigLoader
    from hydra.core.override_parser.types import Override
    from omegaconf import DictConfig

CONFIG_NAME = "config"
GROUPS = ("base", "act", "data", "recipe", "tracking", "sweeps")


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
                return super().compose_config(config_name, overrides, *args, **kwargs)
            except (HydraException, OmegaConfBaseException, YAMLError) as error:
                raise SweepError(*explain(error, overrides)) from error

    version.setbase("1.3")
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
        except (HydraException, OmegaConfBaseException, YAMLError) as error:
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

    parser = OverridesParser.create(config_loader=loader)
    by_key: dict[str, Override] = {}
    for text in [f"{key}={_as_text(value)}" for key, value in params.items()] + list(arguments):
        try:
            (override,) = parser.parse_overrides([text])
        except HydraException as error:
            raise SweepError(*explain(error, [text])) from error
        if not override_key(text).startswith(("hydra.", "hydra/")):
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
            texts = [f"{override.get_key_element()}={value}" for value in override.sweep_string_iterator()]
            axes.append(Axis(key, tuple(texts), tuple(parse(text).value() for text in texts)))
        else:
            problems.append(
                f"`{(override.input_line or '').lstrip('+')}` is a continuous range, which a grid cannot enumerate. "
                f"List the values: {key}=0.001,0.003, or use range(start,stop,step)."
            )
    if problems:
        raise SweepError(*problems)
    return fixed, axes


@lru_cache(maxsize=4096)
def parse(text: str) -> Override:
    """Hydra's reading of one override."""
    from hydra.core.override_parser.overrides_parser import OverridesParser

    return OverridesParser.create().parse_override(text)


def explain(error: Exception, overrides: Sequence[str]) -> list[str]:
    """Sentences for the user from an error of composition: every wrong key or choice, with the nearest right one."""
    problems = [problem for text in overrides for problem in _override_problems(text)]
    if problems:
        return problems
    lines = [str(error).strip()]
    cause = error.__cause__
    while cause is not None:
        lines.append(str(cause).strip())
        cause = cause.__cause__
    text = " ".join(line.replace("\n", " ") for line in lines if line)
    return [f"The configuration could not be read: {text}"]


def nearest(name: str, candidates: Sequence[str]) -> str:
    """` Did you mean …?` for a mistyped name, or an empty text when nothing comes near."""
    close = difflib.get_close_matches(name, candidates, n=1, cutoff=0.5)
    return f" Did you mean `{close[0]}`?" if close else ""


def _choice_problems(group: str, override: Override) -> list[str]:
    from hydra.core.override_parser.types import Glob

    known = option_names(group)
    value = override.value()
    if isinstance(value, Glob):
        choices = f"Choices: {', '.join(known)}."
        return [] if value.filter(known) else [f"`{override.input_line}` matches no {group}. {choices}"]
    if isinstance(value, Mapping):  # the content of a choice, in place of its name
        return []
    swept = list(override.sweep_iterator()) if override.is_discrete_sweep() else [value]
    names = [name for item in swept for name in (item if isinstance(item, list) else [item])]
    return [
        f"There is no {group} `{_shown(name)}`.{nearest(str(name), known)} Choices: {', '.join(known)}."
        for name in names
        if not isinstance(name, str) or name not in known
    ]


def _shown(value: object) -> str:
    """A value as the user typed it."""
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _override_problems(text: str) -> list[str]:
    from hydra.errors import HydraException

    key = override_key(text)
    if "=" not in text and not text.startswith("~"):
        return [
            f"`{text}` is neither an option nor a verb. Options have the form key=value; see python -m sweep --help."
        ]
    try:
        override = parse(text)
    except HydraException as error:
        reason = str(error).strip().splitlines()
        return [f"`{text}` cannot be read: {reason[0]} Quote a value with special characters: {key}=\"'…'\"."]
    if key.startswith("hydra"):
        return []
    if key in GROUPS and not override.is_delete():
        return _choice_problems(key, override)
    keys = known_keys()
    if key in keys or key.startswith("recipe.") or text.startswith("+"):
        return []
    return [f"There is no option `{key}`.{nearest(key, sorted(keys))} See python -m sweep --help."]


def known_keys() -> set[str]:
    """Every key that config.yaml and the files of the config groups define, in dotted form.

    Raises:
        SweepError: One of the files is not valid YAML.
    """
    import yaml

    from sweep.paths import option_files, search_path

    keys = set(GROUPS)
    for root in search_path("conf"):
        if (root / f"{CONFIG_NAME}.yaml").is_file():
            keys |= _dotted(yaml.safe_load((root / f"{CONFIG_NAME}.yaml").read_text("utf-8")))
    for group in GROUPS:
        for path in option_files(group):
            text = path.read_text("utf-8")
            prefix = "" if "@package _global_" in text.partition("\n")[0] else f"{group}."
            try:
                keys |= {f"{prefix}{key}" for key in _dotted(yaml.safe_load(text))}
            except yaml.YAMLError as error:
                raise SweepError(f"{path} is not valid YAML: {' '.join(str(error).split())}.") from None
    return {key for key in keys if not key.startswith(("defaults", "hydra", "job"))}


def _dotted(node: object, prefix: str = "") -> set[str]:
    if not isinstance(node, Mapping):
        return set()
    keys = set()
    for key, value in node.items():
        keys |= {f"{prefix}{key}"} | _dotted(value, f"{prefix}{key}.")
    return keys


def _as_text(value: object) -> str:
    """A value of `hydra.sweeper.params` as override text: a list is a list of choices."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ",".join(str(item) for item in value)
    return str(value)


def check_overrides(overrides: Sequence[str]) -> None:
    """Compose the first cell once, to find mistakes in keys and choices.

    Raises:
        SweepError: With every problem found.
    """
    problems = [problem for text in overrides for problem in _override_problems(text)]
    if problems:
        raise SweepError(*problems)


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
    of_hydra = [text for text in overrides if override_key(text).startswith(("hydra.", "hydra/"))]
    return [*of_hydra, *fixed, *(axis.overrides[0] for axis in axes)]
