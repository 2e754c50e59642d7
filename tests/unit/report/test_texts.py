"""Every language says the same things: the same keys, with the same values put in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter
from typing import Any

import pytest
import yaml

import sweep.report.texts
from sweep.report.texts import load_texts, speaking, spoken
from sweep.report_settings import languages

FOLDER = Path(sweep.report.texts.__file__).parent
ENGLISH = sorted(path.name for path in (FOLDER / "en").glob("*.yaml"))
OTHERS = [language for language in languages() if language != "en"]


def leaves(node: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(node, dict):
        for key, value in node.items():
            yield from leaves(value, f"{path}.{key}")
    elif isinstance(node, list):
        for number, value in enumerate(node):
            yield from leaves(value, f"{path}[{number}]")
    else:
        yield path, str(node)


def placeholders(text: str) -> set[str]:
    return {re.split(r"[.\[]", name)[0] for _, name, _, _ in Formatter().parse(text) if name is not None}


def test_korean_and_english_are_there() -> None:
    assert {"en", "ko"} <= set(languages())


@pytest.mark.parametrize("language", OTHERS)
@pytest.mark.parametrize("part", ENGLISH)
def test_a_language_has_the_keys_and_the_values_of_english(language: str, part: str) -> None:
    english = dict(leaves(yaml.safe_load((FOLDER / "en" / part).read_text("utf-8"))))
    other = dict(leaves(yaml.safe_load((FOLDER / language / part).read_text("utf-8"))))
    assert sorted(other) == sorted(english)
    assert {key: placeholders(text) for key, text in other.items()} == {
        key: placeholders(text) for key, text in english.items()
    }


@pytest.mark.parametrize("part", ENGLISH)
def test_korean_is_korean(part: str) -> None:
    text = "".join(value for _, value in leaves(yaml.safe_load((FOLDER / "ko" / part).read_text("utf-8"))))
    assert re.search("[가-힣]", text)


def test_texts_are_in_the_language_that_is_spoken() -> None:
    assert spoken() == "en"
    with speaking("ko"):
        assert load_texts()["missing"]["not_measured"] == "측정 안 됨"
    assert load_texts()["missing"]["not_measured"] == "not measured"
