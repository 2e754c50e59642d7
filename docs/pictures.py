"""Make the README's picture of MLflow's UI: python docs/screenshot.py --home mlruns (needs chromium, chromium-driver).

It serves the home with `python -m sweep ui`, opens the page with the curves of the last sweep's cells in headless
Chromium, and saves docs/images/mlflow-compare.png.
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
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.chrome.service import Service

from sweep.tracking.links import curves_link
from sweep.tracking.read import sweep_cells, sweep_run
from sweep.tracking.store import open_store

PICTURE = Path(__file__).parent / "images" / "mlflow-compare.png"
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--window-size=1500,900")  # fmt: skip


def main() -> None:
    """Serve, open, wait until the curves are drawn, save."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, default=Path("mlruns"))
    parser.add_argument("--port", type=int, default=5017)
    options = parser.parse_args()
    store = open_store(options.home.absolute(), "npu-sweep")
    cells = sweep_cells(store, sweep_run(store).run_id)
    base = f"http://127.0.0.1:{options.port}"
    address = curves_link(store, list(cells["run_id"]), "metrics/mAP50", base)
    command = [sys.executable, "-m", "sweep", "ui", "--home", str(options.home), "--port", str(options.port)]
    with subprocess.Popen(command) as server:
        try:
            _wait(f"{base}/health")
            _save(address)
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


def _save(address: str) -> None:
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or shutil.which("google-chrome") or "chromium"
    for flag in (*FLAGS, f"--user-data-dir={tempfile.mkdtemp()}"):
        options.add_argument(flag)
    driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
    try:
        driver.get(address)
        time.sleep(10)
        close = "document.querySelector('[data-component-id=\"mlflow.assistant.chat_panel.close\"]')?.click()"
        driver.execute_script(close)
        time.sleep(3)
        PICTURE.parent.mkdir(exist_ok=True)
        driver.save_screenshot(str(PICTURE))
    finally:
        driver.quit()


if __name__ == "__main__":
    main()
