"""What the Ray launcher asks of Ray, with a Ray that only notes it: the real one is in tests/e2e/test_ray.py."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from hydra_plugins.npu_sweep import ray_launcher
from hydra_plugins.npu_sweep.ray_launcher import RayLauncher, no_room
from sweep.stopping import STOPPED

CPU_NODE = {"CPU": 8.0, "memory": 16e9, "node:10.0.0.1": 1.0}
GPU_NODE = {"CPU": 4.0, "GPU": 1.0, "memory": 16e9}


@pytest.mark.parametrize(
    "remote", [{}, {"num_cpus": 8}, {"num_gpus": 0.25}, {"num_cpus": 4, "num_gpus": 1, "memory": 8e9}]
)
def test_there_is_room(remote: dict[str, Any]) -> None:
    assert no_room(remote, [CPU_NODE, GPU_NODE]) is None


@pytest.mark.parametrize(
    ("remote", "asked"),
    [
        ({"num_cpus": 9}, "CPU 9"), ({"num_gpus": 2}, "CPU 1, GPU 2"), ({"num_cpus": 8, "num_gpus": 1}, "CPU 8, GPU 1"),
        ({"memory": 32e9}, "memory 3.2e+10"), ({"resources": {"npu": 1}}, "CPU 1, npu 1"),
    ],
)  # fmt: skip
def test_a_request_that_no_node_can_meet_is_told(remote: dict[str, Any], asked: str) -> None:
    assert asked in str(no_room(remote, [CPU_NODE, GPU_NODE]))


def test_a_cluster_without_nodes_is_not_judged() -> None:
    assert no_room({"num_gpus": 1}, []) is None


def test_no_address_is_this_machine_alone() -> None:
    """Left to itself, Ray looks at RAY_ADDRESS and for the latest cluster of the machine."""
    assert RayLauncher(init={"address": None}).init == RayLauncher().init == {"address": "local"}
    assert RayLauncher(init={"address": "auto"}).init == {"address": "auto"}


class FakeRay(ModuleType):
    """Notes how it was started; tasks end when they are waited for, and `stop` appears after the first one."""

    def __init__(self, stop: Path) -> None:
        super().__init__("ray")
        self.options: dict[str, Any] = {}
        self.submitted: list[bytes] = []
        self.stop = stop

    def is_initialized(self) -> bool:
        return False

    def init(self, **options: Any) -> None:
        self.options = options

    def nodes(self) -> list[dict[str, Any]]:
        return [{"Alive": True, "Resources": CPU_NODE}]

    def remote(self, *_: Any, **options: Any) -> Any:
        made = SimpleNamespace(remote=lambda job: self.submitted.append(job) or job)
        return (lambda _: made) if options else made

    def wait(self, pending: list[bytes], **_: Any) -> tuple[list[bytes], list[bytes]]:
        self.stop.touch()
        return pending[:1], pending[1:]

    def cancel(self, *_: Any, **__: Any) -> None:
        raise OSError("the cluster is gone")


@pytest.fixture
def ray(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeRay:
    fake = FakeRay(tmp_path / "stop")
    monkeypatch.setitem(sys.modules, "ray", fake)
    monkeypatch.setattr(ray_launcher, "_result", lambda job: job.decode())
    return fake


def test_a_sweep_that_stops_submits_nothing_more(ray: FakeRay) -> None:
    results = ray_launcher._run([b"a", b"b", b"c"], {}, {}, 1, ray.stop)
    assert ray.submitted == [b"a"]
    assert [str(result) for result in results] == ["a", STOPPED, STOPPED]


def test_the_users_word_on_logs_counts(ray: FakeRay) -> None:
    ray_launcher._run([b"a"], {"log_to_driver": True, "address": "auto"}, {"num_cpus": 1}, 1, ray.stop)
    assert (ray.options["log_to_driver"], ray.options["address"]) == (True, "auto")


def test_a_request_for_too_much_is_said_and_waited_for(ray: FakeRay, caplog: pytest.LogCaptureFixture) -> None:
    ray_launcher._run([b"a"], {}, {"num_gpus": 1}, 1, ray.stop)
    assert "Cells wait until such a node joins" in caplog.text


def test_a_cluster_that_is_gone_does_not_take_the_place_of_an_interruption(
    ray: FakeRay, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: Any, **__: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(ray, "wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        ray_launcher._run([b"a", b"b"], {}, {}, 2, ray.stop)
