"""What does not depend on the weights is measured once per graph, whatever happens to the cache."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
import torch
import yaml

from sweep.architecture.build import build_model
from sweep.architecture.resolve import resolve_model
from sweep.npu.cache import measured_once
from sweep.npu.graph import count_nodes
from sweep.npu.targets.base import Measurement, Subject
from sweep.npu.targets.onnx import OnnxTarget
from sweep.npu_settings import target_options

CONF = Path(__file__).parents[3] / "conf"
IMGSZ = 64


class Counted(OnnxTarget):
    """The profiles, slowly, with a count of how often they were asked."""

    asked = 0

    def measure(self, subject: Subject, folder: Path) -> Measurement:
        type(self).asked += 1
        time.sleep(0.3)
        return super().measure(subject, folder)


def subject(level: str, seed: int, folder: Path) -> Subject:
    torch.manual_seed(seed)
    read = [
        yaml.safe_load((CONF / f"{name}.yaml").read_text()) for name in ("base/yolo11n", f"levels/{level}", "act/relu")
    ]
    model = build_model(resolve_model(*read, 6).yaml)
    folder.mkdir()
    return Subject(folder / "best.pt", count_nodes(model, IMGSZ, folder).path, None, folder / "none.npy", IMGSZ)


@pytest.fixture(scope="module")
def four(tmp_path_factory: pytest.TempPathFactory) -> Subject:
    return subject("4", 0, tmp_path_factory.mktemp("four") / "model")


@pytest.fixture(autouse=True)
def _from_zero() -> None:
    Counted.asked = 0


def ask(home: Path, what: Subject, folder: Path, **options: object) -> tuple[Measurement, bool]:
    folder.mkdir(parents=True)
    return measured_once(Counted("onnx", dict(target_options("onnx")) | options, home), what, folder)


def test_the_same_graph_with_other_weights_is_not_measured_again(four: Subject, tmp_path: Path) -> None:
    first, cached = ask(tmp_path, four, tmp_path / "a")
    assert not cached
    second, cached = ask(tmp_path, subject("4", 1, tmp_path / "other"), tmp_path / "b")
    assert cached
    assert Counted.asked == 1
    assert (second.figures, second.kinds, second.fallbacks) == (first.figures, first.kinds, first.fallbacks)
    assert sorted(path.name for path in (tmp_path / "b").iterdir()) == sorted(second.files)


@pytest.mark.parametrize("change", ["graph", "options", "imgsz"])
def test_what_decides_the_figures_is_in_the_key(four: Subject, tmp_path: Path, change: str) -> None:
    ask(tmp_path, four, tmp_path / "a")
    if change == "graph":
        _, cached = ask(tmp_path, subject("2", 0, tmp_path / "two"), tmp_path / "b")
    elif change == "options":
        _, cached = ask(tmp_path, four, tmp_path / "b", profiles=["rk3588"])
    else:
        other = Subject(four.checkpoint, four.onnx, None, four.calibration, 2 * IMGSZ)
        _, cached = ask(tmp_path, other, tmp_path / "b")
    assert not cached


@pytest.mark.parametrize("damage", ["cut", "not json", "a file is gone"])
def test_a_damaged_entry_is_made_again(four: Subject, tmp_path: Path, damage: str) -> None:
    first, _ = ask(tmp_path, four, tmp_path / "a")
    (entry,) = [path for path in (tmp_path / "npu" / "measured").iterdir() if path.is_dir()]
    content = entry / "measurement.json"
    if damage == "cut":
        content.write_text(content.read_text()[:-30])
    elif damage == "not json":
        content.write_bytes(b"\0\1")
    else:
        next((entry / "files").iterdir()).unlink()
    second, cached = ask(tmp_path, four, tmp_path / "b")
    assert not cached
    assert second.figures == first.figures
    assert ask(tmp_path, four, tmp_path / "c")[1], "and it is whole again"


def test_two_at_once_measure_once(four: Subject, tmp_path: Path) -> None:
    results = []
    workers = [
        threading.Thread(target=lambda name=name: results.append(ask(tmp_path, four, tmp_path / name)))
        for name in "abc"
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert Counted.asked == 1
    assert sorted(cached for _, cached in results) == [False, True, True]
