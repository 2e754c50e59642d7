"""What goes wrong with an address, as sentences for the person who gave it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sweep.errors import SweepError
from sweep.redaction import redacted
from sweep.tracking.uri import is_server, without_credentials


@contextmanager
def as_user_errors(uri: str) -> Iterator[None]:
    """Turn what MLflow says about an address into one SweepError that names it, without its password."""
    try:
        yield
    except SweepError:
        raise
    except Exception as error:
        sentence = _server(uri, error) if is_server(uri) else _database(uri, error)
        if sentence is None:
            raise
        raise SweepError(sentence) from error


def _server(uri: str, error: Exception) -> str | None:
    from mlflow.exceptions import MlflowException
    from requests import RequestException

    if not isinstance(error, (MlflowException, RequestException, OSError)):
        return None
    place = f"tracking.uri={without_credentials(uri)}"
    status = getattr(error, "get_http_status_code", lambda: None)()
    if status in (401, 403):
        return (
            f"{place}: the server refused access (HTTP {status}). Set MLFLOW_TRACKING_USERNAME and "
            "MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN."
        )
    return f"{place}: no MLflow server answers there. Start it, correct the address, or use tracking=local."


def _database(uri: str, error: Exception) -> str | None:
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    if not isinstance(error, (MlflowException, SQLAlchemyError, ImportError, OSError)):
        return None
    shown = without_credentials(uri)
    text = str(error).strip()
    if "out-of-date database schema" in text or "Can't locate revision" in text:
        return (
            f"tracking.uri={shown}: this database was written by another version of MLflow. Copy it, then "
            f"run `mlflow db upgrade '{shown}'`, or choose another home."
        )
    reason = redacted(text.partition("\n")[0].replace(uri, shown))
    return f"tracking.uri={shown}: the tracking store cannot be opened ({reason})."
