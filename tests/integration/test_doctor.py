"""`python -m sweep doctor` says what is there, what is missing and how to get it, and changes nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import metadata
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from support.spooled import begin_cell, begin_sweep
from sweep import doctor
from sweep.devices import Gpu
from sweep.locks import cell_lock
from sweep.tracking import names, write
from sweep.tracking.spool.deliver import deliver, mlflow_id
from sweep.tracking.store import open_store, store_at


def report(home: Path) -> tuple[int, str]:
    """The exit code and the text of a report."""
    console = Console(file=StringIO(), width=100, highlight=False)
    code = doctor.print_report(console, home)
    assert isinstance(console.file, StringIO)
    return code, console.file.getvalue()


def test_reports_an_installation_that_can_run(tmp_path: Path) -> None:
    code, text = report(tmp_path / "mlruns")
    assert code == 0, text
    for words in ("npu-sweep", "Python", "cores", "memory", "device=auto", "free disk", "none yet", "No problems"):
        assert words in text
    flat = " ".join(text.split())
    for package in ("torch", "ultralytics", "mlflow", "hydra-core"):
        assert f"{package} {metadata.version(package)}" in flat
    assert not (tmp_path / "mlruns").exists(), "doctor only looks"


def test_answers_from_the_command_line_without_heavy_imports(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from sweep.__main__ import main\n"
        "try:\n    main(['doctor', '--home', 'h'])\n"
        "except SystemExit as end:\n    assert not end.code, end.code\n"
        "print(sorted({'torch', 'ultralytics', 'mlflow', 'pandas', 'hydra'} & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"
    assert list(tmp_path.iterdir()) == []


def test_counts_what_the_store_of_home_holds(tmp_path: Path) -> None:
    store = open_store(tmp_path, "another experiment")
    parent = write.start_sweep(store, sweep_id="s", name="sweep s", command="", tags={})
    for number, status in enumerate(("FINISHED", "FINISHED", "FAILED")):
        run_id = write.start_cell(
            store, parent_run_id=parent, sweep_id="s", cell_name=f"c{number}", cell_key=str(number), params={}, tags={}
        )
        write.finish(store, run_id, status)
    code, text = report(tmp_path)
    assert code == 0, text
    assert "sweeps: 1; cells: 3 (1 failed, 2 finished)" in text


def test_lists_what_a_killed_process_has_left_running(tmp_path: Path) -> None:
    home = tmp_path / "mlruns"
    store = open_store(home, "other")
    sweep = begin_sweep(store, "dead")
    lost, held = (begin_cell(store, sweep, key * 64) for key in "ab")
    long_ago = {names.HOST: "another", names.HEARTBEAT: "2026-01-01T00:00:00Z"}
    silent = begin_cell(store, sweep, "c" * 64, long_ago)
    living = begin_cell(store, sweep, "d" * 64, {names.HOST: "another"})
    for run in (sweep, lost, held, silent, living):
        deliver(store, run.folder)
    with cell_lock(home, "b" * 64, on_wait=lambda: None):
        code, text = report(home)
    flat = " ".join(text.split())
    assert code == 0, text
    assert "sweep dead (run dead): its process is gone" in flat
    assert f"(run {lost.id}): its process is gone" in flat
    assert f"on another, process {os.getpid()}, no sign of life since 2026-01-01T00:00:00Z" in flat
    assert held.id not in flat, "a process holds it"
    assert flat.count("no sign of life") == 1, "whether the other one lives cannot be told from here"
    assert store.client.get_run(mlflow_id(store, sweep.folder)).info.status == "RUNNING", "doctor only looks"


def test_lists_what_is_not_delivered(tmp_path: Path) -> None:
    home = tmp_path / "mlruns"
    begin_sweep(store_at(home, "e", "http://user:secret@127.0.0.1:9")).finish("FINISHED")
    code, text = report(home)
    assert code == 0, text
    assert "1 run for e @ http://127.0.0.1:9" in text
    assert "python -m sweep sync" in text
    assert "secret" not in text


def test_missing_and_unfit_packages_are_problems_with_the_line_that_installs_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "requires", lambda _: ["no-such-package>=1", "numpy<1", "skipped; extra == 'dev'"])
    code, text = report(tmp_path)
    assert code == 1
    assert "problem: no-such-package is missing." in text
    assert f"{sys.executable} -m pip install 'no-such-package>=1'" in text
    assert "does not fit <1" in text
    assert "skipped" not in text
    assert "No problems" not in text


def test_a_missing_optional_part_is_no_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "OPTIONAL_PARTS", {"hydra/launcher=other": "no-such-launcher>=2"})
    code, text = report(tmp_path)
    assert code == 0
    assert "hydra/launcher=other  not installed" in text
    assert "-m pip install 'no-such-launcher>=2'" in text


def test_a_home_that_cannot_be_used_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    code, text = report(tmp_path / "file" / "home")
    assert code == 1
    assert f"home={tmp_path / 'file'} is a file" in text

    (tmp_path / "mlflow.db").write_text("this is no database at all")
    code, text = report(tmp_path)
    assert code == 1
    assert "no SQLite database" in text


def test_a_full_disk_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "MIN_FREE_GB", 1e9)
    code, text = report(tmp_path)
    assert code == 1
    assert "GiB are free" in text


def test_a_gpu_that_torch_cannot_use_is_a_hint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "gpus", lambda: [Gpu(0, "NVIDIA Test", 80.0, 79.0)])
    monkeypatch.setattr(doctor, "torch_has_cuda", lambda: False)
    code, text = report(tmp_path)
    assert code == 0
    assert "NVIDIA Test, 80.0 GiB, 79.0 free" in text
    assert "hint: There is an NVIDIA GPU" in text
