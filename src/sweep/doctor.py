"""`python -m sweep doctor`: whether the tool can run here, on what, and which optional parts are missing.

Nothing is written and nothing is imported that is slow, except MLflow where there is a store to count runs in.
"""

from __future__ import annotations

import os
import platform
import shlex
import shutil
import sys
from collections import Counter
from collections.abc import Iterator
from functools import partial
from importlib.metadata import PackageNotFoundError, requires
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.requirements import Requirement
from rich.padding import Padding
from rich.text import Text

import sweep
from sweep.devices import choose, cores, gpus, torch_has_cuda
from sweep.errors import SweepError
from sweep.packages import installed_version
from sweep.paths import packaged

if TYPE_CHECKING:
    from rich.console import Console

DISTRIBUTION = "npu-sweep"
MIN_FREE_GB = 1.0  # a sweep of six cells and the built-in data take about 0.2 GB
MANY_JOBS = 64
OPTIONAL_PARTS = {"hydra/launcher=joblib": "hydra-joblib-launcher>=1.2"}  # what it is for -> what brings it

Rows = list[tuple[str, str]]


def print_report(console: Console, home: Path) -> int:
    """Print what is installed, which devices there are and what is missing; the problems come last.

    Args:
        console: Where to print.
        home: The folder of all state; it need not exist.

    Returns:
        The exit code: 0 when sweeps can run, 1 when something that they need is missing.
    """
    problems: list[str] = []
    hints: list[str] = []
    _print(console, f"npu-sweep {sweep.__version__}", _machine())
    _print(console, "Devices", _devices(hints))
    _print_dependencies(console, problems)
    _print(console, "Optional parts", [*_optional_parts(), *_compilers(home, problems)])
    _print(console, f"Home: {home}", _home(home, problems))
    problems += _installation()
    for hint in hints:
        console.print(Text(f"hint: {hint}", style="yellow"), soft_wrap=True)
    for problem in problems:
        console.print(Text(f"problem: {problem}", style="red"), soft_wrap=True)
    if not problems:
        console.print("No problems: sweeps can run.")
    return 1 if problems else 0


def _print(console: Console, title: str, rows: Rows) -> None:
    console.print(Text(title, style="bold"), soft_wrap=True)
    width = max((len(name) for name, _ in rows), default=0)
    for name, value in rows:
        console.print(Text(f"  {name:<{width}}  {value}"), soft_wrap=True)


def _machine() -> Rows:
    import psutil

    memory = psutil.virtual_memory()
    return [
        ("Python", f"{platform.python_version()} ({sys.executable})"),
        ("platform", platform.platform()),
        ("cores", str(cores())),
        ("memory", f"{memory.total / 2**30:.1f} GiB, {memory.available / 2**30:.1f} available"),
    ]


def _devices(hints: list[str]) -> Rows:
    from sweep.slots import make_slots

    found = gpus()
    if found and not torch_has_cuda():
        hints.append(
            "There is an NVIDIA GPU, but the installed torch was built without CUDA: the CPU is used. Install a CUDA "
            "build of torch, as pytorch.org describes for this platform."
        )
    chosen = choose("auto")
    side_by_side = len(make_slots(chosen, MANY_JOBS, None, None))
    cards = [(f"GPU {gpu.index}", f"{gpu.name}, {gpu.total_gb:.1f} GiB, {gpu.free_gb:.1f} free") for gpu in found] or [
        ("GPU", "no NVIDIA GPU seen")
    ]
    return [
        *cards,
        ("torch", "built with CUDA" if torch_has_cuda() else "built without CUDA"),
        ("device=auto", chosen.type),
        ("workers=auto", f"{side_by_side} small cells side by side"),
    ]


def _print_dependencies(console: Console, problems: list[str]) -> None:
    """The version of everything that the package requires; what is missing or out of range is a problem."""
    try:
        required = [Requirement(text) for text in requires(DISTRIBUTION) or []]
    except PackageNotFoundError:
        problems.append(f"{DISTRIBUTION} is not installed as a package: run make setup, or install the wheel.")
        return
    found = []
    for requirement in required:
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        installed = installed_version(requirement.name)
        if installed is None:
            problems.append(f"{requirement.name} is missing. {_install(str(requirement))}")
        elif not requirement.specifier.contains(installed, prereleases=True):
            wanted = requirement.specifier
            problems.append(f"{requirement.name} {installed} does not fit {wanted}. {_install(str(requirement))}")
        found.append(f"{requirement.name} {installed or 'MISSING'}")
    console.print(Text("Dependencies", style="bold"))
    console.print(Padding(Text(", ".join(found)), (0, 0, 0, 2)))


def _optional_parts() -> Rows:
    rows: Rows = []
    for part, text in OPTIONAL_PARTS.items():
        installed = installed_version(Requirement(text).name)
        rows.append((part, installed or f"not installed. {_install(text)}"))
    return rows


def _compilers(home: Path, problems: list[str]) -> Rows:
    """The vendor compilers of the targets in `conf/npu/`, or how to get them."""
    from sweep.npu.targets import known_targets

    targets, wrong = known_targets(home)
    problems += wrong
    rows: Rows = []
    for target in targets:
        if target.name == "onnx":
            continue
        installed = target.version()
        compiler = f"{target.options['compiler']} {installed}"
        rows.append((f"npu=[{target.name}]", compiler if installed else f"not installed. Install it: {target.install}"))
    return rows


def _install(requirement: str) -> str:
    return f"Install it: {shlex.join([sys.executable, '-m', 'pip', 'install', requirement])}"


def _home(home: Path, problems: list[str]) -> Rows:
    place = next(folder for folder in (home, *home.parents) if folder.exists())
    if not place.is_dir():
        problems.append(f"home={place} is a file. Name a folder.")
        return []
    free = shutil.disk_usage(place).free / 2**30
    if free < MIN_FREE_GB:
        problems.append(f"Only {free:.2f} GiB are free at {place}. Free some, or choose another home.")
    if not os.access(place, os.W_OK | os.X_OK):
        problems.append(f"{place} cannot be written to. Change its permissions, or choose another home.")
    rows = [("free disk", f"{free:.1f} GiB")]
    try:
        return [*rows, ("store", _store(home)), *_undelivered(home), *_orphans(home)]
    except SweepError as error:
        problems += error.problems
        return [*rows, ("store", "cannot be read")]


def _store(home: Path) -> str:
    """How many sweeps and cells the SQLite store of home holds, over all experiments."""
    from sweep.tracking import names
    from sweep.tracking.store import has_store

    if not has_store(home):
        return "none yet: the first sweep makes it"
    sweeps = sum(1 for _ in _statuses(home, names.KIND_SWEEP))
    cells = Counter(_statuses(home, names.KIND_CELL))
    states = ", ".join(f"{count} {status}" for status, count in sorted(cells.items()))
    return f"sweeps: {sweeps}; cells: {cells.total()}" + (f" ({states})" if states else "")


def _undelivered(home: Path) -> Rows:
    """Runs that MLflow does not have as a whole, by the place where they are to go."""
    from sweep.tracking.spool.drain import undelivered_by_destination

    found = undelivered_by_destination(home)
    rows = [("undelivered", f"{count} run{'s' * (count > 1)} for {place}") for place, count in found.items()]
    return [*rows, ("", "They are delivered by: python -m sweep sync")] if rows else []


def _orphans(home: Path) -> Rows:
    """Runs that a killed process has left open, those of other hosts too where they have ceased to show life."""
    from sweep.locks import cell_held, sweep_held
    from sweep.tracking.client import client_for
    from sweep.tracking.runs import orphans, silent, stale_journals
    from sweep.tracking.store import find_store, has_store
    from sweep.tracking.uri import resolve_uri

    sweep_alive, cell_alive = partial(sweep_held, home), partial(cell_held, home)
    dead = stale_journals(home, sweep_alive=sweep_alive, cell_alive=cell_alive)
    rows = [(f"{run.cell or run.name} (run {run.id})", "its process is gone.") for run in dead]
    if has_store(home):
        for experiment in client_for(resolve_uri(home, None)).search_experiments():
            store = find_store(home, experiment.name)
            assert store is not None
            rows += [
                (f"{run.cell or run.name} (run {run.run_id})", "its process is gone.")
                for run in orphans(store, sweep_alive=sweep_alive, cell_alive=cell_alive)
                if run.folder is None
            ]
            rows += [(f"{run.cell or run.name} (run {run.run_id})", word) for run, word in silent(store)]
    told = [("left running", f"{run}: {word}") for run, word in rows]
    return [*told, ("", "The next sweep marks them as killed; the same command goes on with them.")] if told else []


def _statuses(home: Path, kind: str) -> Iterator[str]:
    from sweep.tracking import names
    from sweep.tracking.client import client_for
    from sweep.tracking.failures import as_user_errors
    from sweep.tracking.uri import resolve_uri

    uri = resolve_uri(home, None)
    with as_user_errors(uri):
        client = client_for(uri)
        experiments = [experiment.experiment_id for experiment in client.search_experiments()]
        token: str | None = None
        while True:
            page = client.search_runs(experiments, f"tags.`{names.KIND}` = '{kind}'", page_token=token)
            yield from (str(run.info.status).lower() for run in page)
            token = page.token
            if not token:
                return


def _installation() -> list[str]:
    """Parts of the installation itself that can be missing without pip noticing."""
    problems = []
    if not (packaged("conf") / "config.yaml").is_file():
        problems.append(f"{packaged('conf')} holds no config.yaml: install npu-sweep again.")
    if find_spec("hydra_plugins") is None or find_spec("hydra_plugins.npu_sweep") is None:
        problems.append("Hydra's plugins of npu-sweep are not installed: install npu-sweep again.")
    if find_spec("cv2") is not None:
        try:
            import cv2  # noqa: F401
        except ImportError as error:
            problems.append(
                f"OpenCV cannot be loaded ({error}). On Debian and Ubuntu: apt-get install libgl1 libglib2.0-0 libxcb1"
            )
    return problems
