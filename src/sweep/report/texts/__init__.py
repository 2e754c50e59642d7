"""The words of the report, one YAML file a language."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any


@cache
def load_texts(language: str = "en") -> dict[str, Any]:
    """Return the texts of a language. Raises FileNotFoundError for one that has none."""
    import yaml

    content = files(__name__).joinpath(f"{language}.yaml").read_text(encoding="utf-8")
    return dict(yaml.safe_load(content))
