"""Addresses: the default in home, what is refused, and that no password is ever shown."""

from __future__ import annotations

import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.engine import make_url

from sweep.errors import SweepError
from sweep.tracking.uri import is_server, resolve_uri, sqlite_path, sqlite_uri, without_credentials

NAMES = st.text(st.sampled_from(string.ascii_letters + " 한글[]()=#%&+41?'"), min_size=1, max_size=20)


def test_default_is_the_sqlite_file_in_home() -> None:
    assert resolve_uri(Path("/data/home"), None) == "sqlite:////data/home/mlflow.db"


@given(NAMES)
def test_sqlite_address_leads_back_to_its_file(name: str) -> None:
    path = Path("/x") / name / "mlflow.db"
    assert sqlite_path(sqlite_uri(path)) == path
    assert make_url(sqlite_uri(path)).database == str(path)


def test_relative_sqlite_file_becomes_absolute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert resolve_uri(Path("/h"), "sqlite:///runs.db") == f"sqlite:///{tmp_path}/runs.db"


@pytest.mark.parametrize("uri", ["ftp://host/x", "/data/mlruns", "file:///data/mlruns", "mlflow.example:5000"])
def test_address_that_is_none_is_refused_with_the_ways_out(uri: str) -> None:
    with pytest.raises(SweepError, match="not the address of an MLflow store") as error:
        resolve_uri(Path("/h"), uri)
    assert uri in str(error.value)


def test_passwords_are_not_shown() -> None:
    assert without_credentials("http://me:geheim@host:5000/x") == "http://host:5000/x"
    assert without_credentials("postgresql://me:p@ss@db/x") == "postgresql://db/x"
    with pytest.raises(SweepError) as error:
        resolve_uri(Path("/h"), "redis://me:geheim@host/1")
    assert "geheim" not in str(error.value)


def test_server() -> None:
    assert is_server("https://mlflow.example")
    assert not is_server("postgresql://db/mlflow")
