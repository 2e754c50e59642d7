"""Which devices there are, without importing torch: its import costs seconds and opens a context on a GPU."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from sweep.errors import SweepError


@dataclass(frozen=True)
class Gpu:
    """One GPU as nvidia-smi reports it; memory in GiB."""

    index: int
    name: str
    total_gb: float
    free_gb: float


@dataclass(frozen=True)
class Devices:
    """What a sweep runs on: `cpu`, `mps`, or `cuda` with the indices to use."""

    type: str
    indices: tuple[int, ...] = ()


def cores() -> int:
    """Cores that this process may use (a container or a batch system may allow fewer than there are)."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def gpus() -> list[Gpu]:
    """The NVIDIA GPUs that this process may use, with their free memory now; an empty list where there are none."""
    if shutil.which("nvidia-smi") is None:
        return []
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    allowed = None if visible is None else {part.strip() for part in visible.split(",")}
    query = "index,name,memory.total,memory.free"
    try:
        done = subprocess.run(
            ["nvidia-smi", f"--query-gpu={query}", "--format=csv,noheader,nounits"],  # noqa: S607
            capture_output=True, text=True, timeout=20, check=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return []
    found = []
    for line in done.stdout.splitlines():
        fields = [part.strip() for part in line.split(",")]
        if len(fields) == 4 and fields[0].isdigit() and (allowed is None or fields[0] in allowed):
            found.append(Gpu(int(fields[0]), fields[1], _gib(fields[2]), _gib(fields[3])))
    return found


@lru_cache(maxsize=1)
def torch_has_cuda() -> bool:
    """Whether the installed torch was built with CUDA, read from its version file."""
    spec = find_spec("torch")
    if spec is None or not spec.submodule_search_locations:
        return False
    version_file = Path(next(iter(spec.submodule_search_locations))) / "version.py"
    return bool(re.search(r"^cuda.*=\s*['\"]\d", version_file.read_text("utf-8"), re.MULTILINE))


def choose(setting: str) -> Devices:
    """The devices for `device=auto|cpu|cuda|mps|0,1`.

    Raises:
        SweepError: A GPU is asked for that is not there.
    """
    if setting in {"cpu", "mps"}:
        return Devices(setting)
    there = gpus() if torch_has_cuda() else []
    if setting == "auto":
        return Devices("cuda", tuple(gpu.index for gpu in there)) if there else Devices("cpu")
    if not there:
        reason = "no NVIDIA GPU is visible" if torch_has_cuda() else "the installed torch was built without CUDA"
        raise SweepError(f"device={setting} asks for a GPU, but {reason}. Use device=cpu; see python -m sweep doctor.")
    indices = tuple(gpu.index for gpu in there) if setting == "cuda" else tuple(int(i) for i in setting.split(","))
    missing = sorted(set(indices) - {gpu.index for gpu in there})
    if missing:
        named = ", ".join(str(gpu.index) for gpu in there)
        raise SweepError(
            f"device={setting} names GPU {', '.join(map(str, missing))}, which is not there. GPUs: {named}."
        )
    return Devices("cuda", indices)


def device_type(setting: str) -> str:
    """`cpu`, `mps` or `cuda` for a device setting that `choose` has accepted before, in a worker that sees one GPU."""
    return choose("auto").type if setting == "auto" else setting if setting in {"cpu", "mps"} else "cuda"


def _gib(mebibytes: str) -> float:
    try:
        return float(mebibytes) / 1024
    except ValueError:
        return 0.0
