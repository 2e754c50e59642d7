"""MLflow's model registry: the recommended cell as `models:/NAME@champion`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from sweep.errors import SweepError
from sweep.tracking import names
from sweep.tracking.models import logged_model, model_uri
from sweep.tracking.store import Store
from sweep.tracking.uri import is_server

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion

CHAMPION: Final = "champion"
MAX_NAME: Final = 256  # characters: the column in MLflow's databases
_REFUSED: Final = "/:?"


def name_problem(name: str) -> str | None:
    """Return what is wrong with a name for a registered model, as a sentence; None where nothing is.

    MLflow refuses `/`, `:` and what is no plain path (`_validate_model_name`); with the other signs the address
    `models:/NAME@champion` would not find it.
    """
    place = f"report.register={name if name.isprintable() else ascii(name)}"
    advice = "Use letters, digits, '-', '_' and '.', for example road-signs."
    if not name.strip():
        return f"{place}: the name of a registered model is empty. {advice}"
    odd = next((sign for sign in name if sign in _REFUSED or not sign.isprintable()), None)
    if odd is not None:
        return f"{place}: the name of a registered model cannot hold {odd!a}. {advice}"
    if name == "." or name.startswith("..") or name != name.strip():
        return f"{place}: the name of a registered model neither starts with dots nor has spaces at its ends. {advice}"
    if len(name) > MAX_NAME:
        return f"report.register={name[:40]}…: the name of a registered model has {MAX_NAME} characters at most."
    return None


def champion_run(store: Store, name: str) -> str | None:
    """Return the id of the run whose model is the champion of that name, or None where there is no such champion."""
    from mlflow.exceptions import MlflowException

    try:
        run_id = store.client.get_model_version_by_alias(name, CHAMPION).run_id
    except MlflowException as error:
        if error.error_code not in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):  # no such name, or alias
            raise
        return None
    return str(run_id) if run_id else None


def register_champion(store: Store, run_id: str, name: str) -> str:
    """Register a run's model under a name, made if absent, give it the alias `champion`, and return the version.

    A version that comes from this run already, with its files where it says, gets the alias; no other is made.

    Raises:
        SweepError: The run has no logged model, or the name is refused.
    """
    from mlflow.exceptions import MlflowException

    problem = name_problem(name)
    if problem is not None:
        raise SweepError(problem)
    run = store.client.get_run(run_id)
    model = logged_model(store, run)
    if model is None:
        cell = run.data.tags.get(names.CELL, run_id)
        raise SweepError(
            f"report.register={name}: the run of {cell} ({run_id}) holds no model to register; it was made before "
            "checkpoints were logged as models, or its upload broke off. Train it again (rerun=true), or take a sweep "
            "whose recommended cell has one."
        )
    source = model_uri(store, run, model)
    version = _version_of(store, name, run_id, source)
    if version is None:
        try:
            store.client.create_registered_model(name)
        except MlflowException as error:
            if "already taken by a prompt" in str(error):
                raise SweepError(
                    f"report.register={name}: a prompt has this name in MLflow. Choose another."
                ) from error
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        tags = {tag: run.data.tags[tag] for tag in (names.CELL, names.CELL_KEY, names.SWEEP_ID) if tag in run.data.tags}
        version = store.client.create_model_version(name, source, run_id, tags=tags, model_id=model.model_id)
        _tell_model(store, model.model_id, version)
    if CHAMPION not in version.aliases:
        store.client.set_registered_model_alias(name, CHAMPION, version.version)
    return str(version.version)


def _version_of(store: Store, name: str, run_id: str, source: str) -> ModelVersion | None:
    """The newest version under a name that comes from a run and from these files, or None."""
    found = [
        version
        for version in store.client.search_model_versions(f"run_id = '{run_id}'")
        if version.name == name and version.source == source
    ]
    newest = max(found, key=lambda version: int(version.version), default=None)
    return None if newest is None else store.client.get_model_version(name, newest.version)


def _tell_model(store: Store, model_id: str, version: ModelVersion) -> None:
    """Link the model's page to its version; a server has done it by itself (`set_model_versions_tags`)."""
    if is_server(store.uri):
        return
    known = json.loads(store.client.get_logged_model(model_id).tags.get("mlflow.modelVersions", "[]"))
    linked = [*known, {"name": version.name, "version": version.version}]
    store.client.set_logged_model_tags(model_id, {"mlflow.modelVersions": json.dumps(linked)})
