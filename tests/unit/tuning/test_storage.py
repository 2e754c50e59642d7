"""The places where studies can be kept, and what is said where that is impossible."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import optuna
import pytest

from support.postgres import Postgres
from sweep.errors import SweepError
from sweep.tracking.uri import without_credentials
from sweep.tuning.storage import drop_half_a_line, open_storage, storage_address

SECRET = "s3cret/pw"
ESCAPED = "s3cret%2Fpw"


def test_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert storage_address(None, tmp_path / "home") == str(tmp_path / "home" / "optuna" / "journal.log")
    assert storage_address("studies.log", tmp_path / "home") == str(tmp_path / "studies.log")
    assert storage_address("postgresql://host/name", tmp_path) == "postgresql://host/name"


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("postgresql://u:p%40w@host:1/name", "postgresql://host:1/name"),
        ("postgresql://u:p/w?x@host/name", "postgresql://host/name"),
        (
            "postgresql://u@/name?host=/run&password=abc&sslmode=require",
            "postgresql:///name?host=/run&password=…&sslmode=require",
        ),
        ("postgresql:///name?PGPASSWORD=a@b", "postgresql:///name?PGPASSWORD=…"),
        ("postgresql:///name?host=/run", "postgresql:///name?host=/run"),
        ("sqlite:////home/a@b/studies.db", "sqlite:////home/a@b/studies.db"),
        ("/home/a@b/journal.log", "/home/a@b/journal.log"),
    ],
)
def test_no_password_is_shown(address: str, shown: str) -> None:
    assert without_credentials(address) == shown


def test_a_journal_is_made_and_found_again(tmp_path: Path) -> None:
    place = str(tmp_path / "new" / "studies.log")
    optuna.create_study(study_name="one", storage=open_storage(place, tmp_path))
    assert optuna.get_all_study_names(open_storage(place, tmp_path)) == ["one"]


@pytest.mark.parametrize("half", [b"{", b'{"op_code":4,"work', b'{"op_code":4,' + b"9" * 9000])
def test_half_a_last_line(tmp_path: Path, half: bytes) -> None:
    """A writer was killed, or the disk was full: what it had begun to write is dropped, the rest is read."""
    path = tmp_path / "journal.log"
    watching = open_storage(str(path), tmp_path)
    study = optuna.create_study(study_name="cell", storage=watching)
    study.add_trial(optuna.trial.create_trial(value=1.0))
    with path.open("ab") as file:
        file.write(half)
    assert len(study.trials) == 1  # a process that is under way
    other = optuna.load_study(study_name="cell", storage=open_storage(str(path), tmp_path))
    other.add_trial(optuna.trial.create_trial(value=2.0))
    study.add_trial(optuna.trial.create_trial(value=3.0))
    again = optuna.load_study(study_name="cell", storage=open_storage(str(path), tmp_path))
    assert [trial.value for trial in again.trials] == [trial.value for trial in study.trials] == [1.0, 2.0, 3.0]


@pytest.mark.parametrize(
    ("content", "kept"),
    [(b"", b""), (b"abc", b""), (b"a\n", b"a\n"), (b"a\nbc", b"a\n"), (b"a\n" + b"x" * 8192, b"a\n")],
)
def test_drop_half_a_line(tmp_path: Path, content: bytes, kept: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    drop_half_a_line(path)
    assert path.read_bytes() == kept
    drop_half_a_line(tmp_path / "missing")


@pytest.mark.parametrize(
    "content",
    [
        b"\x89PNG\r\n\x1a\n",
        b"text without an end",
        b"lr0: 1\n",
        b'{"a": 1}\n',
        b'{"op_code":0}\n',
        b'{"op_code":\n{"op_code":9,\n',
    ],
)
def test_a_file_of_another_kind(tmp_path: Path, content: bytes) -> None:
    """It is refused, and left as it is."""
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(SweepError, match=r"tune\.storage=.*file") as caught:
        open_storage(str(path), tmp_path)
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == content


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for place in (tmp_path, tmp_path / "file" / "journal.log", Path("/proc/journal.log"), Path("/proc/x/journal.log")):
        with pytest.raises(SweepError, match=r"tune\.storage="):
            open_storage(str(place), tmp_path)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(SweepError, match="cannot be written"):
        open_storage(str(tmp_path / "journal.log"), tmp_path)


@pytest.mark.parametrize("url", ["nonsense://user:SECRET@host/name", "postgresql+psycopg://user:SECRET@[::1/name"])
def test_an_address_that_is_none(tmp_path: Path, url: str) -> None:
    refused(url.replace("SECRET", ESCAPED), tmp_path)


@pytest.mark.parametrize("where", ["user", "query"])
def test_nobody_answers(tmp_path: Path, where: str) -> None:
    """Neither a closed port, nor an unknown host, nor a server that accepts and is silent makes it hang."""
    pytest.importorskip("psycopg")
    with socket.socket() as silent, socket.socket() as closed:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        closed.bind(("127.0.0.1", 0))
        for address, query in (
            (f"127.0.0.1:{closed.getsockname()[1]}", ""),
            ("host.invalid", ""),
            (f"127.0.0.1:{silent.getsockname()[1]}", "connect_timeout=2"),
        ):
            user = f"user:{ESCAPED}@" if where == "user" else "user@"
            parts = [query] * bool(query) + [f"password={ESCAPED}"] * (where == "query")
            refused(f"postgresql+psycopg://{user}{address}/name?{'&'.join(parts)}", tmp_path)


def test_a_silent_server_is_given_up_by_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("psycopg")
    monkeypatch.setattr("sweep.tuning.storage.CONNECT_S", 2)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        refused(f"postgresql://user@127.0.0.1:{silent.getsockname()[1]}/name", tmp_path)


def test_passwords(postgres: Postgres, tmp_path: Path) -> None:
    url = postgres.with_password("tuner", SECRET)
    for right in (url.replace("tuner@", f"tuner:{ESCAPED}@"), f"{url}&password={ESCAPED}"):
        optuna.create_study(study_name="one", storage=open_storage(right, tmp_path), load_if_exists=True)
    refused(url, tmp_path)
    refused(url.replace("tuner@", "tuner:s3cret%2Fpw2@"), tmp_path)
    refused(f"{url}&password=s3cret%2Fpw2", tmp_path)
    refused(url.replace("/test_", "/missing_"), tmp_path)


def test_a_driver_is_chosen(postgres: Postgres, tmp_path: Path) -> None:
    """`postgresql://` is what people have; the driver that is installed is psycopg 3."""
    url = postgres.database()
    for scheme in ("postgresql", "postgres"):
        open_storage(url.replace("postgresql+psycopg", scheme), tmp_path)


def refused(url: str, folder: Path) -> None:
    with pytest.raises(SweepError) as caught:
        open_storage(url, folder)
    text = str(caught.value)
    assert text.startswith("tune.storage=") and "cannot be opened" in text and "\n" not in text
    assert SECRET not in text and ESCAPED not in text
