"""Addresses of MLflow stores: the default in home, what is allowed, and how to show one."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from sweep.errors import SweepError
from sweep.redaction import keep_secret

DATABASE_FILE = "mlflow.db"
_SERVERS = ("http", "https")
_DATABASES = ("sqlite", "postgresql", "mysql", "mssql")
_SQLITE = "sqlite:///"
_SECRET = re.compile(r"([?&][^=&]*(?:pass|secret|token)[^=&]*=)([^&]*)", re.IGNORECASE)
_USER = re.compile("://(.*)@")


def resolve_uri(home: Path, uri: str | None) -> str:
    """Return the absolute address of the store: `uri`, or the SQLite file in home.

    Raises SweepError for a scheme that cannot hold runs (MLflow's file store is closed since 3.13).
    """
    keep_secret(uri or "")
    if not uri:
        return sqlite_uri(home.absolute() / DATABASE_FILE)
    scheme = uri.partition(":")[0].lower() if "://" in uri else ""
    if scheme.partition("+")[0] not in _SERVERS + _DATABASES:
        raise SweepError(
            f"tracking.uri={without_credentials(uri)}: not the address of an MLflow store. Use "
            "http(s)://HOST:PORT for a server, postgresql://… for a database, sqlite:////PATH.db for a file, "
            "or null for the one in home."
        )
    path = sqlite_path(uri)
    return sqlite_uri(path.absolute()) if path else uri


def sqlite_uri(path: Path) -> str:
    """Return SQLAlchemy's address of a SQLite file.

    It is the plain path, which people can read and paste, except where SQLAlchemy would take a part of the
    name for something else: a `%41`, which it decodes since 2.1, or a `?`.
    """
    plain = f"{_SQLITE}{path}"
    if "?" not in plain and unquote(plain) == plain:
        return plain
    if _sqlalchemy_decodes():
        return _SQLITE + quote(str(path), safe="/ []=#" if "?" not in plain else "/")
    if "?" in plain:
        raise SweepError(f"{path}: a '?' in the path cannot name a SQLite database here; use another folder.")
    return plain


def sqlite_path(uri: str) -> Path | None:
    """Return the file of a plain `sqlite:///PATH` address, None for anything else."""
    if not uri.startswith(_SQLITE) or "?" in uri:
        return None
    name = uri.removeprefix(_SQLITE)
    if unquote(name) != name and _sqlalchemy_decodes():
        name = unquote(name)
    return Path(name) if name and name != ":memory:" else None


@cache
def _sqlalchemy_decodes() -> bool:
    from sqlalchemy.engine import make_url

    return make_url("sqlite:///%41").database == "A"


def is_server(uri: str) -> bool:
    """Whether the address is an MLflow server, which has its own UI and its own place for artifacts."""
    return uri.startswith(tuple(f"{scheme}://" for scheme in _SERVERS))


def without_credentials(uri: str) -> str:
    """Return the address without user name and password, for messages, tags and links.

    Neither is a password shown that follows the `?`. In the address of a database it may hold a `/` or a `?`, where
    SQLAlchemy takes all up to the last `@` for it.
    """
    if "://" not in uri or uri.startswith("sqlite"):
        return uri
    shown = _SECRET.sub(r"\1…", uri)
    if not uri.startswith((*_SERVERS, "file")):
        return _USER.sub("://", shown)
    if "@" not in shown:
        return shown
    try:
        parts = urlsplit(shown)
    except ValueError:
        return shown.partition("://")[0] + "://…"
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
