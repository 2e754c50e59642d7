"""What the verbs take where the command line says nothing: home, experiment and store of the user's configuration."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sweep.errors import SweepError

if TYPE_CHECKING:
    from sweep.tracking.store import Store


@dataclass(frozen=True)
class Site:
    """Where sweeps of this folder are kept; home is absolute, `tracking_uri` None stands for the SQLite file in it."""

    home: Path
    experiment: str
    tracking_uri: str | None


def site(home: Path | None = None, tracking_uri: str | None = None, experiment: str | None = None) -> Site:
    """The site of a verb: what was given, and the rest as a sweep started here would have it.

    Hydra composes the configuration (0.2 s) only where something was not given. A `tracking_uri` of `""` is the SQLite
    file in home, whatever the configuration says.

    Raises:
        SweepError: The configuration cannot be read.
    """
    if home is None or tracking_uri is None or experiment is None:
        configured = _configured()
        home = home or configured.home
        tracking_uri = configured.tracking_uri if tracking_uri is None else tracking_uri
        experiment = experiment or configured.experiment
    return Site(home.expanduser().absolute(), experiment, tracking_uri or None)


def open_site(home: Path | None = None, tracking_uri: str | None = None, experiment: str | None = None) -> Store:
    """The store of a verb that reads what sweeps have left; nothing is made.

    Raises:
        SweepError: There is no such store or experiment, or the configuration cannot be read.
    """
    from sweep.tracking.store import find_store, has_store
    from sweep.tracking.uri import without_credentials

    place = site(home, tracking_uri, experiment)
    if not has_store(place.home, place.tracking_uri):
        where = place.tracking_uri or f"home={place.home}"
        raise SweepError(
            f"{without_credentials(where)} holds no sweeps: there is no store. Name the folder of your sweeps with "
            "--home, or run one first: python -m sweep"
        )
    store = find_store(place.home, place.experiment, place.tracking_uri)
    if store is None:
        where = place.tracking_uri or f"home={place.home}"
        raise SweepError(
            f"{without_credentials(where)} holds no experiment `{place.experiment}`. Name another with --experiment, "
            "or run a sweep in it first: python -m sweep experiment=…"
        )
    return store


def _configured() -> Site:
    from hydra.core.global_hydra import GlobalHydra
    from hydra.types import RunMode
    from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException

    from sweep.compose import hydra_app
    from sweep.config import home_of
    from sweep.overrides import CONFIG_NAME, explain

    config = hydra_app().compose_config(CONFIG_NAME, [], run_mode=RunMode.RUN, with_log_configuration=False)
    GlobalHydra.instance().clear()
    try:
        home, experiment = home_of(config), str(config.experiment)
        try:
            uri = config.tracking.uri
        except MissingMandatoryValue:  # tracking=server without an address
            uri = None
    except OmegaConfBaseException as error:
        raise SweepError(*explain(error, [])) from error
    return Site(home, experiment, uri)
