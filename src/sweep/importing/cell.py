"""What a run folder becomes: a cell with its axes, its key, and what the user should know of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sweep.grid import cell_key
from sweep.identity import file_digest
from sweep.importing.arguments_yaml import initial_weights, recipe_differences, recipe_of
from sweep.importing.claim import Claim
from sweep.importing.data import TrainedOn
from sweep.importing.folder import RunFolder
from sweep.importing.likeness import Likeness
from sweep.tracking import names

OWN_RECIPE = "imported"  # the name of hyperparameters that are no known recipe's
KEY_VERSION = 1


@dataclass(frozen=True, eq=False)
class ImportedCell:
    """A cell that somebody has trained by hand.

    Attributes:
        folder: where it was trained.
        claim: what the user says it is.
        data: what it was trained on.
        likeness: how its checkpoint compares with the claim.
        recipe: its hyperparameters with the recipe's `name`.
        seed: of its training.
        key: the content hash of its files, axes and data.
        key_without_data: the key that it has where its data is gone.
        warnings: sentences for the user.
    """

    folder: RunFolder
    claim: Claim
    data: TrainedOn
    likeness: Likeness
    recipe: Mapping[str, Any]
    seed: int
    key: str
    key_without_data: str
    warnings: tuple[str, ...]

    @property
    def axes(self) -> dict[str, Any]:
        """Its values on the axes of a grid, as `identity.axes_of` gives them for a cell of ours."""
        cell = self.claim.cell
        return {
            "base": cell.base["name"],
            "level": cell.level["name"],
            "act": cell.act["name"],
            "seed": self.seed,
            "recipe": self.recipe["name"],
            "data": self.data.name,
            names.WEIGHTS: initial_weights(self.folder.arguments),
        }

    @property
    def config(self) -> dict[str, Any]:
        """The content of its `config.yaml`, as a cell of ours has it."""
        cell = self.claim.cell
        return {
            "base": dict(cell.base),
            "level": dict(cell.level),
            "act": dict(cell.act),
            "data": dict(self.data.choice),
            "model": {"weights": initial_weights(self.folder.arguments)},
            "recipe": dict(self.recipe),
            "seed": self.seed,
            "key": self.key,
        }


def describe(folder: RunFolder, claim: Claim, data: TrainedOn, likeness: Likeness) -> ImportedCell:
    """Put together what is known of a run folder."""
    named = claim.cell.recipe
    recipe = recipe_of(folder.arguments, named)
    differences = recipe_differences(recipe, named)
    recipe_name = named["name"] if "recipe" in claim.given or not differences else OWN_RECIPE
    trained_seed = folder.arguments.get("seed", 0)
    seed = claim.cell.seed if "seed" in claim.given or not isinstance(trained_seed, int) else trained_seed
    content = {
        "imported": KEY_VERSION,
        "files": {name: file_digest(path) for name, path in folder.files.items()},
        "base": claim.cell.base["name"],
        "level": str(claim.cell.level["name"]),
        "act": claim.cell.act["name"],
        "recipe": recipe_name,
        "seed": seed,
    }
    warnings = [*_likeness_warnings(claim, likeness), *_folder_warnings(folder)]
    if "recipe" in claim.given and differences:
        warnings.append(f"it was not trained with recipe={recipe_name}: {', '.join(differences)}.")
    if seed != trained_seed:
        warnings.append(f"args.yaml says seed: {trained_seed}, not {seed}.")
    if data.dataset is not None and folder.best.names != data.dataset.names:
        warnings.append(f"the classes of {data.dataset.yaml} have other names than those of the checkpoint.")
    digest = None if data.dataset is None else data.dataset.digest
    return ImportedCell(
        folder=folder,
        claim=claim,
        data=data,
        likeness=likeness,
        recipe={"name": recipe_name, **recipe},
        seed=seed,
        key=cell_key({**content, "data": digest}),
        key_without_data=cell_key({**content, "data": None}),
        warnings=tuple(warnings),
    )


def _likeness_warnings(claim: Claim, likeness: Likeness) -> list[str]:
    cell = claim.cell
    said = f"base={cell.base['name']} level={cell.level['name']} act={cell.act['name']}"
    if likeness.resolved is None:
        return [f"{said} cannot be put together, so the checkpoint was not compared with it: {likeness.differences[0]}"]
    if not likeness.differences:
        return []
    instead = f" It looks like {' '.join(likeness.found)}." if likeness.found else ""
    return [f"the checkpoint is not what {said} gives: {'; '.join(likeness.differences)}.{instead}"]


def _folder_warnings(folder: RunFolder) -> list[str]:
    warnings = []
    if folder.cut_short:
        done, planned = max(folder.results.epochs), folder.arguments.get("epochs")
        warnings.append(f"the training was stopped after {done} of {planned} epochs, and could be resumed.")
    if folder.last is None:
        warnings.append("the folder has no weights/last.pt, so none is kept.")
    return warnings
