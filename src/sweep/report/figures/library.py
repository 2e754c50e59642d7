"""Matplotlib made to behave as a library: our font, nobody's settings, and no file written but the picture."""

from __future__ import annotations

import os
import sys
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from sweep.report.fonts import FONT_FAMILY, FONT_FILE, letters

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

CONFIG: Final = "MPLCONFIGDIR"
FALLBACK: Final = "DejaVu Sans"  # matplotlib brings it along
UNKNOWN: Final = "□"


@contextmanager
def drawing() -> Iterator[tuple[Callable[..., Canvas], Callable[[str], str]]]:
    """Give, inside the block, a class of canvases and a function that returns of a text what can be drawn."""
    load()
    import matplotlib
    from matplotlib.figure import Figure as Canvas

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams["font.family"] = [FONT_FAMILY, FALLBACK]
        matplotlib.rcParams["text.parse_math"] = False  # `$` is no formula
        yield Canvas, drawable


def drawable(text: str) -> str:
    """Return a text with a box for each letter that no font here has, which matplotlib would warn of."""
    known = _known()
    kept = (letter for letter in text if unicodedata.category(letter) not in ("Mn", "Me", "Cf") or ord(letter) in known)
    return "".join(letter if ord(letter) in known else UNKNOWN for letter in kept)


@cache
def load() -> None:
    """Import matplotlib with our font.

    It keeps a list of the machine's fonts in the user's cache. Where MPLCONFIGDIR names no other place, and nobody has
    imported it before, it keeps that list in a folder that is gone at once; making the list takes part of a second.
    """
    if "matplotlib" in sys.modules or os.environ.get(CONFIG):
        _register()
        return
    with TemporaryDirectory() as folder:
        os.environ[CONFIG] = folder
        try:
            _register()
        finally:
            del os.environ[CONFIG]


def _register() -> None:
    from matplotlib.font_manager import fontManager

    fontManager.addfont(FONT_FILE)


@cache
def _known() -> frozenset[int]:
    from matplotlib.font_manager import FontProperties, findfont, get_font

    return letters() | frozenset(get_font(findfont(FontProperties(family=[FALLBACK]))).get_charmap())
