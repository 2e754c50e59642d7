"""The report's page inside other pages: in a sandbox, and in MLflow's artifact viewer."""

from __future__ import annotations

import html
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.browser import browser, console, wait
from support.documents import TEXTS
from support.mlflow_server import mlflow_server
from support.report_page import SHOWN, click, heading, open_file, scroll_and_count, write_page

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with browser(tmp_path_factory.mktemp("browser")) as driver:
        yield driver


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_page(tmp_path_factory.mktemp("page"))


def frame(page: Path, folder: Path, source: str) -> Path:
    """A page that shows another one as MLflow's artifact viewer does: in a sandbox, from a blob (or from text)."""
    text = html.escape(page.read_text(encoding="utf-8"))
    outer = folder / "outer.html"
    script = """
      const frame = Object.assign(document.createElement("iframe"), {sandbox: "allow-scripts"});
      const text = document.querySelector("textarea").value;
      if (SOURCE) frame.src = URL.createObjectURL(new Blob([text], {type: "text/html"}));
      else frame.srcdoc = text;
      frame.style = "width: 1000px; height: 700px";
      document.body.append(frame);
    """.replace("SOURCE", "true" if source == "blob" else "false")
    outer.write_text(f'<meta charset="utf-8"><textarea hidden>\n{text}</textarea><script>{script}</script>', "utf-8")
    return outer


@pytest.mark.parametrize("source", ["blob", "text"])
def test_it_works_in_a_sandbox(driver: Any, report: Path, tmp_path: Path, source: str) -> None:
    open_file(driver, frame(report, tmp_path, source))
    driver.switch_to.frame(driver.find_element("css selector", "iframe"))
    assert scroll_and_count(driver) == 1
    click(driver, f"{SHOWN} a", "yolo11n-l2-relu-s0")
    assert heading(driver) == "yolo11n-l2-relu-s0"
    assert scroll_and_count(driver) == 2
    click(driver, ".languages a", "English")
    click(driver, ".contents a", "Sweep report")
    assert heading(driver) == TEXTS["en"]["title"]
    click(driver, f"{SHOWN} a", "MLflow")  # a sandbox opens no page: the address is shown instead
    assert "https://mlflow.example/#/runs/1" in driver.find_element("css selector", ".notice").text
    driver.switch_to.default_content()
    assert console(driver) == []


def test_it_works_in_mlflows_artifact_viewer(driver: Any, report: Path, tmp_path: Path) -> None:
    from mlflow import MlflowClient

    with mlflow_server(tmp_path) as server:
        client = MlflowClient(server)
        experiment = client.create_experiment("reports")
        run = client.create_run(experiment).info.run_id
        client.log_artifact(run, str(report), "report")
        driver.get(f"{server}/#/experiments/{experiment}/runs/{run}/artifacts/report/report.html")
        viewer = wait(lambda: driver.find_elements("css selector", "iframe.mlflow-html-iframe"), "the viewer")[0]
        driver.switch_to.frame(viewer)
        wait(lambda: driver.find_elements("css selector", SHOWN), "the page")
        assert scroll_and_count(driver) == 1
        click(driver, ".languages a", "English")
        assert heading(driver) == TEXTS["en"]["title"]
