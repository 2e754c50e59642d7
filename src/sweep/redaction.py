"""Secrets taken out of a text before it leaves the program: for logs, messages, params, tags and artifacts.

What counts as a secret: user and password in an address, values after a `?` that are called so, and the values of
environment variables that are called so (MLFLOW_TRACKING_PASSWORD, MLFLOW_TRACKING_TOKEN, PGPASSWORD …).
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from urllib.parse import quote, quote_plus, unquote_plus

SHOWN = "…"
"""What stands in the place of a secret."""
LEAST_IN_ADDRESS = 4  # a shorter one is not looked for in texts, which would become unreadable
LEAST_IN_ENVIRONMENT = 6  # the same for variables, which are often words
SECRET_NAME = re.compile(r"PASSWORD|PASSWD|SECRET|TOKEN(?!IZER)|CREDENTIAL|APIKEY|_KEY$|_PASS$", re.IGNORECASE)
"""Names of environment variables that hold secrets."""
_PARAMETER = re.compile(r"([?&][^=&\s]*(?:pass|secret|token)[^=&\s]*=)([^&\s'\"<>)]*)", re.IGNORECASE)
_LOGIN = re.compile(r"([a-z][a-z0-9+.-]*://)[^\s/@'\"<>]*@", re.IGNORECASE)
_USER = re.compile("://(.*)@")

_kept: set[str] = set()


def redacted(text: str) -> str:
    """The text without secrets; where one was, there is `…`."""
    found = _kept | _of_environment()
    if found:
        text = _pattern(frozenset(found)).sub(SHOWN, text)
    return _PARAMETER.sub(rf"\1{SHOWN}", _LOGIN.sub(r"\1", text))


def keep_secret(address: str) -> None:
    """Remember the secrets of an address of this process: drivers show a password also without what is around it."""
    _kept.update(_spellings(secrets_of(address)))


def secrets_of(address: str) -> list[str]:
    """Return the passwords in an address, as they are written and as they are meant, the longest first."""
    found = {match.group(2) for match in _PARAMETER.finditer(address)}
    found |= {match.group(1).partition(":")[2] for match in _USER.finditer(address)}
    found |= {unquote_plus(secret) for secret in found}
    return sorted((secret for secret in found if len(secret) >= LEAST_IN_ADDRESS), key=len, reverse=True)


def is_secret(variable: str) -> bool:
    """Whether an environment variable of that name holds a secret."""
    return SECRET_NAME.search(variable) is not None


def _of_environment() -> set[str]:
    """The values of variables that hold secrets, as they may be spelled; paths to files with secrets are none."""
    values = (value for name, value in os.environ.items() if is_secret(name) and len(value) >= LEAST_IN_ENVIRONMENT)
    return _spellings(value for value in values if not (value.startswith("/") and Path(value).exists()))


def _spellings(values: Iterable[str]) -> set[str]:
    """Each value as it is, in an address, and in JSON."""
    found: set[str] = set()
    for value in values:
        found |= {value, quote(value, ""), quote_plus(value), json.dumps(value)[1:-1]}
    return found


@lru_cache(maxsize=8)
def _pattern(secrets: frozenset[str]) -> re.Pattern[str]:
    return re.compile("|".join(re.escape(secret) for secret in sorted(secrets, key=len, reverse=True)))
