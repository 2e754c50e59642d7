"""What the user says of a run folder: `level=4 act=relu …`, checked as the overrides of a sweep are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sweep.config import CellConfig, Settings, read_cell, read_settings
from sweep.errors import Problems, SweepError
from sweep.paths import option_names

REQUIRED = {"level": "levels", "act": "act"}  # key -> the group of its choices
TAKEN = (*REQUIRED, "base", "seed", "data", "data.allow_download", "recipe")
INSTEAD = {
    "home": "--home DIR",
    "experiment": "--experiment NAME",
    "tracking.uri": "--tracking-uri URI",
    "model.trust": "--trust",
}


@dataclass(frozen=True)
class Claim:
    """What a run folder is said to be.

    Attributes:
        cell: base, level and act; also data, recipe and seed where they are among `given`, otherwise defaults.
        given: the keys that were given.
        settings: of a sweep started here.
    """

    cell: CellConfig
    given: frozenset[str]
    settings: Settings

    @property
    def data(self) -> Mapping[str, Any] | None:
        """The data set that was named, or None."""
        return self.cell.data if "data" in self.given else None


def read_claim(overrides: Sequence[str]) -> Claim:
    """Read the overrides of an import.

    Raises:
        SweepError: With every problem found: level or act missing, unknown keys or choices, several values.
    """
    from sweep.arguments import override_key, prepare
    from sweep.overrides import check_overrides

    problems = Problems()
    problems.add(*_key_problems(overrides))
    known = [text for text in overrides if override_key(text) in TAKEN or "=" not in text]
    good = []
    for text in prepare(known):
        with problems:
            check_overrides([text])
            _one_value(text)
            good.append(text)
    claim = None
    with problems:  # what is good is composed also where something else is wrong: levels are looked up then
        claim = _composed(good, frozenset(map(override_key, known)))
    problems.raise_if_any()
    assert claim is not None
    return claim


def _composed(overrides: Sequence[str], given: frozenset[str]) -> Claim:
    from hydra.core.global_hydra import GlobalHydra

    from sweep.compose import Composer, hydra_app

    # A named recipe may name the checkpoint that a sweep would begin with; here the folder says it.
    plain = Composer(hydra_app().config_loader).compose([*overrides, "model.weights=null"])
    GlobalHydra.instance().clear()
    settings = read_settings(plain)
    return Claim(read_cell(plain, settings.home), given, settings)


def _one_value(text: str) -> None:
    from sweep.overrides import parse

    if parse(text).is_sweep_override():
        raise SweepError(f"`{text}` names several: a folder is one training. Import each with its own value.")


def _key_problems(overrides: Sequence[str]) -> list[str]:
    from sweep.arguments import override_key
    from sweep.overrides import nearest

    keys = [override_key(text) for text in overrides]
    problems = [
        f"{key}= is missing: say which {key} was trained. Choices: {', '.join(option_names(group))}."
        for key, group in REQUIRED.items()
        if key not in keys
    ]
    if "data.allow_download" in keys and "data" not in keys:
        problems.append("data.allow_download= goes with a data set that is named: data=/path/data.yaml.")
    for key, text in zip(keys, overrides, strict=True):
        if key in TAKEN or "=" not in text:
            continue
        if key in INSTEAD:
            problems.append(f"`{text}`: an import takes it as {INSTEAD[key]}.")
        elif key.startswith("recipe."):
            problems.append(f"`{text}`: hyperparameters are read from the folder's args.yaml. Leave it out.")
        elif near := nearest(key, TAKEN):
            problems.append(f"There is no option `{key}`.{near}")
        else:
            problems.append(f"`{text}` is not for an import, which takes {', '.join(f'{name}=' for name in TAKEN)}.")
    return problems
