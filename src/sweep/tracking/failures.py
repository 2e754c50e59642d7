"""What goes wrong with an address, as sentences for the person who gave it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from sweep.errors import SweepError
from sweep.redaction import redacted
from sweep.tracking.uri import is_server, without_credentials

UNKNOWN_HOST = "Invalid Host header"  # mlflow/server/security_utils.py
CONNECT_S = 5  # for the first contact with a database


class StoreAway(SweepError):
    """Nobody answers at the address of the store: it is away for a while, or the address is wrong."""


def check_answers(uri: str) -> None:
    """Look whether a database server answers: MLflow would try for 100 seconds.

    Raises:
        Exception: What the driver says.
    """
    if is_server(uri) or uri.startswith("sqlite"):
        return
    from sqlalchemy import create_engine
    from sqlalchemy.pool import NullPool

    limit = {"connect_timeout": CONNECT_S} if uri.startswith("postgresql") else {}
    create_engine(uri, poolclass=NullPool, connect_args=limit).connect().close()


@contextmanager
def as_user_errors(uri: str) -> Iterator[None]:
    """Turn what MLflow says about an address into one SweepError that names it, without its password."""
    try:
        yield
    except SweepError:
        raise
    except Exception as error:
        problem = _server(uri, error) if is_server(uri) else _database(uri, error)
        if problem is None:
            raise
        raise problem from error


def _server(uri: str, error: Exception) -> SweepError | None:
    from mlflow.exceptions import MlflowException
    from requests import RequestException

    if not isinstance(error, (MlflowException, RequestException, OSError)):
        return None
    place = f"tracking.uri={without_credentials(uri)}"
    status = getattr(error, "get_http_status_code", lambda: None)()
    if status == 403 and UNKNOWN_HOST in str(error):
        host = urlsplit(uri).netloc.rpartition("@")[2]
        names = ",".join(dict.fromkeys((host.partition(":")[0], host)))
        return SweepError(
            f"{place}: the server does not answer to this name (HTTP 403, {UNKNOWN_HOST}). Start it with "
            f"--allowed-hosts '{names},localhost:*' (docs/cluster.md)."
        )
    if status in (401, 403):
        return SweepError(
            f"{place}: the server refused access (HTTP {status}). Set MLFLOW_TRACKING_USERNAME and "
            "MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN."
        )
    return StoreAway(f"{place}: no MLflow server answers there. Start it, correct the address, or use tracking=local.")


def _database(uri: str, error: Exception) -> SweepError | None:
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import OperationalError, SQLAlchemyError

    if not isinstance(error, (MlflowException, SQLAlchemyError, ImportError, OSError)):
        return None
    shown = without_credentials(uri)
    text = str(error).strip()
    if "out-of-date database schema" in text or "Can't locate revision" in text:
        return SweepError(
            f"tracking.uri={shown}: this database was written by another version of MLflow. Copy it, then "
            f"run `mlflow db upgrade '{shown}'`, or choose another home."
        )
    reason = redacted(text.partition("\n")[0].replace(uri, shown))
    away = isinstance(error, OperationalError) and not uri.startswith("sqlite") and not _refused(text)
    kind = StoreAway if away else SweepError
    return kind(f"tracking.uri={shown}: the tracking store cannot be opened ({reason}).")


def _refused(text: str) -> bool:
    """Whether a database answers, and says no."""
    return any(word in text for word in ("authentication", "password", "does not exist", "permission denied"))
