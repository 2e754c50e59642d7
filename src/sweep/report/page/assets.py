"""What the page brings along: Plotly, its scripts and style, the Korean glyphs, and the policy that lets no more in."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from importlib.resources import files
from typing import Final

# In order. Plotly is large: what a reader does with the text does not wait for it.
READING: Final = ("tables.js", "navigation.js")
DRAWING: Final = ("colors.js", "stacking.js", "charts.js")
STYLES: Final = ("page.css", "article.css")
# What the embedded font is for (Unicode blocks: Jamo, CJK punctuation, Hangul, full-width forms). Other letters are the
# reader's own fonts'.
HANGUL: Final = (
    (0x1100, 0x11FF),
    (0x3000, 0x303F),
    (0x3130, 0x318F),
    (0xA960, 0xA97F),
    (0xAC00, 0xD7FF),
    (0xFF00, 0xFFEF),
)


def scripts() -> list[str]:
    """Return the page's scripts in order, Plotly among them; none of them can end its script element."""
    plotly = files("plotly").joinpath("package_data", "plotly.min.js").read_text(encoding="utf-8")
    return [_inside_script(text) for text in (*map(_own, READING), plotly, *map(_own, DRAWING))]


def style(text: str) -> str:
    """Return the page's style sheet, with a font that has the Hangul of the text."""
    return "\n".join([_font_face(text), *map(_own, STYLES)])


def policy(texts: Sequence[str]) -> str:
    """Return a content security policy: no request to anywhere, no script but these.

    Source: https://www.w3.org/TR/CSP3/ (sources by hash). Plotly writes styles, and makes its picture to download from
    a blob.
    """
    digests = (base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in texts)
    allowed = " ".join(f"'sha256-{digest}'" for digest in digests)
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; font-src data:; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'"
    )


def _own(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def _inside_script(text: str) -> str:
    """Keep what a script's strings hold from ending its element; inside a string, `\\/` is `/` and `\\x3c` is `<`."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")  # as an HTML parser does, so that the digest fits
    return re.sub(r"<(?=/script|!--)", r"\\x3c", lines, flags=re.IGNORECASE)


def _font_face(text: str) -> str:
    letters = "".join(sorted({letter for letter in text if any(a <= ord(letter) <= b for a, b in HANGUL)}))
    if not letters:
        return ":root{--hangul:sans-serif}"
    from sweep.report.fonts import FONT_FAMILY, page_font

    content, mime = page_font(letters)
    data = base64.b64encode(content).decode()
    ranges = ",".join(f"U+{first:X}-{last:X}" for first, last in HANGUL)
    return (
        f'@font-face{{font-family:"{FONT_FAMILY}";src:url(data:{mime};base64,{data});unicode-range:{ranges};'
        f'font-display:block}}\n:root{{--hangul:"{FONT_FAMILY}"}}'
    )
