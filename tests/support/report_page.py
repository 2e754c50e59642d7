"""The report's page in a browser: what a reader does with it, and what it shows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from support.browser import console, requests, wait
from support.documents import LANGUAGES, document
from sweep.report.page import page

SHOWN = ".edition:not([hidden]) article:not([hidden])"
READ = "return [...document.querySelectorAll(arguments[0])].map(part => part.textContent.trim())"


def write_page(folder: Path) -> Path:
    """Write the page of the sample documents."""
    place = folder / "report.html"
    place.write_text(page([document(language) for language in LANGUAGES]), encoding="utf-8", newline="\n")
    return place


def open_file(driver: Any, place: Path, fragment: str = "", width: int = 1280, scheme: str = "light") -> None:
    """Open a file in a window of a width and a colour scheme, and forget what the browser was told and asked before."""
    driver.switch_to.default_content()
    driver.get("about:blank")
    media = [{"name": "prefers-color-scheme", "value": scheme}]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": media})
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    console(driver)
    requests(driver)
    driver.get(place.as_uri() + fragment)
    wait_until_loaded(driver)


def wait_until_loaded(driver: Any) -> None:
    """Wait for the page, or the frame, whose scripts come last: ChromeDriver does not always do so."""
    loaded = "return location.href !== 'about:blank' && document.readyState === 'complete'"
    wait(lambda: driver.execute_script(loaded), "the whole page")


def scroll_and_count(driver: Any) -> int:
    """Bring each figure of the report that is shown into view until it is drawn; return how many there are."""
    wait_until_loaded(driver)
    figures = driver.find_elements("css selector", f"{SHOWN} figure")
    for figure in figures:
        driver.execute_script("arguments[0].scrollIntoView()", figure)
        wait(lambda figure=figure: figure.find_elements("css selector", "svg.main-svg"), "a drawn figure")
    return len(figures)


def click(driver: Any, selector: str, text: str) -> None:
    """Click the part of the page that reads so."""
    found = driver.find_elements("css selector", selector)
    next(part for part in found if part.is_displayed() and part.text.strip() == text).click()


def heading(driver: Any) -> str:
    """The title of the report that is shown."""
    [title] = driver.execute_script(READ, f"{SHOWN} h1")
    return str(title)
