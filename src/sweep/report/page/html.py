"""The page: template, style, scripts and data in one file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from sweep.report.page import assets
from sweep.report.page.document import Document, Report, reports
from sweep.report.page.markdown import Article, to_article
from sweep.report.page.sharing import Pool, script_json
from sweep.report.texts import load_texts, speaking

if TYPE_CHECKING:
    from jinja2 import Environment


@dataclass(frozen=True)
class Section:
    """A report as the template shows it."""

    report: Report
    article: Article


@dataclass(frozen=True)
class Edition:
    """The sections of one language, the sweep's first, and the page's own words in it."""

    language: str
    title: str
    words: Mapping[str, Any]
    sections: Sequence[Section]


def page(documents: Sequence[Document]) -> str:
    """Return the reports as one HTML page that asks for nothing from anywhere. The same documents give the same text.

    It shows one report at a time, in the language of the first document; switching the language keeps the place.

    Args:
        documents: One for each language, at least one.

    Raises:
        FileNotFoundError: A language has no texts.
    """
    pool = Pool()
    anchors = {report.path: report.anchor for document in documents for report in reports(document)}
    editions = [_edition(document, anchors, pool) for document in documents]
    figures = pool.json()
    words = script_json({edition.language: edition.words["scripts"] for edition in editions})
    scripts = assets.scripts()
    text = (
        _environment()
        .get_template("page.html.j2")
        .render(
            editions=editions,
            figures=figures,
            words=words,
            scripts=scripts,
            policy=assets.policy(scripts),
            style=assets.style("".join([figures, words, *_shown(editions)])),
        )
    )
    return text.encode("utf-8", "replace").decode("utf-8")  # half of a surrogate pair has no bytes


def _edition(document: Document, anchors: Mapping[str, str], pool: Pool) -> Edition:
    with speaking(document.language):
        words, tables = load_texts("page"), load_texts()
    missing = sorted({"–", *tables["missing"].values(), tables["no_weights"]})
    spoken = {**words["scripts"], "missing": missing, "infinite": tables["infinite"]}
    sections = []
    for report in reports(document):
        numbers = {path: pool.put(figure) for path, figure in report.figures.items()}
        sections.append(Section(report, to_article(report, anchors, numbers)))
    return Edition(document.language, document.title, {**words, "scripts": spoken}, sections)


def _shown(editions: Sequence[Edition]) -> list[str]:
    """What the page shows, for the choice of glyphs."""
    texts = [f"{edition.title}{edition.words}" for edition in editions]
    return texts + [f"{part.report.name}{part.article.html}" for edition in editions for part in edition.sections]


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("sweep.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
