"""Ultralytics reads these variables when it is imported: tests use settings of their own and no network."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import hypothesis
import pytest

from support.command_line import Ended, run_sweep

os.environ["YOLO_CONFIG_DIR"] = tempfile.mkdtemp(prefix="npu-sweep-tests-")
os.environ["YOLO_OFFLINE"] = "1"
os.environ["YOLO_AUTOINSTALL"] = "False"
os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # onnxruntime leaves files in the user's cache folder otherwise

# How long inputs take is the machine's affair: beside trainings it once took 1.4 s for the first one.
hypothesis.settings.register_profile("ours", suppress_health_check=[hypothesis.HealthCheck.too_slow], deadline=None)
hypothesis.settings.load_profile("ours")


@pytest.fixture(scope="session")
def signs_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home that holds the generated data set and no runs. Shared: only what leaves no run may use it as its home."""
    from sweep.data.check import check_dataset
    from sweep.data.signs import ensure_signs

    home = tmp_path_factory.mktemp("signs") / "home"
    check_dataset(ensure_signs(home), home, name="signs")  # so that the tests' processes need not look at each picture
    return home


@pytest.fixture
def home(signs_home: Path, tmp_path: Path) -> Path:
    """A home of the test's own, with the generated data set in it."""
    return Path(shutil.copytree(signs_home, tmp_path / "home"))


@pytest.fixture
def sweep(tmp_path: Path) -> Callable[..., Ended]:
    """`sweep("plan", "level=2")`: the command line as a process, in an empty folder unless `cwd` is given."""

    def run(*arguments: str, cwd: Path | None = None, **options: object) -> Ended:
        folder = cwd or tmp_path / "work"
        folder.mkdir(exist_ok=True)
        return run_sweep(arguments, folder, **options)  # type: ignore[arg-type]

    return run
