"""Make the README's pictures of the last sweep: python docs/pictures.py (needs chromium and chromium-driver).

- docs/images/mlflow-compare.png: the curves of its cells in MLflow's UI, served by `python -m sweep ui`;
- docs/images/report-{ko,en}.png: its report, as `python -m sweep report` writes it.
"""

from __future__ import annotations

import argparse
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.chrome.service import Service

from sweep.rebuild import report_folder
from sweep.tracking.links import curves_link
from sweep.tracking.read import sweep_cells, sweep_run
from sweep.tracking.store import open_store

PICTURES = Path(__file__).parent / "images"
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync")  # fmt: skip
LANGUAGES = ("ko", "en")


def main() -> None:
    """Build the report, open it and the UI, save the pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, default=Path("mlruns"))
    parser.add_argument("--port", type=int, default=5017)
    options = parser.parse_args()
    home = options.home.absolute()
    store = open_store(home, "npu-sweep")
    run = sweep_run(store)
    PICTURES.mkdir(exist_ok=True)
    languages = [text for language in LANGUAGES for text in ("--lang", language)]
    subprocess.run([sys.executable, "-m", "sweep", "report", "--home", str(home), *languages], check=True)
    for language in LANGUAGES:
        _picture_of_report(report_folder(home, str(run.sweep_id)) / "report.html", language)
    base = f"http://127.0.0.1:{options.port}"
    address = curves_link(store, list(sweep_cells(store, run.run_id)["run_id"]), "metrics/mAP50", base)
    command = [sys.executable, "-m", "sweep", "ui", "--home", str(home), "--port", str(options.port)]
    with subprocess.Popen(command) as server:
        try:
            _wait(f"{base}/health")
            _picture_of_curves(address)
        finally:
            server.send_signal(signal.SIGINT)


def _wait(address: str) -> None:
    for _ in range(200):
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except OSError:
            time.sleep(0.3)
    raise SystemExit("the UI did not come up")


def _picture_of_report(page: Path, language: str) -> None:
    with _browser(1200, 1500) as driver:
        driver.get(f"{page.as_uri()}#{language}")
        time.sleep(4)
        driver.save_screenshot(str(PICTURES / f"report-{language}.png"))


def _picture_of_curves(address: str) -> None:
    with _browser(1500, 900) as driver:
        driver.get(address)
        time.sleep(10)
        close = "document.querySelector('[data-component-id=\"mlflow.assistant.chat_panel.close\"]')?.click()"
        driver.execute_script(close)
        time.sleep(3)
        driver.save_screenshot(str(PICTURES / "mlflow-compare.png"))


@contextmanager
def _browser(width: int, height: int) -> Iterator[webdriver.Chrome]:
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or shutil.which("google-chrome") or "chromium"
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        for flag in (*FLAGS, f"--window-size={width},{height}", f"--user-data-dir={profile}"):
            options.add_argument(flag)
        driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
        try:
            yield driver
        finally:
            driver.quit()


if __name__ == "__main__":
    main()
