"""Make the report's font: python -m sweep.report.fonts.make NotoSansCJK-Regular.ttc. The README here says more."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from sweep.report.fonts.font import COPYRIGHT, FONT_FAMILY, FONT_FILE, LICENCE, POSTSCRIPT_NAME
from sweep.report.fonts.subset import keep, to_bytes

SOURCE_FONT: Final = "Noto Sans CJK KR"
# First and last letter of each range that is kept, by Unicode block.
RANGES: Final = (
    (0x0020, 0x007E),  # Basic Latin
    (0x00A0, 0x017F),  # Latin-1 Supplement, Latin Extended-A
    (0x0391, 0x03C9),  # Greek
    (0x2000, 0x206F),  # General Punctuation
    (0x2070, 0x209F),  # Superscripts and Subscripts
    (0x20A0, 0x20BF),  # Currency Symbols
    (0x2100, 0x214F),  # Letterlike Symbols
    (0x2150, 0x218F),  # Number Forms
    (0x2190, 0x21FF),  # Arrows
    (0x2200, 0x22FF),  # Mathematical Operators
    (0x2460, 0x24FF),  # Enclosed Alphanumerics
    (0x2500, 0x25FF),  # Box Drawing, Block Elements, Geometric Shapes
    (0x2600, 0x27BF),  # Miscellaneous Symbols, Dingbats
    (0x1100, 0x11FF),  # Hangul Jamo
    (0x3000, 0x303F),  # CJK Symbols and Punctuation
    (0x3130, 0x318F),  # Hangul Compatibility Jamo
    (0x3200, 0x32FF),  # Enclosed CJK Letters and Months
    (0xAC00, 0xD7A3),  # Hangul Syllables: all 11,172
    (0xFF00, 0xFFEF),  # Halfwidth and Fullwidth Forms
)


def main() -> None:
    """Read the collection that the command line names, and write the font beside this file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("collection", type=Path, help="NotoSansCJK-Regular.ttc")
    collection: Path = parser.parse_args().collection
    FONT_FILE.write_bytes(make_font(collection))


def make_font(collection: Path) -> bytes:
    """Return the font: the Korean face of the collection, less what no report needs, under a name of its own.

    Raises:
        StopIteration: The collection has no such face.
    """
    from fontTools.ttLib import TTCollection

    faces = TTCollection(str(collection)).fonts
    face = next(font for font in faces if font["name"].getDebugName(1) == SOURCE_FONT)
    keep(face, _letters())
    names = face["name"]
    names.names = []
    version = f"{face['head'].fontRevision:.3f}"
    told = {
        0: COPYRIGHT,
        1: FONT_FAMILY,
        2: "Regular",
        3: f"{version};{POSTSCRIPT_NAME}",
        4: FONT_FAMILY,
        5: f"Version {version}",
        6: POSTSCRIPT_NAME,
        13: LICENCE,
        14: "https://openfontlicense.org",
    }
    for number, text in told.items():
        names.setName(text, number, 3, 1, 0x409)  # Windows, Unicode, American English: what every reader knows
    cff = face["CFF "].cff
    cff.fontNames = [POSTSCRIPT_NAME]
    top = cff.topDictIndex[0]
    top.FullName, top.FamilyName, top.Notice = FONT_FAMILY, FONT_FAMILY, COPYRIGHT
    return to_bytes(face)


def _letters() -> Iterator[int]:
    for first, last in RANGES:
        yield from range(first, last + 1)


if __name__ == "__main__":
    main()
