"""A report's Markdown as HTML: no raw HTML, no link but to the web or inside the page, figures for images."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from itertools import count, pairwise
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

from sweep.report.page.document import Report

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

_ALIGNED: Final = {"text-align:right": "right", "text-align:center": "center"}
_SHORT: Final = 28  # characters of a table's cell that stay on one line, such as `yolo11n-l4-leakyrelu-s0`


@dataclass(frozen=True)
class Heading:
    """A heading of a report: its id in the page, its level from 1, its text."""

    anchor: str
    level: int
    text: str


@dataclass(frozen=True)
class Article:
    """A report as HTML, and its headings in order."""

    html: str
    headings: tuple[Heading, ...]


def to_article(report: Report, anchors: Mapping[str, str], figures: Mapping[str, int]) -> Article:
    """Return a report as HTML.

    Raw HTML shows as text. An image whose path is in `figures` becomes an empty `<figure data-figure=NUMBER>` with its
    alternative text as caption, after the paragraph that it stands in; other images are dropped. Links go to http(s),
    to a heading (`#slug`, as GitHub makes them) or to another report of the page; of other links only the text stays.

    Args:
        report: The report.
        anchors: The ids of the page's reports by the path of their Markdown.
        figures: The numbers of the report's figures by path.
    """
    tokens = _parser().parse(report.markdown)
    headings = _name_headings(tokens, report.anchor)
    slugs = {heading.anchor.removeprefix(f"{report.anchor}/") for heading in headings}
    for token in tokens:
        if token.type == "inline":
            _link(token, report, anchors, slugs)
    html = _figures(list(_boxed_tables(tokens)), figures)
    return Article(_parser().renderer.render(html, _parser().options, {}), headings)


@cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark", {"html": False}).enable("table")


def _name_headings(tokens: Sequence[Token], anchor: str) -> tuple[Heading, ...]:
    headings: dict[str, Heading] = {}
    for opening, inline in pairwise(tokens):
        if opening.type != "heading_open":
            continue
        text = _plain(inline.children or [])
        slug = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") or "section"
        unused = next(name for name in _slugs(f"{anchor}/{slug}") if name not in headings)
        headings[unused] = Heading(unused, int(opening.tag[1:]), text)
        opening.attrSet("id", unused)
    return tuple(headings.values())


def _slugs(slug: str) -> Iterator[str]:
    yield slug
    yield from (f"{slug}-{number}" for number in count(1))


def _plain(tokens: Sequence[Token]) -> str:
    parts = (" " if token.type.endswith("break") else token.content for token in tokens if token.type != "image")
    return "".join(parts).strip()


def _link(inline: Token, report: Report, anchors: Mapping[str, str], slugs: set[str]) -> None:
    """Point the links of a line where they belong, and drop those that lead nowhere; links do not nest."""
    kept: list[Token] = []
    dropping = False
    for token in inline.children or []:
        if token.type == "link_open":
            target = _target(str(token.attrs.get("href", "")), report, anchors, slugs)
            dropping = target is None
            token.attrs = {} if target is None else dict(target)
        if not (dropping and token.type in ("link_open", "link_close")):
            kept.append(token)
    inline.children = kept


def _target(
    href: str, report: Report, anchors: Mapping[str, str], slugs: set[str]
) -> Mapping[str, str | int | float] | None:
    try:
        parts = urlsplit(href)
    except ValueError:  # such as http://[
        return None
    if parts.scheme in ("http", "https") and parts.netloc:
        return {"href": href, "target": "_blank", "rel": "noopener noreferrer"}
    if parts.scheme or parts.netloc:
        return None
    fragment = unquote(parts.fragment)
    if not parts.path:
        return {"href": f"#{report.anchor}/{fragment}"} if fragment in slugs else None
    path = posixpath.normpath(posixpath.join(posixpath.dirname(report.path), unquote(parts.path)))
    anchor = anchors.get(path)
    return None if anchor is None else {"href": f"#{anchor}/{fragment}" if fragment else f"#{anchor}"}


def _boxed_tables(tokens: Sequence[Token]) -> Iterator[Token]:
    """Tables in boxes that scroll; classes say of a cell how it is aligned, that it is short, that it names its row.

    The first column that is not aligned to the right names the rows: it stays in view when a table scrolls.
    """
    naming = False  # whether the row still waits for its name
    for index, token in enumerate(tokens):
        if token.type == "table_open":
            yield _html('<div class="table">')
        naming |= token.type == "tr_open"
        if token.type in ("th_open", "td_open"):
            aligned = _ALIGNED.get(str(token.attrs.pop("style", "")), "")
            short = "short" if len(_plain(tokens[index + 1].children or [])) <= _SHORT else ""
            name = "name" if naming and not aligned else ""
            naming = naming and not name
            token.attrSet("class", " ".join(filter(None, (aligned, short, name))))
            if token.type == "th_open":
                token.attrSet("scope", "col")
        yield token
        if token.type == "table_close":
            yield _html("</div>\n")


def _figures(tokens: Sequence[Token], figures: Mapping[str, int]) -> list[Token]:
    """Take images out of lines; those of a paragraph come after it, and a paragraph of nothing else goes."""
    out: list[Token] = []
    waiting: list[Token] = []
    bare = False
    for token in tokens:
        if token.type == "paragraph_close":
            out += [*([] if bare else [token]), *waiting]
            waiting, bare = [], False
            continue
        images = [child for child in token.children or [] if child.type == "image"] if token.type == "inline" else []
        if images:
            token.children = [child for child in token.children or [] if child.type != "image"]
            if out[-1].type == "paragraph_open":
                waiting = [_figure(image, figures) for image in images if _path(image) in figures]
                bare = not _plain(token.children)
        if bare:
            out.pop()
        else:
            out.append(token)
    return out


def _path(image: Token) -> str:
    return unquote(str(image.attrs.get("src", "")))


def _figure(image: Token, figures: Mapping[str, int]) -> Token:
    caption = escape(_plain(image.children or []))
    number = figures[_path(image)]
    return _html(
        f'<figure data-figure="{number}"><div class="plot"></div><figcaption>{caption}</figcaption></figure>\n'
    )


def _html(text: str) -> Token:
    from markdown_it.token import Token

    return Token("html_block", "", 0, content=text)
