"""How many cells go side by side, and which device each of them sees."""

from __future__ import annotations

import psutil
import pytest

from sweep import slots as places
from sweep.devices import Devices, Gpu
from sweep.slots import Slot, make_slots

CPU = Devices("cpu")
TWO = Devices("cuda", (0, 1))


def shown(slots: tuple[Slot, ...]) -> list[str]:
    """The GPU that each worker sees."""
    return [dict(slot.environment)["CUDA_VISIBLE_DEVICES"] for slot in slots]


@pytest.fixture
def sixteen_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "cores", lambda: 16)


def gpus_with(monkeypatch: pytest.MonkeyPatch, *free_gb: float) -> None:
    """GPUs can't be had in a test: what nvidia-smi would say is given."""
    monkeypatch.setattr(places, "gpus", lambda: [Gpu(index, "G", 80.0, free) for index, free in enumerate(free_gb)])


def test_on_the_cpu_a_worker_for_each_core_and_no_more_than_jobs(sixteen_cores: None) -> None:
    assert len(make_slots(CPU, jobs=100, workers=None, memory_gb=0.001)) == 16
    assert len(make_slots(CPU, jobs=3, workers=None, memory_gb=0.001)) == 3
    assert len(make_slots(CPU, jobs=100, workers=5, memory_gb=0.001)) == 5


def test_on_the_cpu_memory_limits_workers(sixteen_cores: None) -> None:
    available = psutil.virtual_memory().available / 2**30
    assert len(make_slots(CPU, jobs=100, workers=None, memory_gb=available / 2.5)) == 2
    assert len(make_slots(CPU, jobs=100, workers=None, memory_gb=available * 10)) == 1


def test_gpus_are_filled_by_free_memory(sixteen_cores: None, monkeypatch: pytest.MonkeyPatch) -> None:
    gpus_with(monkeypatch, 32.0, 11.0)
    assert shown(make_slots(TWO, jobs=100, workers=None, memory_gb=10.0)) == ["0", "1", "0", "0"]


def test_a_full_gpu_still_gets_one_worker(sixteen_cores: None, monkeypatch: pytest.MonkeyPatch) -> None:
    gpus_with(monkeypatch, 2.0)
    assert shown(make_slots(Devices("cuda", (0,)), jobs=4, workers=None, memory_gb=10.0)) == ["0"]


def test_a_number_of_workers_is_spread_over_the_chosen_gpus(
    sixteen_cores: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    gpus_with(monkeypatch, 80.0, 80.0, 80.0)
    assert shown(make_slots(Devices("cuda", (0, 2)), jobs=9, workers=5, memory_gb=10.0)) == ["0", "2", "0", "2", "0"]
