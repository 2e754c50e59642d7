"""Open the MLflow store of a home, or a shared one, safely from many processes at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sweep.errors import SweepError
from sweep.tracking.client import FIRST_CONTACT, client_for, close, environment, new_client
from sweep.tracking.failures import as_user_errors, check_answers
from sweep.tracking.uri import is_server, resolve_uri, sqlite_path, sqlite_uri, without_credentials

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Experiment

LOCK_FILE = "mlflow.lock"  # in home; a database file has a lock of its own beside it
LOCK_TIMEOUT_S = 120.0
_SQLITE_MAGIC = b"SQLite format 3\0"


@dataclass(frozen=True)
class Store:
    """An MLflow store: one experiment at one address. Picklable; a process builds its own client.

    Attributes:
        uri: its absolute address.
        experiment: the name of the experiment.
        known_id: the experiment's id; None where the store was not asked yet.
        home: the folder of all state.
    """

    uri: str
    experiment: str
    known_id: str | None
    home: Path

    @property
    def experiment_id(self) -> str:
        """The experiment's id; a store that was not opened yet is opened now."""
        if self.known_id is not None:
            return self.known_id
        if self not in _opened:
            _opened[self] = str(open_store(self.home, self.experiment, self.uri).known_id)
        return _opened[self]

    @property
    def client(self) -> MlflowClient:
        """MLflow's client for this store, built once per process."""
        return client_for(self.uri)


_opened: dict[Store, str] = {}


def store_at(home: Path, experiment: str, uri: str | None = None) -> Store:
    """A store that is not asked anything yet: it may be away, and is opened when it is first needed.

    Raises:
        SweepError: the address is none.
    """
    return Store(resolve_uri(home.absolute(), uri), experiment, None, home.absolute())


def open_store(home: Path, experiment: str, uri: str | None = None) -> Store:
    """Open the store and make sure that its database and the experiment exist.

    Args:
        home: Folder of all state, made if absent. The default store is `home/mlflow.db`; artifacts of a store
            that is not a server lie in `home/artifacts`.
        experiment: Name of the MLflow experiment.
        uri: Address of an MLflow server or database; None for the SQLite file in home.

    Raises:
        StoreAway: nobody answers there.
        SweepError: the address is none, the database belongs to another version of MLflow, or the experiment was
            deleted.
    """
    home = home.absolute()
    address = resolve_uri(home, uri)
    _make_home(home)
    with as_user_errors(address):
        check_answers(address)
        _ensure_sqlite(home, address, experiment)
        with environment(FIRST_CONTACT if is_server(address) else {}):
            client = client_for(address)
            found = client.get_experiment_by_name(experiment)
            if found is None:
                with _locked(home, address):
                    found = client.get_experiment_by_name(experiment)
                    found = found or _create_experiment(client, home, address, experiment)
    return _store(home, address, found)


def find_store(home: Path, experiment: str, uri: str | None = None) -> Store | None:
    """Open a store that is there with its experiment; None when it is not, and then nothing is made.

    Raises:
        SweepError: as `open_store`.
    """
    home = home.absolute()
    address = resolve_uri(home, uri)
    if not has_store(home, uri):
        return None
    with as_user_errors(address), environment(FIRST_CONTACT if is_server(address) else {}):
        check_answers(address)
        found = client_for(address).get_experiment_by_name(experiment)
    return None if found is None else _store(home, address, found)


def has_store(home: Path, uri: str | None = None) -> bool:
    """Whether there is a store to read: the SQLite file exists. Other addresses are taken at their word.

    Nothing is created, and MLflow is not imported.
    """
    path = sqlite_path(resolve_uri(home.absolute(), uri))
    return path is None or _is_database(path)


def _store(home: Path, address: str, found: Experiment) -> Store:
    if found.lifecycle_stage != "active":
        raise SweepError(
            f"experiment={found.name}: it was deleted in {without_credentials(address)}. Restore it "
            f"(mlflow experiments restore --experiment-id {found.experiment_id}) or choose another name."
        )
    return Store(uri=address, experiment=found.name, known_id=str(found.experiment_id), home=home)


def _make_home(home: Path) -> None:
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SweepError(f"home={home}: this folder cannot be made ({error.strerror}). Choose another.") from error


def _ensure_sqlite(home: Path, uri: str, experiment: str) -> None:
    """Create the SQLite file with its schema and experiment, if it is not there.

    MLflow migrates an empty database in many small commits, and a second process that opens it meanwhile
    fails. So it is made under another name and moved in place when it is complete: a file that exists is
    ready to use, without a lock and without a check.
    """
    path = sqlite_path(uri)
    if path is None or _is_database(path):
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with _locked(home, uri):
        if _is_database(path):
            return
        draft = path.with_name(f"{path.name}.new")
        draft.unlink(missing_ok=True)
        draft.touch()  # A folder that cannot be written fails here at once: MLflow would try for 100 seconds.
        client = new_client(sqlite_uri(draft))
        _create_experiment(client, home, uri, experiment)
        close(client)
        draft.replace(path)


def _is_database(path: Path) -> bool:
    """Whether the file holds a database; an absent or empty one does not. SweepError for another file."""
    try:
        with path.open("rb") as file:
            start = file.read(len(_SQLITE_MAGIC))
    except FileNotFoundError:
        return False
    except OSError as error:
        raise SweepError(f"{path}: the tracking store cannot be read ({error.strerror}).") from error
    if start and start != _SQLITE_MAGIC:
        raise SweepError(f"{path}: this file is no SQLite database. Move it away, or choose another home.")
    return bool(start)


def _create_experiment(client: MlflowClient, home: Path, uri: str, experiment: str) -> Experiment:
    """Create the experiment; where another machine was faster, return theirs."""
    from mlflow.exceptions import MlflowException

    location = None if is_server(uri) else (home / "artifacts").as_uri()
    try:
        return client.get_experiment(client.create_experiment(experiment, artifact_location=location))
    except MlflowException as error:
        found = client.get_experiment_by_name(experiment)
        if error.error_code != "RESOURCE_ALREADY_EXISTS" or found is None:
            raise
        return found


@contextmanager
def _locked(home: Path, uri: str) -> Iterator[None]:
    """Set up a store alone: the lock belongs to the database where it is a file, whatever home it is opened from."""
    from filelock import FileLock, Timeout

    database = sqlite_path(uri)
    path = home / LOCK_FILE if database is None else Path(f"{database.resolve()}.lock")
    try:
        with FileLock(path, timeout=LOCK_TIMEOUT_S):
            yield
    except Timeout:
        raise SweepError(
            f"{path}: another process holds it for {LOCK_TIMEOUT_S:.0f} s to set up the tracking store. "
            "End that process and try again."
        ) from None
