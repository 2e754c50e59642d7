"""The words of the report: a folder a language, a YAML file a part (`tables`, `cell`, `sweep`, `figures`, `page`)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from importlib.resources import files
from typing import Any, Final

DEFAULT: Final = "en"

_language: ContextVar[str] = ContextVar("language", default=DEFAULT)


def load_texts(part: str = "tables") -> dict[str, Any]:
    """Return a part of the texts, in the language that is spoken here. Raises FileNotFoundError where there is none."""
    return _texts(_language.get(), part)


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Make `load_texts` speak a language inside the block; English is the default."""
    token = _language.set(language)
    try:
        yield
    finally:
        _language.reset(token)


def spoken() -> str:
    """Return the language that is spoken here."""
    return _language.get()


@cache
def _texts(language: str, part: str) -> dict[str, Any]:
    import yaml

    content = files(__name__).joinpath(language, f"{part}.yaml").read_text(encoding="utf-8")
    return dict(yaml.safe_load(content))
