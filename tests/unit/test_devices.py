"""Which devices there are. nvidia-smi is played by a script: GPUs of any kind can't be had in a test."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sweep import devices
from sweep.devices import Devices, Gpu, choose, gpus
from sweep.errors import SweepError

TWO = """\
0, GPU-5d5ba0d6-d33d-2b2c-524d-9e3d8d2b8a77, NVIDIA A100, 40960, 10240
1, GPU-1b1c1d1e-0000-4b4b-8a8a-777777777777, NVIDIA A100, 40960, [N/A]
"""
LISTED = """\
GPU 0: NVIDIA A100 (UUID: GPU-5d5ba0d6-d33d-2b2c-524d-9e3d8d2b8a77)
  MIG 3g.20gb     Device  0: (UUID: MIG-c6d4f1ef-42e4-5de3-91c7-45d71c87eb3f)
  MIG 1c.2g.10gb  Device  1: (UUID: MIG-0a0b0c0d-3333-5de3-91c7-45d71c87eb3f)
GPU 1: NVIDIA A100 (UUID: GPU-1b1c1d1e-0000-4b4b-8a8a-777777777777)
"""
MIG_20, MIG_10 = "MIG-c6d4f1ef-42e4-5de3-91c7-45d71c87eb3f", "MIG-0a0b0c0d-3333-5de3-91c7-45d71c87eb3f"


def nvidia_smi(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    file = folder / "nvidia-smi"
    file.write_text(f"#!/bin/sh\n{script}\n", "utf-8")
    file.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}/bin:/usr/bin")


@pytest.fixture
def two_gpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    nvidia_smi(tmp_path, f"if [ \"$1\" = -L ]; then printf '{LISTED}'; else printf '{TWO}'; fi", monkeypatch)
    monkeypatch.setattr(devices, "torch_has_cuda", lambda: True)


@pytest.fixture
def no_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))


def test_gpus_are_read_from_nvidia_smi(two_gpus: None) -> None:
    assert gpus() == [Gpu(0, "NVIDIA A100", 40.0, 10.0), Gpu(1, "NVIDIA A100", 40.0, 0.0)]


def test_a_driver_that_does_not_answer_is_no_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nvidia_smi(tmp_path, "echo 'NVIDIA-SMI has failed' ; exit 9", monkeypatch)
    assert gpus() == []


def test_without_nvidia_smi_there_is_no_gpu(no_gpu: None) -> None:
    assert gpus() == []


@pytest.mark.parametrize(
    ("setting", "wanted"),
    [
        ("auto", Devices("cuda", (0, 1))),
        ("cuda", Devices("cuda", (0, 1))),
        ("1", Devices("cuda", (1,))),
        ("0,1", Devices("cuda", (0, 1))),
        ("cpu", Devices("cpu")),
    ],
)
def test_devices_on_a_machine_with_two_gpus(two_gpus: None, setting: str, wanted: Devices) -> None:
    assert choose(setting) == wanted


def test_the_gpu_of_a_mac_is_refused_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    assert choose("mps") == Devices("mps")
    monkeypatch.setattr("sys.platform", "linux")
    with pytest.raises(SweepError, match=r"device=mps .*Mac.*Use device=auto, cpu or cuda"):
        choose("mps")


@pytest.mark.parametrize(
    ("visible", "seen"),
    [
        ("1", [1]),
        ("1,0", [0, 1]),
        ("GPU-1b1c1d1e-0000-4b4b-8a8a-777777777777", [1]),
        ("GPU-5d5b", [0]),
        (" GPU-5d5b , GPU-1b1c", [0, 1]),
        ("", []),
        ("-1", []),
        ("7", []),
        ("GPU-77", []),
    ],
)
def test_only_what_cuda_is_allowed_to_see_is_used(
    two_gpus: None, monkeypatch: pytest.MonkeyPatch, visible: str, seen: list[int]
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert [gpu.index for gpu in gpus()] == seen
    assert choose("auto") == (Devices("cuda", tuple(seen)) if seen else Devices("cpu"))


def test_an_instance_of_a_gpu_is_used_by_its_own_name(two_gpus: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", f"{MIG_20},{MIG_10}")
    first, second = gpus()
    assert first == Gpu(0, "MIG 3g.20gb", 20.0, 20.0, mig=MIG_20)
    assert second == Gpu(1, "MIG 1c.2g.10gb", 10.0, 10.0, mig=MIG_10)
    assert choose("auto") == Devices("cuda", (0, 1))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", dict(second.environment)["CUDA_VISIBLE_DEVICES"])
    assert [gpu.mig for gpu in gpus()] == [MIG_10], "as its worker sees it"


def test_a_process_is_shown_one_gpu_in_the_order_of_nvidia_smi(two_gpus: None) -> None:
    assert dict(gpus()[1].environment) == {"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "1"}


def test_a_gpu_that_is_not_there_is_named_with_those_that_are(two_gpus: None) -> None:
    with pytest.raises(SweepError, match=r"device=1,7 .*GPU 7.*GPUs: 0, 1"):
        choose("1,7")


def test_automatic_is_the_cpu_where_there_is_no_gpu(no_gpu: None) -> None:
    assert choose("auto") == Devices("cpu")


@pytest.mark.parametrize("setting", ["cuda", "0", "7"])
@pytest.mark.parametrize(("cuda", "reason"), [(True, "no NVIDIA GPU"), (False, "without CUDA")])
def test_a_gpu_cannot_be_had_where_there_is_none(
    no_gpu: None, monkeypatch: pytest.MonkeyPatch, setting: str, cuda: bool, reason: str
) -> None:
    monkeypatch.setattr(devices, "torch_has_cuda", lambda: cuda)
    with pytest.raises(SweepError, match=f"device={setting} .*{reason}.*device=cpu"):
        choose(setting)


def test_a_torch_without_cuda_uses_the_cpu_beside_a_gpu(two_gpus: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "torch_has_cuda", lambda: False)
    assert choose("auto") == Devices("cpu")


def test_whether_torch_knows_cuda_is_read_as_torch_itself_says() -> None:
    import torch

    devices.torch_has_cuda.cache_clear()
    assert devices.torch_has_cuda() == (torch.version.cuda is not None)
