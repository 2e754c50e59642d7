"""The wheel runs where nothing of the checkout is: conf/, sweeps/ and the Hydra plugins travel inside it."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TINY = ["recipe.epochs=1", "recipe.imgsz=32", "recipe.fraction=0.1", "workers=1", "home=h"]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel built from this tree, without network."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of a fresh environment that holds the wheel and borrows the installed dependencies.

    A plain path in a .pth file does not process the .pth files in that folder: the editable install stays out.
    """
    folder = tmp_path_factory.mktemp("clean") / "venv"
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    install = [sys.executable, "-m", "pip", "--python", str(python), "install", "--no-deps", "--no-index", str(wheel)]
    done = subprocess.run(install, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    site_packages = next((folder / "lib").glob("python*")) / "site-packages"
    (site_packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python


def run(python: Path | str, folder: Path, *arguments: str) -> str:
    """Standard output of a command in a folder; it has to succeed."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COV"))}
    environment["COLUMNS"] = "200"
    done = subprocess.run(
        [str(python), *arguments],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_wheel_holds_the_package_its_plugins_and_its_configuration(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    packaged = {
        f"sweep/_packaged/{path.relative_to(ROOT)}" for folder in ("conf", "sweeps") for path in tracked(folder)
    }
    assert packaged <= names
    assert {
        "sweep/py.typed",
        "sweep/__main__.py",
        "sweep/report/texts/en/tables.yaml",
        "hydra_plugins/npu_sweep/__init__.py",
    } <= names
    assert "hydra_plugins/__init__.py" not in names, "Hydra's namespace package must stay one"
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"sweep", "hydra_plugins"}
    assert not any("__pycache__" in name or "/local/" in name for name in names)


def tracked(folder: str) -> list[Path]:
    """The YAML files of conf/ or sweeps/ that belong to the project."""
    return [path for path in (ROOT / folder).rglob("*.yaml") if "local" not in path.parts]


def test_wheel_reads_its_own_copy_of_the_configuration(installed: Path, tmp_path: Path) -> None:
    code = "import sweep.paths as p, sys; print(p.packaged('conf')); print(p.packaged('sweeps'))"
    conf, sweeps = run(installed, tmp_path, "-c", code).splitlines()
    prefix = str(installed.parents[1])
    assert conf.startswith(prefix)
    assert conf.endswith("sweep/_packaged/conf")
    assert sweeps.startswith(prefix)
    assert sweeps.endswith("sweep/_packaged/sweeps")


def test_wheel_plans_and_sweeps_from_an_empty_folder(installed: Path, tmp_path: Path) -> None:
    plan = run(installed, tmp_path, "-m", "sweep", "plan", "level=2,3", "act=relu")
    assert "yolo11n-l2-relu-s0" in plan
    assert "yolo11n-l3-relu-s0" in plan
    assert "2 to run" in plan

    swept = run(installed, tmp_path, "-m", "sweep", "level=4", "act=relu", *TINY)
    assert "yolo11n-l4-relu-s0" in swept
    assert (tmp_path / "h" / "mlflow.db").is_file()
    named = run(installed, tmp_path, "-m", "sweep", "plan", "sweeps=demo")
    assert "6 to run" in named
    assert [path.name for path in tmp_path.iterdir()] == ["h"], "all state is in home, and a plan writes nothing"


def test_wheel_prefers_a_configuration_in_the_working_directory(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "conf" / "levels").mkdir(parents=True)
    (tmp_path / "conf" / "levels" / "mine.yaml").write_text("name: mine\ntransforms:\n  - set_reg_max: {bins: 4}\n")
    assert "yolo11n-lmine-relu-s0" in run(installed, tmp_path, "-m", "sweep", "plan", "level=mine")


def test_checkout_reads_the_configuration_of_its_root(tmp_path: Path) -> None:
    code = "import sweep.paths as p; print(p.packaged('conf')); print(p.packaged('sweeps'))"
    assert run(sys.executable, tmp_path, "-c", code).splitlines() == [str(ROOT / "conf"), str(ROOT / "sweeps")]
    assert not (ROOT / "src" / "sweep" / "_packaged").exists(), "an editable install leaves no copy behind"
    shown = run(sys.executable, tmp_path, "-m", "sweep", "--info", "searchpath")
    assert str(ROOT / "conf") in shown
