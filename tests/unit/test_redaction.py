"""Secrets are taken out of any text, however they are spelled; what is none stays as it is."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest

from sweep.errors import in_one_line
from sweep.redaction import is_secret, keep_secret, redacted, secrets_of

SECRET = 's3cr+t/ä"x'


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", SECRET)
    monkeypatch.setenv("PGPASSWORD", "short")
    monkeypatch.setenv("TOKENIZERS_PARALLELISM", "disabled")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/etc/passwd")


@pytest.mark.parametrize("text", [SECRET, quote(SECRET, ""), json.dumps({"a": SECRET}), f"password={SECRET}&x=1"])
def test_a_secret_of_the_environment_in_every_spelling(text: str) -> None:
    assert "…" in redacted(text)
    assert "s3cr" not in redacted(text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("no answer from http://bob:geheim@host:5000/api (500)", "no answer from http://host:5000/api (500)"),
        ("postgresql+psycopg://bob:geheim@db/x is away", "postgresql+psycopg://db/x is away"),
        ("GET https://host/x?token=geheim&run=1 failed", "GET https://host/x?token=…&run=1 failed"),
        ('{"uri": "http://geheim@host/"}', '{"uri": "http://host/"}'),
    ],
)
def test_what_an_address_holds(text: str, shown: str) -> None:
    assert redacted(text) == shown


@pytest.mark.parametrize(
    "text",
    ["short", "disabled", "/etc/passwd", "a@b.example", "http://host/a@b", "50 % of ://", "", "sqlite:////h/mlflow.db"],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redacted(text) == text


def test_a_password_is_also_known_without_its_address() -> None:
    keep_secret("postgresql://bob:pass/wo?rd-of-db@host/x")
    assert redacted('FATAL: "pass/wo?rd-of-db" is wrong') == 'FATAL: "…" is wrong'


def test_reasons_hold_none() -> None:
    assert in_one_line(OSError(f"http://bob:geheim@host: {SECRET}\nis wrong")) == "OSError: http://host: … is wrong"


def test_names_of_secrets() -> None:
    named = ("MLFLOW_TRACKING_TOKEN", "PGPASSWORD", "AWS_SECRET_ACCESS_KEY", "MY_API_KEY", "DB_PASS", "GH_TOKEN")
    assert all(map(is_secret, named))
    assert not any(map(is_secret, ("PWD", "HOME", "MLFLOW_TRACKING_URI", "TOKENIZERS_PARALLELISM", "KEYBOARD")))


def test_secrets_of_an_address_come_longest_first() -> None:
    assert secrets_of("postgresql://me:p%40ssw@db/x?password=other1") == ["p%40ssw", "other1", "p@ssw"]
