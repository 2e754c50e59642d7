"""The set-up of RKNN says what stands in its way before it starts, and never counts a half environment."""

from __future__ import annotations

import json
import platform
import shutil
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from filelock import FileLock

from sweep.errors import SweepError
from sweep.npu import rknn_env
from sweep.npu.rknn_env import set_up


@pytest.fixture
def said() -> list[str]:
    return []


def finish(home: Path) -> None:
    rknn_env.interpreter(home).parent.mkdir(parents=True)
    rknn_env.interpreter(home).symlink_to(sys.executable)
    (rknn_env.folder(home) / rknn_env.STAMP).write_text(json.dumps({"torch": None}))


def test_a_finished_one_answers_at_once(tmp_path: Path, said: list[str]) -> None:
    finish(tmp_path)
    before = sorted(tmp_path.rglob("*"))

    assert set_up(tmp_path, say=said.append) == rknn_env.interpreter(tmp_path)

    assert sorted(tmp_path.rglob("*")) == before
    assert len(said) == 1


def test_two_at_once_make_one(tmp_path: Path, said: list[str]) -> None:
    lock = FileLock(f"{rknn_env.folder(tmp_path)}.lock")
    rknn_env.folder(tmp_path).parent.mkdir(parents=True)
    done: list[Path] = []
    second = threading.Thread(target=lambda: done.append(set_up(tmp_path, say=said.append)))
    with lock:
        second.start()
        while not said:
            time.sleep(0.01)
        finish(tmp_path)
    second.join()

    assert done == [rknn_env.interpreter(tmp_path)]
    assert said == ["Another process sets it up. Waiting."]


@pytest.mark.parametrize("machine", ["riscv64", "arm64"])
def test_a_machine_without_a_build(machine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: machine)

    with pytest.raises(SweepError, match=f"no build for .* {machine}, only for Linux x86_64 and aarch64"):
        set_up(tmp_path, say=print)

    assert not list(tmp_path.iterdir())


def test_a_python_without_a_build(tmp_path: Path) -> None:
    newer = tmp_path / "python3.99"
    newer.write_text("#!/bin/sh\necho 3 99\n")
    newer.chmod(0o755)

    with pytest.raises(SweepError, match=r"Python 3\.9 to 3\.12; .*python3\.99 is 3\.99"):
        set_up(tmp_path / "home", say=print, python=newer)


def test_a_python_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(SweepError, match="is not a Python interpreter"):
        set_up(tmp_path / "home", say=print, python=tmp_path / "none")


def test_too_little_space(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1.5e9))

    with pytest.raises(SweepError, match=r"needs 2 GB in .*envs; 1\.5 GB are free"):
        set_up(tmp_path, say=print)
    with pytest.raises(SweepError, match=r"needs 10 GB"):
        set_up(tmp_path, say=print, torch_index="file:///no/index")

    assert not rknn_env.folder(tmp_path).exists()


def test_what_was_left_by_a_killed_one_is_cleared(tmp_path: Path) -> None:
    left = rknn_env.folder(tmp_path) / "bin" / "half"
    left.parent.mkdir(parents=True)
    left.touch()
    broken = tmp_path / "python"
    major, minor = sys.version_info[:2]
    broken.write_text(
        f"#!/bin/sh\n[ $1 = -I ] && echo {major} {minor} && exit\necho No module named venv >&2\nexit 1\n"
    )
    broken.chmod(0o755)

    with pytest.raises(SweepError, match=r"python -m venv did not succeed.*No module named venv"):
        set_up(tmp_path, say=print, python=broken)

    assert not rknn_env.folder(tmp_path).exists()
