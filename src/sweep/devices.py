"""Which devices there are, without importing torch: its import costs seconds and opens a context on a GPU."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from itertools import count
from pathlib import Path

from sweep.errors import SweepError

VISIBLE = "CUDA_VISIBLE_DEVICES"
MIG_LINE = re.compile(r"MIG (\S+)\s+Device\s+\d+: \(UUID: (MIG-[^)\s]+)\)")  # of nvidia-smi -L: profile, UUID
MIG_GB = re.compile(r"(\d+)gb")


@dataclass(frozen=True)
class Gpu:
    """One GPU as nvidia-smi reports it, or one MIG instance of a GPU; memory in GiB."""

    index: int
    name: str
    total_gb: float
    free_gb: float
    mig: str | None = None
    """The UUID of a MIG instance, by which alone CUDA can be told to use it."""

    @property
    def environment(self) -> tuple[tuple[str, str], ...]:
        """What shows a process this GPU only. CUDA's own order of GPUs is by speed, nvidia-smi's by bus."""
        return (("CUDA_DEVICE_ORDER", "PCI_BUS_ID"), (VISIBLE, self.mig or str(self.index)))


@dataclass(frozen=True)
class Devices:
    """What a sweep runs on: `cpu`, `mps`, or `cuda` with the indices to use."""

    type: str
    indices: tuple[int, ...] = ()


def cores() -> int:
    """Cores that this process may use (a container or a batch system may allow fewer than there are)."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def gpus() -> list[Gpu]:
    """The NVIDIA GPUs that this process may use, with their free memory now; an empty list where there are none.

    CUDA_VISIBLE_DEVICES names them by index, or by UUID or the beginning of one (`GPU-…`, `MIG-…`), as for CUDA itself.
    MIG instances take the first indices that no GPU has.
    """
    if shutil.which("nvidia-smi") is None:
        return []
    visible = os.environ.get(VISIBLE)
    allowed = None if visible is None else [part.strip() for part in visible.split(",") if part.strip()]
    found = []
    for line in _nvidia_smi("--query-gpu=index,uuid,name,memory.total,memory.free", "--format=csv,noheader,nounits"):
        fields = [part.strip() for part in line.split(",")]
        if len(fields) == 5 and fields[0].isdigit() and (allowed is None or _named(fields[0], fields[1], allowed)):
            found.append(Gpu(int(fields[0]), fields[2], _gib(fields[3]), _gib(fields[4])))
    return [*found, *_mig_instances(allowed or (), {gpu.index for gpu in found})]


def _mig_instances(allowed: Sequence[str], taken: set[int]) -> list[Gpu]:
    """The MIG instances that are allowed by name; how much of their memory is used, nvidia-smi does not tell."""
    if not any(name.startswith("MIG-") for name in allowed):
        return []
    matches = [match for match in map(MIG_LINE.search, _nvidia_smi("-L")) if match]
    free_indices = (number for number in count() if number not in taken)
    found = []
    for profile, uuid in (match.groups() for match in matches if _named("", match[2], allowed)):
        size = MIG_GB.search(profile)
        memory = float(size[1]) if size else 0.0
        found.append(Gpu(next(free_indices), f"MIG {profile}", memory, memory, mig=uuid))
    return found


def _named(index: str, uuid: str, allowed: Sequence[str]) -> bool:
    return any(name == index or (name.startswith(("GPU-", "MIG-")) and uuid.startswith(name)) for name in allowed)


def _nvidia_smi(*arguments: str) -> list[str]:
    """The lines that nvidia-smi prints; none where the driver does not answer."""
    try:
        done = subprocess.run(
            ["nvidia-smi", *arguments], capture_output=True, text=True, timeout=20, check=True  # noqa: S607
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return []
    return done.stdout.splitlines()


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
        SweepError: A device is asked for that is not there.
    """
    if setting == "mps" and sys.platform != "darwin":
        raise SweepError("device=mps is the GPU of a Mac, and this is none. Use device=auto, cpu or cuda.")
    if setting in {"cpu", "mps"}:
        return Devices(setting)
    there = gpus() if torch_has_cuda() else []
    if setting == "auto":
        return Devices("cuda", tuple(gpu.index for gpu in there)) if there else Devices("cpu")
    if not there:
        seen = f" (CUDA_VISIBLE_DEVICES={os.environ[VISIBLE]})" if VISIBLE in os.environ else ""
        reason = f"no NVIDIA GPU is visible{seen}" if torch_has_cuda() else "the installed torch was built without CUDA"
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
