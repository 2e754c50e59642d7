"""One checkpoint is converted once, whoever asks and however often; a broken entry is made again.

The converter itself is replaced by a few lines that write what it writes: what is tested is who runs it and when.
"""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sweep.npu.litert import cache
from sweep.npu.litert.cache import Converted, convert_once
from sweep.npu.process import run_compiler
from sweep.npu.targets import CompilerFailed, Subject

WRITES = """
import json, pathlib, sys, time
out = pathlib.Path(sys.argv[sys.argv.index("--out") + 1])
time.sleep(0.2)
(out / "model_int8.tflite").write_bytes(b"model" * 1000)
(out / "model_int8.json").write_text(json.dumps({"decode": "--decode" in sys.argv}))
"""
FAILS = 'import sys; sys.exit("The model\'s head is Segment.")'


@pytest.fixture
def subject(tmp_path: Path) -> Subject:
    checkpoint, calibration = tmp_path / "best.pt", tmp_path / "calibration.npy"
    checkpoint.write_bytes(b"weights")
    calibration.write_bytes(b"pictures")
    return Subject(checkpoint, tmp_path / "model.onnx", None, calibration, 96)


class Convert:
    """`convert_once` into a new folder each time, with a converter that is counted."""

    def __init__(self, home: Path, work: Path) -> None:
        self.home, self.work, self.runs, self.script = home, work, 0, WRITES

    def run(self, name: str, command: list[str], **options: object) -> str:
        self.runs += 1
        return run_compiler(name, [sys.executable, "-c", self.script, *command[3:]], **options)  # type: ignore[arg-type]

    def __call__(self, subject: Subject, place: str, decode: bool = False, imgsz: int = 96) -> Converted:
        folder = self.work / place
        folder.mkdir(parents=True)
        return convert_once(subject, imgsz=imgsz, decode=decode, home=self.home, folder=folder, timeout_s=30)


@pytest.fixture
def convert(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Convert:
    monkeypatch.setattr(cache, "version", lambda package: "1.0")
    made = Convert(tmp_path / "home", tmp_path / "work")
    monkeypatch.setattr(cache, "run_compiler", made.run)
    return made


def entries(home: Path) -> set[str]:
    return {path.name for path in (home / "npu" / "litert").glob("*/*")}


def test_three_targets_convert_once_and_each_has_its_files(subject: Subject, convert: Convert) -> None:
    for place in ("u55", "u65", "u85"):
        converted = convert(subject, place)
        assert converted.model.read_bytes() == b"model" * 1000
        assert converted.model.parent.name == place
        assert converted.facts["decode"] is False
    assert convert.runs == 1
    assert entries(convert.home) == {".lock", "model_int8.tflite", "model_int8.json"}


def test_two_at_once_convert_once(subject: Subject, convert: Convert) -> None:
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda place: convert(subject, place), "abcd"))
    assert {converted.model.read_bytes() for converted in made} == {b"model" * 1000}
    assert convert.runs == 1


def test_what_decides_the_model_makes_another_entry(subject: Subject, convert: Convert, tmp_path: Path) -> None:
    convert(subject, "first")
    convert(subject, "decoded", decode=True)
    convert(subject, "smaller", imgsz=64)
    subject.calibration.write_bytes(b"other pictures")
    convert(subject, "calibrated")
    subject.checkpoint.write_bytes(b"other weights")
    convert(subject, "trained")
    assert convert.runs == 5


@pytest.mark.parametrize("broken", ["model_int8.tflite", "model_int8.json"])
@pytest.mark.parametrize("content", [b"", b"mod", None])
def test_a_broken_entry_is_made_again(subject: Subject, convert: Convert, broken: str, content: bytes | None) -> None:
    convert(subject, "first")
    (path,) = convert.home.glob(f"npu/litert/*/{broken}")
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)
    assert convert(subject, "second").model.read_bytes() == b"model" * 1000
    assert convert.runs == 2


def test_a_failed_conversion_says_why_and_leaves_no_entry(subject: Subject, convert: Convert) -> None:
    convert.script = FAILS
    with pytest.raises(CompilerFailed, match="LiteRT ended with code 1: The model's head is Segment"):
        convert(subject, "first")
    assert entries(convert.home) == {".lock"}
    assert [path.name for path in (convert.work / "first").iterdir()] == ["litert.log"]
    convert.script = WRITES
    convert(subject, "second")
    assert json.loads((convert.work / "second" / "model_int8.json").read_text("utf-8"))["decode"] is False
