"""Where studies are kept: a journal file on one host, or a database for several."""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweep.errors import SweepError

if TYPE_CHECKING:
    from optuna.storages import BaseStorage

JOURNAL = "journal.log"
CONNECTIONS = {"pool_pre_ping": True, "pool_size": 2, "max_overflow": 2}  # of a process; a worker has two threads
CONNECT_S = 10  # a host that is switched off would be waited for more than two minutes
POSTGRESQL = {"postgresql+psycopg", "postgresql+psycopg2"}
MYSQL = {"mysql+pymysql", "mysql+mysqldb", "mysql"}
LINK = {  # a network that swallows what is sent would be waited for a quarter of an hour
    "keepalives_idle": CONNECT_S,
    "keepalives_interval": CONNECT_S // 2,
    "keepalives_count": 2,
    "tcp_user_timeout": 2000 * CONNECT_S,
}
ATTEMPTS = 20  # to open a database in which other processes make the tables
PAUSE_S = 0.3
LOCK_S = 30.0  # for the lock of a journal when it is opened
LINE = b'{"op_code":'  # how each line of a journal begins


def storage_address(storage: str | None, home: Path) -> str:
    """The URL of a database, or the absolute path of a journal file; by default the one in home."""
    if storage is None:
        return str(home / "optuna" / JOURNAL)
    return storage if "://" in storage else str(Path(storage).expanduser().absolute())


def open_storage(storage: str | None, home: Path) -> BaseStorage:
    """Open the storage, and make its file or its tables where they are missing.

    Args:
        storage: As the user names it, `tune.storage`.
        home: The folder that holds all state.

    Raises:
        SweepError: Nobody answers there, the file cannot be written or is no journal, or the driver is missing.
    """
    import optuna

    from sweep.redaction import keep_secret, redacted
    from sweep.tracking.uri import without_credentials

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    address = storage_address(storage, home)
    shown = without_credentials(address)
    keep_secret(address)
    try:
        return _database(address) if "://" in address else _journal(Path(address))
    except SweepError:
        raise
    except Exception as error:  # whatever a driver, SQLAlchemy, or the file system raises
        reason = (str(error).strip() or type(error).__name__).partition("\n")[0].replace(address, shown)
        raise SweepError(f"tune.storage={shown} cannot be opened ({redacted(reason)}).") from error


def _database(url: str) -> BaseStorage:
    from optuna.storages import RDBStorage
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import DBAPIError

    address = make_url(url)
    if address.drivername in {"postgres", "postgresql"} and importlib.util.find_spec("psycopg"):
        address = address.set(drivername="postgresql+psycopg")
    engine: dict[str, Any] = {} if url.startswith("sqlite") else dict(CONNECTIONS)
    if address.drivername in POSTGRESQL | MYSQL:
        wanted = {"connect_timeout": CONNECT_S} | (LINK if address.drivername in POSTGRESQL else {})
        engine["connect_args"] = {name: value for name, value in wanted.items() if name not in address.query}
    logging.getLogger("alembic").setLevel(logging.WARNING)
    for left in reversed(range(ATTEMPTS)):
        try:
            return RDBStorage(address.render_as_string(hide_password=False), engine_kwargs=engine)
        except DBAPIError as error:
            if not left or not _made_meanwhile(error):
                raise
            time.sleep(PAUSE_S)
    raise AssertionError


def _made_meanwhile(error: Exception) -> bool:
    """Whether another process makes the tables at this moment."""
    from sqlalchemy.exc import IntegrityError, ProgrammingError

    return isinstance(error, IntegrityError | ProgrammingError) or "already exists" in str(error)


def _journal(path: Path) -> BaseStorage:
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

    class JournalLock(JournalFileOpenLock):
        """A lock of the operating system: unlike Optuna's own, it falls when its holder is killed."""

        def __init__(self) -> None:
            from filelock import FileLock

            self._lock = FileLock(f"{path}.flock")

        def acquire(self, timeout: float = -1) -> bool:
            self._lock.acquire(timeout)
            try:
                drop_half_a_line(path)
            except BaseException:
                self._lock.release()
                raise
            return True

        def release(self) -> None:
            self._lock.release()

    if path.is_dir():
        raise SweepError(f"tune.storage={path} is a folder. Name a file in it, such as {path / JOURNAL}.")
    path.parent.mkdir(parents=True, exist_ok=True)
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise SweepError(f"tune.storage={path} cannot be written. Choose another place.")
    if not _may_be_journal(path):
        raise SweepError(f"tune.storage={path} is a file of another kind, no journal of Optuna. Choose another place.")
    Path(f"{path}.flock").touch()  # filelock would wait for a file that cannot be made
    lock = JournalLock()
    lock.acquire(LOCK_S)
    lock.release()
    return JournalStorage(JournalFileBackend(str(path), lock_obj=lock))


def _may_be_journal(path: Path) -> bool:
    """Whether the file begins as a journal does, or is missing, empty, or a journal's first line that was cut off."""
    try:
        with path.open("rb") as file:
            head = file.read(len(LINE))
    except FileNotFoundError:
        return True
    return LINE.startswith(head)


def drop_half_a_line(path: Path) -> None:
    """Cut off what a writer that died, or a disk that was full, left of a last line: Optuna would not read on.

    The caller holds the lock of the file.
    """
    with contextlib.suppress(FileNotFoundError), path.open("rb+") as file:
        end = file.seek(0, os.SEEK_END)
        kept = end
        while kept:
            start = max(0, kept - 4096)
            file.seek(start)
            block = file.read(kept - start)
            newline = block.rfind(b"\n")
            if newline >= 0:
                kept = start + newline + 1
                break
            kept = start
        if kept < end:
            file.truncate(kept)
