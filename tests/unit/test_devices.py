"""Which devices there are. nvidia-smi is played by a script: GPUs of any kind can't be had in a test."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sweep import devices
from sweep.devices import Devices, Gpu, choose, gpus
from sweep.errors import SweepError

TWO = "0, NVIDIA A100, 40960, 10240\n1, NVIDIA A100, 40960, [N/A]\n"


def nvidia_smi(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    file = folder / "nvidia-smi"
    file.write_text(f"#!/bin/sh\n{script}\n", "utf-8")
    file.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}/bin:/usr/bin")


@pytest.fixture
def two_gpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nvidia_smi(tmp_path, f"printf '{TWO}'", monkeypatch)
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
        ("mps", Devices("mps")),
    ],
)
def test_devices_on_a_machine_with_two_gpus(two_gpus: None, setting: str, wanted: Devices) -> None:
    assert choose(setting) == wanted


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
