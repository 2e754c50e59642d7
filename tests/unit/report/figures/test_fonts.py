"""The report's own font: what it holds, what it is called, and the part of it that a page takes along."""

from __future__ import annotations

import io
import os
import subprocess
import sys

import pytest
from fontTools.ttLib import TTFont

from sweep.report.fonts import FONT_FAMILY, FONT_FILE, letters, page_font
from sweep.report.texts import load_texts, speaking

SIGNS = "≈−×±·…–“”≤≥→←↑▲▼★✓%°µΔ"


def test_the_font_has_all_of_korean_and_the_signs_of_a_report() -> None:
    assert set(range(0xAC00, 0xD7A4)) <= letters()  # all 11,172 syllables
    assert set(range(0x3131, 0x318F)) <= letters()
    assert set(range(0x20, 0x7F)) | set(range(0xA0, 0x100)) <= letters()
    assert set(map(ord, SIGNS)) <= letters()
    assert FONT_FILE.stat().st_size < 3_000_000


@pytest.mark.parametrize("language", ["ko", "en"])
def test_the_font_has_every_letter_of_the_figures(language: str) -> None:
    with speaking(language):
        assert set(map(ord, str(load_texts("figures")))) <= letters()


def test_a_modified_font_has_a_name_of_its_own_and_its_licence() -> None:
    names = TTFont(FONT_FILE)["name"]
    shown = [names.getDebugName(number) for number in (1, 4, 6)]
    assert shown[0] == FONT_FAMILY
    assert not any(reserved in name for name in shown for reserved in ("Noto", "Source", "Adobe"))
    assert "Open Font License" in names.getDebugName(13)
    assert "SIL OPEN FONT LICENSE Version 1.1" in FONT_FILE.with_name("OFL.txt").read_text("utf-8")


def test_a_page_takes_the_letters_that_it_needs() -> None:
    content, mime = page_font("교통표지판 mAP50 🚦")
    font = TTFont(io.BytesIO(content))
    assert mime == "font/woff" and font.flavor == "woff"
    assert set(font.getBestCmap()) == {ord(letter) for letter in "교통표지판 mAP50"}
    assert "Open Font License" in font["name"].getDebugName(13)
    assert len(content) < 20_000


def test_the_same_letters_give_the_same_bytes() -> None:
    script = "import sys, hashlib; from sweep.report.fonts import page_font\n"
    script += "print(hashlib.sha256(page_font(sys.argv[1])[0]).hexdigest())"
    said = {
        subprocess.run(
            [sys.executable, "-c", script, text],
            env=os.environ | {"PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
        ).stdout
        for text, seed in (("가나다라 abc", "1"), ("cba 라다나가가", "2"))
    }
    assert len(said) == 1
