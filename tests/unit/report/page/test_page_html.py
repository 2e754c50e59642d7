"""The page as a file: one, whole, the same each time, and closed to the world."""

from __future__ import annotations

import base64
import hashlib
import re
from html import unescape
from html.parser import HTMLParser

import pytest

from support.documents import HOSTILE, LANGUAGES, document
from sweep.report.page import Document, page


class Elements(HTMLParser):
    """The elements of a page with their attributes, and what its scripts hold."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.in_script = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        self.in_script = tag == "script"
        self.scripts += [""] if self.in_script else []

    def handle_endtag(self, tag: str) -> None:
        self.in_script = False

    def handle_data(self, data: str) -> None:
        if self.in_script:
            self.scripts[-1] += data


def elements(text: str) -> Elements:
    parser = Elements()
    parser.feed(text)
    return parser


@pytest.fixture(scope="module")
def text() -> str:
    return page([document(language, HOSTILE) for language in LANGUAGES])


def test_the_same_documents_give_the_same_page(text: str) -> None:
    assert page([document(language, HOSTILE) for language in LANGUAGES]) == text


def test_nothing_in_it_asks_for_anything(text: str) -> None:
    for tag, attributes in elements(text).found:
        assert tag not in ("img", "iframe", "object", "embed", "base", "form")
        assert "src" not in attributes
        assert not any(name.startswith("on") for name in attributes)
        if tag == "link":
            assert attributes == {"rel": "icon", "href": "data:,"}


def test_only_its_own_scripts_may_run(text: str) -> None:
    parser = elements(text)
    kinds = [attributes.get("type") for tag, attributes in parser.found if tag == "script"]
    policy = next(str(a["content"]) for tag, a in parser.found if a.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none';")
    assert "unsafe-eval" not in policy
    [allowed] = re.findall(r"script-src ([^;]*);", policy)
    scripts = [script for script, kind in zip(parser.scripts, kinds, strict=True) if kind is None]
    digests = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    assert allowed.split() == [f"'sha256-{digest}'" for digest in digests]
    assert kinds.count("application/json") == 2


def test_every_report_in_every_language_is_in_it(text: str) -> None:
    found = elements(text).found
    articles = [str(attributes["id"]) for tag, attributes in found if tag == "article"]
    wanted = [[language, *(f"{language}/cells/cell-{n}" for n in range(len(HOSTILE)))] for language in LANGUAGES]
    assert articles == [anchor for anchors in wanted for anchor in anchors]
    ids = [attributes["id"] for _, attributes in found if "id" in attributes]
    assert len(set(ids)) == len(ids)
    links = {str(attributes["href"])[1:] for tag, attributes in found if tag == "a" and "target" not in attributes}
    assert links <= {unescape(str(name)) for name in ids}


def test_it_is_as_small_as_promised() -> None:
    names = [f"yolo11n-l{level}-{act}-s0" for level in (0, 2, 3, 4) for act in ("relu", "leakyrelu")]
    assert len(page([document(language, names) for language in LANGUAGES]).encode()) < 8_000_000


def test_a_page_of_one_language_has_no_switch() -> None:
    found = elements(page([document("en")])).found
    assert ("html", {"lang": "en"}) in found
    assert not any("data-language" in attributes for _, attributes in found)


def test_a_report_without_anything_is_a_page() -> None:
    assert "<article" in page([Document("ko", "", "")])


def test_half_of_a_surrogate_pair_has_bytes() -> None:
    page([Document("ko", "a\ud800b", "# a\ud800b\n")]).encode()
