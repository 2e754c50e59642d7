"""The report's page in a real browser, opened from the file system."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver.common.keys import Keys

from support.browser import browser, console, requests, wait
from support.documents import HOSTILE, LANGUAGES, TEXTS, document
from support.report_page import SHOWN, click, heading, open_file, scroll_and_count, write_page
from sweep.report.page import page

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with browser(tmp_path_factory.mktemp("browser")) as driver:
        yield driver


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_page(tmp_path_factory.mktemp("page"))


def test_every_report_is_drawn_without_a_word_on_the_console_or_a_request(driver: Any, report: Path) -> None:
    open_file(driver, report)
    count = 0
    for language in LANGUAGES:
        if language != LANGUAGES[0]:
            driver.find_element("css selector", f".edition:not([hidden]) [data-language={language}]").click()
        for link in driver.find_elements("css selector", ".edition:not([hidden]) .contents > nav > ul > li > a"):
            link.click()
            count += scroll_and_count(driver)
    assert count == len(LANGUAGES) * (1 + 2 * 2)
    picture = "Plotly.toImage(document.querySelector('.js-plotly-plot')).then(arguments[0])"
    assert driver.execute_async_script(f"document.querySelector('article').hidden = false; {picture}").startswith(
        "data:"
    )
    assert console(driver) == []
    asked = requests(driver)
    assert [address for address in asked if not address.startswith(("data:", "blob:"))] == [report.as_uri()]


def column(driver: Any, number: int, table: int = 0) -> list[str]:
    rows = "return [...document.querySelectorAll(arguments[0])[arguments[1]].tBodies[0].rows]"
    script = f"{rows}.filter(row => !row.hidden).map(row => row.cells[arguments[2]].textContent)"
    return list(driver.execute_script(script, f"{SHOWN} table", table, number))


@pytest.mark.parametrize(
    ("number", "ascending"),
    [
        (1, ["9.50", "10.25", "1.5e+03", "not measured"]),
        (2, ["−0.030", "−0.001", "0.000", "+0.020"]),
        (3, ["0.899–0.940", "0.912–0.951", "0.930–0.960", "not measured"]),
        (4, ["2025-11-02", "2025-12-31", "2026-01-09", "2026-01-10"]),
        (5, ["~7 ms", "21.4", "4,148.75", "not measured"]),
    ],
)
def test_a_table_sorts_by_what_its_words_mean(driver: Any, report: Path, number: int, ascending: list[str]) -> None:
    open_file(driver, report, "#en")
    before = column(driver, number)
    head = driver.find_elements("css selector", f"{SHOWN} table:first-of-type th")[number]
    button = head.find_element("css selector", "button")
    button.click()
    assert column(driver, number) == ascending
    assert head.get_attribute("aria-sort") == "ascending"
    button.send_keys(Keys.ENTER)
    missing = [text for text in ascending if text == "not measured"]
    assert column(driver, number) == [*reversed(ascending[: len(ascending) - len(missing)]), *missing]
    assert head.get_attribute("aria-sort") == "descending"
    button.send_keys(Keys.SPACE)
    assert column(driver, number) == before
    assert head.get_attribute("aria-sort") is None


def test_a_long_table_can_be_filtered(driver: Any, report: Path) -> None:
    open_file(driver, report, "#en")
    [box] = driver.find_elements("css selector", f"{SHOWN} input[type=search]")
    box.send_keys("L4-S")
    assert len(column(driver, 0, table=1)) == 8
    assert driver.find_element("css selector", f"{SHOWN} .filter output").text == "8 of 40 rows"


def test_links_to_cells_and_back_stay_in_the_page(driver: Any, report: Path) -> None:
    open_file(driver, report)
    click(driver, f"{SHOWN} a", "yolo11n-l2-relu-s0")
    assert heading(driver) == "yolo11n-l2-relu-s0"
    assert "yolo11n-l2-relu-s0" in driver.title
    click(driver, f"{SHOWN} a", TEXTS["ko"]["back"])
    assert heading(driver) == TEXTS["ko"]["title"]
    driver.back()
    assert heading(driver) == "yolo11n-l2-relu-s0"
    assert [address for address in requests(driver) if address.startswith("file:")] == [report.as_uri()]
    open_file(driver, report, "#en/cells/cell-0")  # an address of its own
    assert heading(driver) == "yolo11n-l4-relu-s0"


def test_the_language_switch_keeps_the_place(driver: Any, report: Path) -> None:
    open_file(driver, report, "#ko/cells/cell-1")
    root = "return document.documentElement.lang"
    assert driver.execute_script(root) == "ko"
    click(driver, ".languages a", "English")
    assert driver.execute_script(root) == "en"
    assert TEXTS["en"]["figures"] in driver.find_element("css selector", SHOWN).text
    assert heading(driver) == "yolo11n-l2-relu-s0"
    assert scroll_and_count(driver) == 2
    assert TEXTS["en"]["curve"] in driver.find_element("css selector", f"{SHOWN} .plot").text


# The pixels of a letter, drawn with the page's font.
DRAWN = """
const canvas = Object.assign(document.createElement("canvas"), {width: 60, height: 60});
const context = canvas.getContext("2d");
context.font = `40px ${getComputedStyle(document.body).fontFamily}`;
context.fillText(arguments[0], 5, 45);
return canvas.toDataURL();
"""


def test_hangul_is_shown_with_the_pages_own_font(driver: Any, report: Path) -> None:
    from sweep.report.fonts import FONT_FAMILY

    open_file(driver, report)
    wait(lambda: driver.execute_script("return document.fonts.status") == "loaded", "the font")
    assert driver.execute_script(f"return document.fonts.check('16px \"{FONT_FAMILY}\"', '보고서')")
    assert driver.execute_script("return [...document.fonts].map(face => face.status)") == ["loaded"]
    letters = [driver.execute_script(DRAWN, letter) for letter in ("보", "고", "서", "\U0010fffd")]
    assert len(set(letters)) == 4  # three letters, and none of them the box of a letter that is missing
    used = driver.execute_cdp_cmd("DOM.getDocument", {})["root"]["nodeId"]
    driver.execute_cdp_cmd("CSS.enable", {})
    title = driver.execute_cdp_cmd("DOM.querySelector", {"nodeId": used, "selector": "article h1"})["nodeId"]
    fonts = driver.execute_cdp_cmd("CSS.getPlatformFontsForNode", {"nodeId": title})["fonts"]
    assert [font["familyName"] for font in fonts if font["isCustomFont"]] == [FONT_FAMILY]


def test_hostile_names_run_nothing(driver: Any, tmp_path: Path) -> None:
    place = tmp_path / "hostile.html"
    documents = [document(language, HOSTILE) for language in LANGUAGES]
    raw = "\n\n".join(HOSTILE)  # as no report should write it
    broken = [replace(part, title=HOSTILE[1], markdown=f"{part.markdown}\n\n{raw}\n") for part in documents]
    place.write_text(page(broken), encoding="utf-8")
    open_file(driver, place)
    for link in driver.find_elements("css selector", ".edition:not([hidden]) .contents > nav > ul > li > a"):
        link.click()
        assert scroll_and_count(driver) in (1, 2)
    assert driver.execute_script("return window.pwned") is None
    assert heading(driver) == " ".join(HOSTILE[-1].split())
    assert not driver.find_elements("css selector", "article img, article script, a[href^=javascript]")
    assert console(driver) == []
    assert [address for address in requests(driver) if not address.startswith(("data:", "file:"))] == []


def test_what_got_in_anyway_would_not_run_nor_ask_for_anything(driver: Any, report: Path, tmp_path: Path) -> None:
    place = tmp_path / "broken.html"
    more = '<script>window.pwned=1</script><img src="http://127.0.0.1:9/a.png" onerror="window.pwned=2"></main>'
    place.write_text(report.read_text(encoding="utf-8").replace("</main>", more), encoding="utf-8")
    open_file(driver, place)
    assert scroll_and_count(driver) == 1
    assert driver.execute_script("return window.pwned") is None
    assert "Content Security Policy" in console(driver)[0]


def test_the_dark_page_has_dark_figures(driver: Any, report: Path) -> None:
    paper = "return getComputedStyle(document.querySelector('svg.main-svg')).backgroundColor"
    open_file(driver, report)
    scroll_and_count(driver)
    light = driver.execute_script(paper)
    media = {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    wait(lambda: driver.execute_script(paper) != light, "the figure in dark")
    assert (light, driver.execute_script(paper)) == ("rgb(255, 255, 255)", "rgb(22, 27, 34)")


@pytest.mark.parametrize("fragment", ["#ko", "#en/cells/cell-0"])
def test_nothing_sticks_out_of_a_telephone(driver: Any, report: Path, fragment: str) -> None:
    open_file(driver, report, fragment, width=390)
    scroll_and_count(driver)
    assert driver.execute_script("return document.documentElement.scrollWidth <= innerWidth")
    contents = driver.find_element("css selector", ".edition:not([hidden]) .contents")
    assert contents.get_attribute("open") is None
    contents.find_element("css selector", "summary").click()
    contents.find_elements("css selector", "nav > ul > li > a")[-1].click()
    assert heading(driver) == "yolo11n-l2-relu-s0"
    assert contents.get_attribute("open") is None


@pytest.mark.parametrize(("width", "beside"), [(1280, True), (390, False)])
def test_panels_stand_below_each_other_on_a_telephone(driver: Any, report: Path, width: int, beside: bool) -> None:
    open_file(driver, report, width=width)
    scroll_and_count(driver)
    first, second = (
        driver.find_element("css selector", f"{SHOWN} .subplot.{name} .gridlayer").rect for name in ("xy", "x2y2")
    )
    assert (first["y"] + first["height"] > second["y"]) is beside
    assert (first["x"] + first["width"] < second["x"]) is beside


def test_a_print_has_its_figures_drawn_on_white(driver: Any, report: Path) -> None:
    open_file(driver, report, "#ko/cells/cell-0", scheme="dark")
    script = """
        window.addEventListener("beforeprint", () => setTimeout(() => {
            const plots = [...document.querySelectorAll(arguments[0])];
            window.printed = plots.map(plot => getComputedStyle(plot).backgroundColor);
        }));
    """
    driver.execute_script(script, f"{SHOWN} .plot svg.main-svg:first-child")
    assert driver.execute_cdp_cmd("Page.printToPDF", {})["data"]
    assert driver.execute_script("return window.printed") == ["rgb(255, 255, 255)"] * 2
