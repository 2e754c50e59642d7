"""Rockchip's RKNN toolkit, in an environment of its own: it needs older packages than the project.

The environment is `home/envs/rknn`. Its stamp is written last: without it the environment is not there, whatever else
is. The toolkit also imports torch, of which any version will do: the environment reads the project's own, unless
another one is asked for.
"""

from __future__ import annotations

import json
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

from filelock import FileLock, Timeout

from sweep.errors import SweepError
from sweep.npu.process import run_compiler
from sweep.npu.targets.base import TargetError

TOOLKIT = "rknn-toolkit2==2.3.2"  # 2.5.0 fails on graphs with the decode
# What the toolkit runs with: its own requirements, in the newest versions that worked with it together. It is installed
# without its dependencies, because it asks for opencv with a window system and for torch<=2.4.
PACKAGES = (
    "numpy==1.26.4",
    "protobuf<4.25.5",
    "onnx==1.16.1",
    "onnxruntime==1.18.1",
    "setuptools<82",
    "opencv-python-headless<4.12",
    "psutil",
    "ruamel.yaml",
    "scipy",
    "tqdm",
    "fast-histogram",
)
MACHINES = ("x86_64", "aarch64")  # of the toolkit's wheels, all for Linux
PYTHONS = ((3, 9), (3, 12))  # its wheels are for 3.8 to 3.12; numpy 1.26.4 begins with 3.9
SPACE_GB = {"own": 10, "shared": 2}  # with a CUDA build of torch and its download (5.9 GB after it), without torch
STAMP = "ready.json"
SHARED = "project_torch.pth"
STEP_S = 3600
LAST_LINES = 4
CHECK = """
import json, platform, torch
from importlib.metadata import version
from rknn.api import RKNN
torch.arange(1)
names = ("rknn-toolkit2", "torch", "numpy", "onnx", "onnxruntime", "protobuf")
print(json.dumps({"python": platform.python_version()} | {name: version(name) for name in names}))
"""

Say = Callable[[str], None]


def folder(home: Path) -> Path:
    """Where the environment lies."""
    return home / "envs" / "rknn"


def interpreter(home: Path) -> Path:
    """The environment's Python."""
    return folder(home) / "bin" / "python"


def is_ready(home: Path) -> bool:
    """Whether a set-up came to its end, and both the Python and the torch that it builds on are still there."""
    try:
        stamp = json.loads((folder(home) / STAMP).read_text("utf-8"))
        torch = stamp["torch"]
    except (OSError, ValueError, TypeError, KeyError):
        return False
    return interpreter(home).exists() and (torch is None or (Path(torch) / "torch").is_dir())


def toolkit_version(python: Path) -> str | None:
    """The version of the toolkit that an interpreter has, read from its folder; None without it. Starts nothing."""
    if not python.exists():
        return None
    found = sorted(python.parent.parent.glob("lib/python3*/*-packages/rknn_toolkit2-*.dist-info"))
    return found[-1].name.removesuffix(".dist-info").partition("-")[2] if found else None


def set_up(
    home: Path,
    *,
    say: Say,
    python: Path | None = None,
    torch_index: str | None = None,
    pip_arguments: Sequence[str] = (),
) -> Path:
    """Install the toolkit into `home/envs/rknn`, once: a finished environment is kept.

    Args:
        home: The folder that holds all state; nothing is written elsewhere.
        say: Told what happens, a line at a time.
        python: The Python to build on; by default the one that runs.
        torch_index: A package index to install torch from, such as one with CPU builds. By default the project's own
            torch is used where `python` is of the same version, otherwise torch comes from the usual index.
        pip_arguments: More arguments for pip, such as `--index-url`.

    Returns:
        The environment's Python.

    Raises:
        SweepError: There is no toolkit for this machine or Python, too little space, or pip failed.
    """
    if is_ready(home):
        say(f"The RKNN environment is there: {folder(home)}")
        return interpreter(home)
    base = python or Path(sys.executable)
    version = _python_version(base)
    _check_machine(base, version)
    torch = _project_torch() if torch_index is None and version == sys.version_info[:2] else None
    folder(home).parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(f"{folder(home)}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        say("Another process sets it up. Waiting.")
        lock.acquire()
    try:
        if not is_ready(home):
            _check_space(folder(home).parent, "own" if torch is None else "shared")
            _build(home, base, torch, torch_index, pip_arguments, say)
    finally:
        lock.release()
    return interpreter(home)


def _build(
    home: Path, base: Path, torch: Path | None, torch_index: str | None, pip_arguments: Sequence[str], say: Say
) -> None:
    """Make the environment; whatever stops it, no half one is left (a killed process leaves one without a stamp)."""
    environment, log = folder(home), folder(home).with_name("rknn.log")
    shutil.rmtree(environment, ignore_errors=True)
    scratch = environment / "tmp"
    try:
        scratch.mkdir(parents=True)
        say(f"Making an environment in {environment}")
        _run([str(base), "-m", "venv", str(environment)], "python -m venv", log, scratch)
        pip = [str(interpreter(home)), "-m", "pip", "install", "--disable-pip-version-check"]
        pip += ["--no-input", "--no-cache-dir", *pip_arguments]
        if torch is None:
            say("Installing torch")
            index = ["--index-url", torch_index] if torch_index else []
            _run([*pip, *index, "torch"], "pip", log, scratch)
        say(f"Installing {', '.join(PACKAGES)}")
        _run([*pip, *PACKAGES], "pip", log, scratch)
        say(f"Installing {TOOLKIT}")
        _run([*pip, "--no-deps", TOOLKIT], "pip", log, scratch)
        if torch is not None:
            site = next(environment.glob("lib/python3*/site-packages"))
            (site / SHARED).write_text(f"{torch}\n", "utf-8")
        say("Checking it")
        printed = _run([str(interpreter(home)), "-I", "-c", CHECK], "the import of rknn.api", log, scratch)
        shutil.rmtree(scratch)
        stamp = {"torch": None if torch is None else str(torch), "versions": json.loads(printed.splitlines()[-1])}
        temporary = environment / f"{STAMP}.tmp"
        temporary.write_text(json.dumps(stamp, indent=1), "utf-8")
        temporary.replace(environment / STAMP)
    except BaseException:
        shutil.rmtree(environment, ignore_errors=True)
        raise


def _run(command: list[str], name: str, log: Path, scratch: Path) -> str:
    """Run a step and return what it printed; none of it outlives this process.

    Raises:
        SweepError: With the last lines that it printed.
    """
    # An empty variable is as good as none, for Python and for pip.
    nowhere_else = dict.fromkeys(("PYTHONPATH", "PYTHONHOME", "PIP_TARGET", "PIP_PREFIX", "PIP_USER"), "")
    variables = nowhere_else | {"TMPDIR": str(scratch), "PYTHONNOUSERSITE": "1"}
    try:
        return run_compiler(name, command, log=log, timeout_s=STEP_S, environment=variables)
    except TargetError as error:
        lines = [line.strip() for line in log.read_text("utf-8", errors="replace").splitlines() if line.strip()]
        raise SweepError(
            f"The set-up of RKNN failed: {name} did not succeed. All that it printed is in {log}, the end of it: "
            + " ".join(lines[-LAST_LINES:])
        ) from error


def _python_version(python: Path) -> tuple[int, int]:
    if python == Path(sys.executable):
        return sys.version_info[:2]
    code = "import sys; print(*sys.version_info[:2])"
    try:
        done = subprocess.run([str(python), "-I", "-c", code], capture_output=True, text=True, check=True, timeout=60)
        major, minor = map(int, done.stdout.split())
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise SweepError(f"{python} is not a Python interpreter that can be used: {error}") from error
    return major, minor


def _check_machine(python: Path, version: tuple[int, int]) -> None:
    machine, (oldest, newest) = platform.machine(), PYTHONS
    if sys.platform != "linux" or machine not in MACHINES:
        raise SweepError(
            f"RKNN toolkit has no build for {platform.system()} {machine}, only for Linux {' and '.join(MACHINES)}."
        )
    if not oldest <= version <= newest:
        span = " to ".join(f"{major}.{minor}" for major, minor in PYTHONS)
        raise SweepError(f"RKNN toolkit is built for Python {span}; {python} is {'.'.join(map(str, version))}.")


def _check_space(place: Path, kind: str) -> None:
    free = shutil.disk_usage(place).free / 1e9
    if free < SPACE_GB[kind]:
        raise SweepError(f"The RKNN environment needs {SPACE_GB[kind]} GB in {place}; {free:.1f} GB are free.")


def _project_torch() -> Path | None:
    """The folder that the running Python imports torch from."""
    found = find_spec("torch")
    return Path(found.origin).parent.parent if found and found.origin else None
