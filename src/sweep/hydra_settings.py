"""What a config file may ask of Hydra: choose among its parts, not call whatever it names.

Hydra calls every `_target_` of its own node, and Python's logging every class that is named in a logging configuration.
An interpolation can put environment variables anywhere, and so into params and artifacts.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from sweep.errors import SweepError
from sweep.redaction import is_secret

if TYPE_CHECKING:
    from omegaconf import DictConfig, Node

PARTS = ("hydra.launcher", "hydra.sweeper")
PART_PACKAGES = ("hydra_plugins.", "hydra._internal.core_plugins.")
CALLBACKS = "hydra.callbacks."
CALLBACK_PACKAGES = ("hydra_plugins.", "hydra.experimental.callbacks.")
LOGGING = ("hydra.job_logging.", "hydra.hydra_logging.")
LOGGING_CLASSES = {
    "logging.FileHandler",
    "logging.Formatter",
    "logging.NullHandler",
    "logging.StreamHandler",
    "logging.handlers.RotatingFileHandler",
    "colorlog.ColoredFormatter",
    "colorlog.StreamHandler",
}
STREAMS = ("ext://sys.stdout", "ext://sys.stderr")
ADDRESSES = ("tracking.uri", "tune.storage")
"""The options that may hold a secret of the environment: it is taken out of all that is shown of them."""

_NO_DEFAULT = object()


def check_hydra(config: DictConfig) -> None:
    """Refuse a composed config whose `hydra` node would have other code called than Hydra's and its plugins'.

    Raises:
        SweepError: With every such place.
    """
    from omegaconf import OmegaConf

    if "hydra" not in config:
        return
    plain = OmegaConf.to_container(config.hydra, resolve=False, enum_to_str=True)
    problems = [problem for path, value in _leaves(plain, "hydra") if (problem := _problem(path, value)) is not None]
    if problems:
        raise SweepError(*problems)


def guard_environment() -> None:
    """Let `${oc.env:NAME}` give a variable that holds a secret to an address only, in this process."""
    from omegaconf import OmegaConf

    OmegaConf.register_new_resolver("oc.env", _variable, replace=True)


def _leaves(node: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(node, Mapping):
        for key, value in node.items():
            yield from _leaves(value, f"{path}.{key}")
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _leaves(value, f"{path}.{index}")
    else:
        yield path, node


def _problem(path: str, value: Any) -> str | None:
    place, _, key = path.rpartition(".")
    if key == "_target_":
        packages = PART_PACKAGES if place in PARTS else CALLBACK_PACKAGES if _is_callback(place) else ()
        if value is None or (isinstance(value, str) and value.startswith(packages)):
            return None
        return (
            f"{path}={value} is not called: a launcher, a sweeper or a callback of Hydra or of an installed "
            "`hydra_plugins` package can stand there."
        )
    if path.startswith(LOGGING):
        if key in {"()", "class"} and value not in LOGGING_CLASSES:
            return f"{path}={value} is not called. Choices: {', '.join(sorted(LOGGING_CLASSES))}."
        if isinstance(value, str) and value.startswith("ext://") and value not in STREAMS:
            return f"{path}={value} is not read. Choices: {', '.join(STREAMS)}."
    return None


def _is_callback(place: str) -> bool:
    return place.startswith(CALLBACKS) and "." not in place.removeprefix(CALLBACKS)


def _variable(name: str, default: Any = _NO_DEFAULT, *, _node_: Node) -> str | None:
    """OmegaConf's `oc.env`, which keeps secrets where they belong."""
    place = _node_._get_full_key(None)
    if is_secret(name) and place not in ADDRESSES:
        raise ValueError(
            f"{place} names the environment variable {name}, which holds a secret: only {' and '.join(ADDRESSES)} may, "
            "the others are logged"
        )
    if name in os.environ:
        return os.environ[name]
    if default is _NO_DEFAULT:
        raise KeyError(f"Environment variable '{name}' not found")
    return None if default is None else str(default)
