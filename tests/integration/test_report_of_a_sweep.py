"""A report that cannot be written takes nothing with it."""

from __future__ import annotations

import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from rich.console import Console

from support.sweeps import end_sweep, figures, store_cell, store_sweep
from sweep.flow import _report
from sweep.tracking.read import sweep_run
from sweep.tracking.store import open_store


def test_a_report_that_cannot_be_written_is_said_and_the_results_stay(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = open_store(tmp_path / "home", "e")
    run_id = store_sweep(store)
    end_sweep(store, run_id, [store_cell(store, run_id, "c", params={"level": 4, "act": "relu"}, summary=figures(0.5))])
    (tmp_path / "home" / "sweeps").write_text("a file, where the folder of the reports would have to be")
    said = io.StringIO()
    sweep = cast(Any, SimpleNamespace(store=store, id="s", run_id=run_id))

    assert not _report(sweep, Console(file=said, width=200))

    assert "python -m sweep report --sweep s" in said.getvalue()
    assert "Traceback" in capsys.readouterr().err
    assert sweep_run(store, run_id).status == "finished"
    (tmp_path / "home" / "sweeps").unlink()
    assert _report(sweep, Console(file=said, width=200))
    assert (tmp_path / "home" / "sweeps" / "s" / "report" / "report.html").is_file()
