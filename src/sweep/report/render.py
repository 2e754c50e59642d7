"""Templates to Markdown: whatever a value holds stays text, whatever the texts hold is Markdown."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from sweep.report.formats import markdown_text
from sweep.report.texts import load_texts

if TYPE_CHECKING:
    from jinja2 import Environment


class Markdown(str):
    """Text that is Markdown already: templates put it in as it is. All other text is escaped."""

    __slots__ = ()


def sentence(texts: Mapping[str, Any], name: str, /, **values: Any) -> Markdown:
    """Return a text by its dotted name, with values put in: the text is Markdown, the values are escaped.

    Raises KeyError for a text or a value that is missing: the tests of a language find it.
    """
    found: Any = texts
    for part in name.split("."):
        found = found[part]
    return Markdown(str(found).format(**{key: as_markdown(value) for key, value in values.items()}))


def as_markdown(value: Any) -> str:
    """Return Markdown as it is, and anything else escaped and on one line."""
    return value if isinstance(value, Markdown) else markdown_text(str(value))


def fenced(text: str, language: str = "") -> Markdown:
    """Return text as a code block. Its fence is longer than any run of backticks inside; control characters go."""
    clean = "".join(char if char.isprintable() or char == "\n" else " " for char in text.replace("\t", "    "))
    longest = max((len(run) for run in re.findall("`+", clean)), default=0)
    fence = "`" * max(3, longest + 1)
    return Markdown(f"{fence}{language}\n{clean.strip(chr(10))}\n{fence}")


def render(template: str, part: str, /, **context: Any) -> Markdown:
    """Return a template of `templates/` filled in, in the language that is spoken.

    Inside it, `t("name", key=value)` is a sentence of the texts' part, `{{ value }}` a value, escaped; a context value
    of the class `Markdown` is put in as it is. An unknown name raises jinja2.UndefinedError.

    Args:
        template: its file name, such as `cell.md.j2`.
        part: the part of the texts that it speaks with, such as `cell`.
        context: the values that it names.
    """
    texts = load_texts(part)

    def t(name: str, /, **values: Any) -> Markdown:
        return sentence(texts, name, **values)

    text = _environment().get_template(template).render(t=t, **context)
    return Markdown(_tidy(text))


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("sweep.report"),
        autoescape=False,  # noqa: S701  not HTML: `finalize` escapes every value for Markdown and the HTML inside it
        undefined=StrictUndefined,
        finalize=as_markdown,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _tidy(text: str) -> str:
    """No more than one empty line in a row: a section that is left out leaves no hole."""
    lines: list[str] = []
    for line in text.split("\n"):
        if line.strip() or (lines and lines[-1]):
            lines.append(line.rstrip())
    return "\n".join(lines).strip("\n") + "\n"
