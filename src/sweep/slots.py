"""Places for workers on this machine: how many cells go side by side, and on which device each."""

from __future__ import annotations

from dataclasses import dataclass

import psutil

from sweep.devices import Devices, Gpu, cores, gpus

CPU_JOB_GB = 1.5  # resident memory of one small training with torch, ultralytics and mlflow loaded


@dataclass(frozen=True)
class Slot:
    """A place for one worker: the environment that shows it its own device only."""

    environment: tuple[tuple[str, str], ...] = ()


def make_slots(devices: Devices, jobs: int, workers: int | None, memory_gb: float | None) -> tuple[Slot, ...]:
    """The places for workers: on the CPU one a core, on GPUs as many as free memory holds, as far as there are jobs.

    Args:
        devices: What to run on.
        jobs: How many jobs there are; no more places are made.
        workers: The number that the user asked for, or None for automatic.
        memory_gb: What one job needs in GiB; None for a small training.
    """
    if devices.type != "cuda":
        available = psutil.virtual_memory().available / 2**30
        fitting = max(1, int(available / (memory_gb or CPU_JOB_GB)))
        count = workers or min(cores(), fitting)
        return (Slot(),) * max(1, min(count, jobs))
    places: list[int] = []
    chosen = {index: Gpu(index, "", 0.0, 0.0) for index in devices.indices}
    chosen |= {gpu.index: gpu for gpu in gpus() if gpu.index in devices.indices}
    fitting_on = {index: max(1, int(gpu.free_gb * 0.95 / (memory_gb or CPU_JOB_GB))) for index, gpu in chosen.items()}
    most = workers or min(sum(fitting_on.values()), cores())
    turn = 0
    while len(places) < max(1, min(most, jobs)):
        room = [index for index in devices.indices if workers or turn < fitting_on[index]]
        places += room or list(devices.indices)
        turn += 1
    return tuple(Slot(chosen[index].environment) for index in places[: max(1, min(most, jobs))])
