"""Find the Ultralytics model YAML that a level transforms, without importing Ultralytics."""

from __future__ import annotations

import copy
import functools
import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from sweep.architecture.names import did_you_mean
from sweep.bounded_yaml import read_yaml
from sweep.errors import SweepError
from sweep.files import expanded, is_file
from sweep.stock_classes import is_defined

DEFAULT_ACTIVATION = "torch.nn.SiLU()"
"""What Ultralytics' convolutions have where the YAML names none (`Conv.default_act` in nn/modules/conv.py)."""

LAYERS = {"nn.": "torch.nn.modules", "torchvision.ops.": "torchvision.ops", "": "ultralytics.nn.modules"}
"""How a model YAML writes the classes of a package, and where it defines them."""

DOWNLOADS = "TorchVision"
"""A layer that fetches weights from the network when it is built."""


def find_base(model: str, scale: str | None, extra_dirs: Sequence[Path] = ()) -> dict[str, Any]:
    """The model YAML `model` as a fresh dict, for one scale.

    Args:
        model: file name of a model in the installed Ultralytics (`yolo11.yaml`), or a path to a YAML of the
            user's.
        scale: which of the YAML's `scales`; None only for a YAML without scales.
        extra_dirs: folders in which a relative path is looked for, before the working directory and
            Ultralytics.

    Returns:
        The YAML's content with `scales` cut down to the chosen one, so that Ultralytics cannot guess another
        from the name of the file. A key `activation` is dropped: the activation is chosen, and Ultralytics
        evaluates it.

    Raises:
        SweepError: not found, not readable, not a detection model, or a scale that it doesn't have.
    """
    path = _locate(model, extra_dirs)
    stat = path.stat()
    base = copy.deepcopy(_read(path, stat.st_mtime_ns, stat.st_size))
    base.pop("activation", None)
    scales = base.pop("scales", None)
    base.pop("scale", None)
    if scales:
        if scale not in scales:
            raise SweepError(
                f"Base model {model} has no scale {scale!r}{did_you_mean(scale, scales)}."
                f" Set scale to one of {', '.join(map(str, scales))}."
            )
        base["scales"] = {scale: scales[scale]}
        base["scale"] = scale
    elif scale is not None:
        raise SweepError(f"Base model {model} has no scales: leave scale={scale!r} out.")
    return base


def own_activation(model: str, extra_dirs: Sequence[Path] = ()) -> str:
    """The activation that a model YAML has of its own, as text; it is never evaluated here.

    Args and errors as of `find_base`.
    """
    path = _locate(model, extra_dirs)
    stat = path.stat()
    return str(_read(path, stat.st_mtime_ns, stat.st_size).get("activation") or DEFAULT_ACTIVATION)


def _locate(model: str, extra_dirs: Sequence[Path]) -> Path:
    """The file that `model` names."""
    given = expanded(model)
    candidates = [folder / given for folder in (*extra_dirs, Path())]
    for candidate in candidates:
        if is_file(candidate):
            return candidate.resolve()
    installed = _installed_models()
    if model in installed:
        return installed[model]
    raise SweepError(
        f"Base model {model!r} is neither a file nor a model of the installed Ultralytics"
        f"{did_you_mean(model, installed)}. Give the path of a model YAML, or a name such as 'yolo11.yaml'."
    )


@functools.cache
def _installed_models() -> dict[str, Path]:
    """The model YAMLs of the installed Ultralytics by file name."""
    spec = importlib.util.find_spec("ultralytics")
    if spec is None or spec.origin is None:
        raise SweepError("Ultralytics is not installed. Install it with `pip install ultralytics`.")
    folder = Path(spec.origin).parent / "cfg" / "models"
    return {path.name: path for path in sorted(folder.rglob("*.yaml"))}


@functools.lru_cache(maxsize=64)
def _read(path: Path, mtime_ns: int, size: int) -> dict[str, Any]:
    """The checked content of a model YAML. Time and size stand in the key so that an edited file is read
    again.
    """
    try:
        content = read_yaml(path)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise SweepError(f"Base model {path} cannot be read as YAML: {error}") from None
    if not isinstance(content, dict) or not all(
        isinstance(content.get(part), list) and content[part] for part in ("backbone", "head")
    ):
        raise SweepError(f"Base model {path} is no model YAML: it needs the lists `backbone` and `head`.")
    check_layers(path, content)
    last = content["head"][-1]
    module = last[2] if isinstance(last, list) and len(last) == 4 else last
    if module != "Detect":
        raise SweepError(
            f"Base model {path.name} ends in {module}, not in Detect: only detection models can be swept. "
            f"Choose a detection model such as yolo11.yaml."
        )
    return content


def check_model_yaml(path: Path) -> None:
    """Refuse a model YAML that is none, or that names other code than layers, before Ultralytics reads it.

    Raises:
        SweepError: With what is wrong.
    """
    try:
        content = read_yaml(path)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise SweepError(f"{path} is no model YAML: {' '.join(str(error).split())}.") from None
    if isinstance(content, dict) and all(isinstance(content.get(part), list) for part in ("backbone", "head")):
        check_layers(path, content)


def check_layers(path: Path, content: Mapping[str, Any]) -> None:
    """Refuse layers that are no classes of Ultralytics, torch.nn or torchvision.ops: Ultralytics calls what it is told.

    Rows that are none are left to `Network.from_yaml`.

    Raises:
        SweepError: Names each of them.
    """
    problems = []
    for index, row in enumerate([*content["backbone"], *content["head"]]):
        if not isinstance(row, list) or len(row) != 4:
            continue
        module = row[2]
        if not isinstance(module, str) or not _is_layer(module):
            problems.append(
                f"Model {path}, layer {index}: {module!r} is no layer of Ultralytics, torch.nn or torchvision.ops."
            )
        elif module == DOWNLOADS:
            problems.append(f"Model {path}, layer {index}: {module} downloads weights, which is not allowed.")
    if problems:
        raise SweepError(*problems)


def _is_layer(module: str) -> bool:
    prefix, package = next((prefix, package) for prefix, package in LAYERS.items() if module.startswith(prefix))
    return is_defined(package, module.removeprefix(prefix))
