"""Everything that is wrong with tuning a recipe, found before anything starts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweep.errors import SweepError
from sweep.recipe import OURS, Argument, recipe_problems, training_arguments
from sweep.tune_settings import TuneSettings
from sweep.tuning.ignored import ignored, not_tunable
from sweep.tuning.methods import method_problems
from sweep.tuning.space import Parameter, read_space
from sweep.tuning.storage import storage_address

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

DRIVERS = {  # package by module, where they differ
    "psycopg": "psycopg[binary]",
    "psycopg2": "psycopg2-binary",
    "MySQLdb": "mysqlclient",
}
POSTGRES = "postgresql+psycopg://USER@HOST/DATABASE"


def tune_problems(
    tune: TuneSettings, recipe: Mapping[str, Any], *, cells: int, workers: int | None, home: Path
) -> list[str]:
    """What is wrong with tuning a recipe, each as a sentence; an empty list when it can be tuned.

    Args:
        tune: The settings.
        recipe: The chosen recipe as it is written, with its `name`.
        cells: How many cells of the sweep are tuned.
        workers: Cells side by side, None where the machine decides.
        home: The folder that holds all state.
    """
    epochs = tune.epochs or recipe.get("epochs")
    length = epochs if isinstance(epochs, int) and epochs > 0 else None
    problems = [
        *_epochs_problems(tune, recipe),
        *method_problems(replace(tune, epochs=length)),
        *storage_problems(tune.storage, home, together=tune.workers > 1 or (cells > 1 and workers != 1)),
    ]
    readable: dict[str, Parameter] = {}
    for name in sorted(tune.space):
        unfit = _name_problem(name)
        if unfit:
            problems.append(unfit)
            continue
        try:
            (readable[name],) = read_space({name: tune.space[name]})
        except SweepError as error:
            problems += error.problems
    known = training_arguments()
    values = {name: argument.default for name, argument in known.items()} | dict(recipe)
    for name, parameter in readable.items():
        reason = ignored(name, values, tuple(tune.space), length)
        if reason:
            problems.append(f"tune.space.{name} tunes nothing: {reason}.")
            continue
        refused = _end_problems(parameter, known[name], recipe)
        problems += refused or _recipe_value_problems(parameter, recipe, tune.space[name], known[name])
    return list(dict.fromkeys(problems))


def storage_problems(storage: str | None, home: Path, *, together: bool) -> list[str]:
    """What is wrong with `tune.storage`, without opening it. No password is in a sentence.

    Args:
        storage: As the user names it.
        home: The folder that holds all state.
        together: Whether several processes may write at the same time.
    """
    address = storage_address(storage, home)
    if "://" not in address:
        if Path(address).is_dir():
            return [f"tune.storage={storage} is a folder. Name a file in it, such as {storage}/journal.log."]
        return []
    scheme = address.partition("://")[0]
    try:
        from sqlalchemy.engine import URL, make_url

        url = make_url(address)
    except Exception:  # ArgumentError, or a ValueError for a port; either may quote the password
        return [f"tune.storage={scheme}://… is no database URL. Write {POSTGRES}, a path, or null."]
    shown = URL.create(url.drivername, host=url.host, port=url.port, database=url.database).render_as_string()
    return _dialect_problems(url, shown) or (_sqlite_problems(url, shown, together) if _is_sqlite(url) else [])


def _dialect_problems(url: URL, shown: str) -> list[str]:
    from sqlalchemy.exc import NoSuchModuleError

    try:
        dialect = url.get_dialect()
        if dialect.is_async:
            return [f"tune.storage={shown}: {url.drivername} is asynchronous. Write {POSTGRES}, for example."]
        dialect.import_dbapi()
    except NoSuchModuleError:
        return [
            f"tune.storage={shown}: no database is called {url.drivername}. "
            f"Write {POSTGRES}, a path of a file, or null for the journal in home."
        ]
    except ImportError as error:
        module = (error.name or url.get_driver_name()).partition(".")[0]
        return [f"tune.storage={shown} needs a driver: pip install '{DRIVERS.get(module, module)}'."]
    return []


def _is_sqlite(url: URL) -> bool:
    return url.get_backend_name() == "sqlite"


def _sqlite_problems(url: URL, shown: str, together: bool) -> list[str]:
    if url.database in {None, "", ":memory:"} or "mode" in url.query or ":memory:" in str(url.database):
        return [f"tune.storage={shown} is lost when its process ends. Use null for the journal in home."]
    if together:
        return [
            f"tune.storage={shown}: SQLite locks the whole file for every write, so several workers block each other, "
            "and Optuna's authors advise against it. Use null for the journal in home, or PostgreSQL "
            f"({POSTGRES}); or one worker at a time: workers=1 tune.workers=1."
        ]
    return []


def _epochs_problems(tune: TuneSettings, recipe: Mapping[str, Any]) -> list[str]:
    length = recipe.get("epochs")
    if tune.epochs is None or not isinstance(length, int) or tune.epochs <= length:
        return []
    return [
        f"tune.epochs={tune.epochs} is more than the recipe has (recipe.epochs={length}). "
        "Lower it, or use null for trials as long as the recipe."
    ]


def _name_problem(name: str) -> str | None:
    from sweep.overrides import nearest

    known = training_arguments()
    reason = not_tunable(name) or OURS.get(name)
    if reason:
        return f"tune.space.{name} cannot be tuned: {reason}."
    if name not in known:
        tunable = sorted(argument for argument in known if argument not in OURS and not_tunable(argument) is None)
        near = nearest(name, tunable)
        return f"tune.space.{name} is no training argument of the installed Ultralytics.{near}"
    return None


def _end_problems(parameter: Parameter, argument: Argument, recipe: Mapping[str, Any]) -> list[str]:
    """What the recipe's own check says of the ends of a range, or of each choice."""
    place = f"tune.space.{parameter.name}"
    if parameter.kind == "float" and "int" in argument.types and "float" not in argument.types:
        return [f"{place} must give whole numbers. Write int(interval({parameter.low:g}, {parameter.high:g}))."]
    before = set(recipe_problems(recipe))
    found = [
        f"{place}: {problem}"
        for value in parameter.ends()
        for problem in recipe_problems({**recipe, parameter.name: value})
        if problem not in before
    ]
    return found if parameter.kind == "choice" else found[:1]  # the type of a range is wrong at both ends


def _recipe_value_problems(
    parameter: Parameter, recipe: Mapping[str, Any], text: object, argument: Argument
) -> list[str]:
    """The recipe is trial 0, so its value must be one that the space has."""
    name = parameter.name
    value = recipe.get(name, argument.default)
    if parameter.contains(value):
        return []
    own = (
        f"recipe.{name}={value}" if name in recipe else f"Ultralytics' default {name}={value}, which the recipe keeps,"
    )
    return [
        f"{own} lies outside tune.space.{name}={text}, but trial 0 is the recipe itself. "
        f"Widen the space, or choose another recipe.{name}."
    ]
