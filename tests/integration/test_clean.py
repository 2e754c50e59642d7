"""`python -m sweep clean` removes what nothing needs, and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from support.spooled import begin_cell, begin_sweep, delivered
from sweep.clean import removable, remove
from sweep.locks import cell_lock
from sweep.tracking.store import Store, open_store

KEY = "k" * 64


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(tmp_path / "home", "npu-sweep")


def make_run(store: Store, status: str | None, *, logged: bool = True) -> Path:
    """The run of a cell with its folder in home as a training leaves it."""
    run = begin_cell(store, begin_sweep(store), KEY)
    folder = run.folder
    (folder / "weights").mkdir(parents=True)
    files = {f"weights/{name}": folder / "weights" / name for name in ("best.pt", "last.pt")}
    for path in (*files.values(), folder / "state.pt", folder / ".state.pt.1.part", folder / "train.log"):
        path.write_bytes(b"x" * 1000)
    if logged:
        run.log_files(files)
    if status is not None:
        run.finish(status)  # type: ignore[arg-type]
    delivered(store)
    return folder


def names(store: Store, *, caches: bool = False) -> set[str]:
    return {str(entry.path.relative_to(store.home)) for entry in removable(store, caches=caches)}


def test_of_a_finished_cell_goes_what_mlflow_has(store: Store) -> None:
    folder = make_run(store, "FINISHED")
    place = folder.relative_to(store.home)
    assert names(store) == {f"{place}/state.pt", f"{place}/weights", f"{place}/.state.pt.1.part"}
    assert remove(removable(store, caches=False), lambda *_: None) == 4000
    assert {path.name for path in folder.iterdir()} == {"train.log", "spool.jsonl", "delivered.json", "deliver.lock"}
    assert sorted(path.name for path in store.home.glob("artifacts/*/artifacts/weights/*")) == ["best.pt", "last.pt"]
    assert names(store) == set()


def test_checkpoints_that_mlflow_lacks_stay(store: Store) -> None:
    folder = make_run(store, "FINISHED", logged=False)
    assert f"{folder.relative_to(store.home)}/weights" not in names(store)


def test_what_is_not_delivered_stays(store: Store) -> None:
    folder = make_run(store, "FINISHED")
    (folder / "delivered.json").write_text('{"run_id": "x", "offset": 10}')
    assert names(store) == set()


@pytest.mark.parametrize("status", [None, "KILLED", "FAILED"])
def test_a_cell_that_can_go_on_stays(store: Store, status: str | None) -> None:
    make_run(store, status)
    assert names(store) == set()


def test_a_cell_that_a_process_holds_stays(store: Store) -> None:
    make_run(store, "FINISHED")
    with cell_lock(store.home, KEY, on_wait=lambda: None):
        assert names(store) == set()


def test_what_a_killed_process_had_staged_goes_when_it_is_old(store: Store) -> None:
    for name, age in ((".staging-1-x", 7200), (".staging-2-x", 0)):
        (store.home / name).mkdir()
        os.utime(store.home / name, (time.time() - age,) * 2)
    assert names(store) == {".staging-1-x"}


def test_caches_go_unless_a_sweep_is_under_way(store: Store) -> None:
    from sweep.locks import sweep_lock

    (store.home / "npu" / "measured").mkdir(parents=True)
    assert names(store, caches=True) == {"npu"}
    with sweep_lock(store.home, "20260101-000000-abcdef"):
        assert names(store, caches=True) == set()
    assert names(store) == set()


def test_the_verb(store: Store) -> None:
    folder = make_run(store, "FINISHED")

    def clean(*arguments: str) -> str:
        command = [sys.executable, "-m", "sweep", "clean", "--home", str(store.home), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True, cwd=store.home.parent).stdout

    text = clean("--dry-run")
    assert "0.0 MB would be freed" in text
    assert "state of a finished cell" in text
    assert (folder / "state.pt").exists()
    assert "freed." in clean()
    assert not (folder / "state.pt").exists()
    assert "Nothing in" in clean()
