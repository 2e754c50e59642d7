"""A real browser without a window: Chromium, as it is installed here."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
    "--window-size=1280,900",
)  # fmt: skip
PATIENCE_S = 60


@contextmanager
def browser(folder: Path) -> Iterator[Any]:
    """Open a browser, its profile in a folder, that keeps its console and its requests; skip where there is none."""
    if BROWSER is None or DRIVER is None:
        pytest.skip("Chromium and ChromeDriver are not installed: apt-get install chromium chromium-driver")
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    for flag in (*FLAGS, f"--user-data-dir={folder}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    try:
        driver.get("about:blank")  # away from the page of a new tab, which asks for a lot
        yield driver
    finally:
        driver.quit()


def console(driver: Any) -> list[str]:
    """What the browser's console was told since it was asked last."""
    return [f"{entry['level']} {entry['message']}" for entry in driver.get_log("browser")]


def requests(driver: Any) -> list[str]:
    """The addresses that were asked for since they were asked for last, the browser's own left out."""
    events = (json.loads(entry["message"])["message"] for entry in driver.get_log("performance"))
    asked = (event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent")
    return [address for address in asked if not address.startswith(("chrome:", "chrome-untrusted:", "about:"))]


def wait(condition: Callable[[], Any], what: str) -> Any:
    """Return what a condition comes to as soon as it is true."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.1)
    raise AssertionError(f"not seen within {PATIENCE_S} s: {what}")
