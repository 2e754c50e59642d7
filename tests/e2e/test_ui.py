"""MLflow's UI as a user sees it: a real server on 127.0.0.1, a real browser."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from e2e.conftest import Desk, gone_within, tree
from support.browser import browser as open_browser

pytestmark = pytest.mark.slow
PATIENCE_S = 60


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def ui(done: tuple[Desk, int, str]) -> Iterator[str]:
    """The address of `python -m sweep ui` on the finished sweep's home."""
    desk, _, _ = done
    port = free_port()
    server = subprocess.Popen([sys.executable, "-m", "sweep", "ui", "--port", str(port)], cwd=desk.folder)
    try:
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5):
                    break
            except OSError:
                assert server.poll() is None, "the UI ended"
                assert time.monotonic() < deadline, "the UI did not come up"
                time.sleep(0.3)
        yield f"http://127.0.0.1:{port}"
    finally:
        family = tree(server)
        server.send_signal(signal.SIGINT)
        assert server.wait(30) == 0
        assert gone_within(family, 5) == []


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with open_browser(tmp_path_factory.mktemp("browser")) as driver:
        driver.set_window_size(1500, 1300)
        yield driver


SCROLL = """
for (const part of document.querySelectorAll('*'))
  if (part.scrollHeight > part.clientHeight + 10 && part.clientHeight > 100)
    part.scrollTop = part.scrollTop + part.clientHeight / 2 >= part.scrollHeight - part.clientHeight
      ? part.scrollHeight : part.scrollTop + part.clientHeight / 2
"""


def text_of(browser: Any) -> str:
    return str(browser.execute_script("return document.body.innerText"))


def wait_for_text(browser: Any, *texts: str) -> str:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        page = text_of(browser)
        if all(text in page for text in texts):
            return page
        time.sleep(0.5)
    raise AssertionError(f"{texts} are not all on the page:\n{text_of(browser)[:3000]}")


def test_it_listens_on_this_machine_only(ui: str) -> None:
    port = int(ui.rpartition(":")[2])
    others = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)} - {"127.0.0.1"}
    for address in (address for address in others if not address.startswith("127.")):
        with pytest.raises(OSError), socket.create_connection((address, port), timeout=2):
            pass


def test_the_experiment_page_shows_parent_and_children(ui: str, browser: Any, done: tuple[Desk, int, str]) -> None:
    desk, _, _ = done
    browser.get(f"{ui}/#/experiments/{desk.store().experiment_id}/runs")
    wait_for_text(browser, "sweep ")
    unfold = (
        "document.querySelectorAll('[data-component-id*=\"runnamecellrenderer\"]').forEach(button => button.click())"
    )
    browser.execute_script(unfold)  # children are folded under their parent
    wait_for_text(browser, *(f"yolo11n-l{level}-{act}-s0" for level in (2, 3, 4) for act in ("relu", "leakyrelu")))


def printed_link(output: str, page: str) -> str:
    """A link that the sweep printed at its end, without the address of the server."""
    [path] = re.findall(rf"http://127\.0\.0\.1:5000(/#/{page}\S*)", output)
    return str(path)


def test_the_compare_page_shows_six_runs_with_their_metrics(ui: str, browser: Any, done: tuple[Desk, int, str]) -> None:
    browser.get(ui + printed_link(done[2], "compare-runs"))
    page = wait_for_text(browser, "Comparing 6 Runs", "best/mAP50")
    wanted = {"best/mAP50", "metrics/mAP50", "int8/mAP50", "npu/onnx.rk3588/op_pct"}
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline and wanted - set(page.splitlines()):
        browser.execute_script(SCROLL)  # MLflow draws only those metrics of the long list that are in view
        time.sleep(0.5)
        page += "\n" + text_of(browser)
    assert not wanted - set(page.splitlines())
    assert all(f"yolo11n-l{level}-{act}-s0" in page for level in (2, 3, 4) for act in ("relu", "leakyrelu"))


def test_the_curves_page_shows_map50_of_six_cells(ui: str, browser: Any, done: tuple[Desk, int, str]) -> None:
    browser.get(ui + printed_link(done[2], "metric"))
    wait_for_text(browser, "Comparing 6 Runs", "metrics/mAP50", "6/6")
    drawn = "return document.querySelectorAll('.js-plotly-plot .scatterlayer .trace path').length"
    legend = [f"yolo11n-l{level}-{act}-s0 (metrics/mAP50)" for level in (2, 3, 4) for act in ("relu", "leakyrelu")]
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        text = browser.execute_script("return document.body.textContent")
        if browser.execute_script(drawn) >= len(legend) and all(name in text for name in legend):
            return
        time.sleep(0.5)
    raise AssertionError(f"not all curves are drawn:\n{text_of(browser)[:3000]}")
