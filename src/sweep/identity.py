"""What a cell is: its architecture, its data and its key. The sweep's plan and the cell itself both ask here."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweep.config import CellConfig
from sweep.errors import SweepError
from sweep.grid import cell_key
from sweep.packages import installed_version
from sweep.recipe import resolved_recipe

if TYPE_CHECKING:
    from sweep.architecture.resolve import ResolvedModel
    from sweep.data.dataset import Dataset

KEY_VERSIONS = ("torch", "torchvision", "ultralytics")  # packages whose version changes what a training gives


@dataclass(frozen=True)
class Identity:
    """A cell's key with what it was made from."""

    key: str
    model: ResolvedModel
    recipe: Mapping[str, Any]


def load_data(
    data: Mapping[str, Any], home: Path, progress: Callable[[str], None] | None = None, *, draw: bool = True
) -> Dataset:
    """The checked data set of a `data=` choice; the built-in one is drawn when it is absent.

    Args:
        data: The content of the chosen `data` group.
        home: The folder that holds all state.
        progress: Told now and then how far the check is.
        draw: False for a plan: what is known of the built-in set is then given without its pictures.

    Raises:
        SweepError: With every problem of the data set.
    """
    from sweep.data.check import check_dataset
    from sweep.data.signs import ensure_signs, signs_undrawn

    if data.get("path") is None:
        if data.get("name") != "signs":
            raise SweepError(
                f"data={data.get('name')} has no path. Set `path:` in its file to the data set's data.yaml."
            )
        undrawn = None if draw else signs_undrawn(home)
        return undrawn or check_dataset(ensure_signs(home), home, name="signs", progress=progress)
    path = Path(str(data["path"])).expanduser().absolute()
    return check_dataset(
        path, home, name=data.get("name"), allow_download=data.get("allow_download") is True, progress=progress
    )


def identify(cell: CellConfig, data: Dataset, device_type: str) -> Identity:
    """Resolve a cell's architecture for its data and hash all that decides its result.

    Raises:
        SweepError: The level cannot be applied to this base, or an activation is not allowed.
    """
    from sweep.architecture.resolve import TRANSFORMS_VERSION
    from sweep.architecture.transfer import TRANSFER_VERSION
    from sweep.training import TRAINING_VERSION

    model = _resolved(json.dumps([cell.base, cell.level, cell.act, data.nc], sort_keys=True))
    recipe = resolved_recipe(cell.recipe)
    content = {
        "base": cell.base["name"],
        "level": str(cell.level["name"]),
        "act": cell.act["name"],
        "model": model.yaml,
        "recipe": recipe,
        "seed": cell.seed,
        "data": data.digest,
        "weights": file_digest(cell.weights) if cell.weights else None,
        "device": device_type,
        "versions": {name: installed_version(name) or "not installed" for name in KEY_VERSIONS},
        "transforms": TRANSFORMS_VERSION,
        "training": TRAINING_VERSION,
    }
    if cell.weights:
        content["transfer"] = TRANSFER_VERSION
    if cell.tune is not None:
        content["tune"] = cell.tune.identity()
    return Identity(cell_key(content), model, recipe)


@lru_cache(maxsize=1024)
def _resolved(content: str) -> ResolvedModel:
    """Cells that differ in other axes share their architecture: a plan of hundreds resolves each one once."""
    from sweep.architecture.resolve import resolve_model

    return resolve_model(*json.loads(content))


@lru_cache(maxsize=64)
def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes, 64 hex digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def axes_of(cell: CellConfig, data: Dataset) -> dict[str, Any]:
    """The cell's values on the axes of a grid, as its run has them among its params."""
    from sweep.tracking import names

    return {
        "base": cell.base["name"],
        "level": cell.level["name"],
        "act": cell.act["name"],
        "seed": cell.seed,
        "recipe": cell.recipe["name"],
        "data": data.name,
        names.WEIGHTS: cell.weights.name if cell.weights else None,
    }
