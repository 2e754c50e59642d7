"""Take of a font what a text needs."""

from __future__ import annotations

import io
from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING, Final

from sweep.report.fonts.font import FONT_FILE

if TYPE_CHECKING:
    from fontTools.ttLib import TTFont

WOFF: Final = "font/woff"  # RFC 8081


def page_font(text: str) -> tuple[bytes, str]:
    """Return the font with the letters of a text that it has, for a web page, and its media type.

    WOFF (zlib) and not WOFF2, which would need Brotli. The same letters give the same bytes.
    """
    return _woff(frozenset(map(ord, text)) | {ord(" ")})


@cache
def letters() -> frozenset[int]:
    """Return the code points that the font has a glyph for."""
    from fontTools.ttLib import TTFont

    with TTFont(str(FONT_FILE), lazy=True) as font:
        return frozenset(font.getBestCmap())


def keep(font: TTFont, wanted: Iterable[int]) -> None:
    """Reduce a font to the glyphs of these code points: no features, no hints, names and metrics as they are."""
    from fontTools.subset import Options, Subsetter

    options = Options(
        layout_features=[],
        hinting=False,
        name_IDs=["*"],
        name_languages=["*"],
        notdef_outline=True,
        glyph_names=False,
        recalc_timestamp=False,
    )
    options.drop_tables += ["BASE", "GDEF", "GPOS", "GSUB", "VORG", "vhea", "vmtx"]  # features, and vertical text
    subsetter = Subsetter(options)
    subsetter.populate(unicodes=wanted)
    subsetter.subset(font)


def to_bytes(font: TTFont, flavor: str | None = None) -> bytes:
    """Return a font as the bytes of its file; nothing in them is of today."""
    font.flavor = flavor
    font.recalcTimestamp = False
    out = io.BytesIO()
    font.save(out)
    return out.getvalue()


@cache
def _woff(wanted: frozenset[int]) -> tuple[bytes, str]:
    from fontTools.ttLib import TTFont

    font = TTFont(str(FONT_FILE), recalcTimestamp=False)
    keep(font, wanted & letters())
    return to_bytes(font, "woff"), WOFF
