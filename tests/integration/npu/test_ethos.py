"""Ethos-U with the real converter and the real Vela: LeakyReLU runs on the NPU, and as int8 it detects as before."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

from sweep.architecture.build import build_model
from sweep.architecture.resolve import ResolvedModel, resolve_model
from sweep.npu.targets import CompilerFailed, CompilerHung, Measurement, Subject, make_target
from sweep.npu.targets.vela import VelaTarget

CONF = Path(__file__).parents[3] / "conf"
IMGSZ = 64
RECIPE = {"epochs": 8, "imgsz": IMGSZ}


def missing() -> str | None:
    for package in VelaTarget.needs:
        try:
            version(package)
        except PackageNotFoundError:
            return package
    return None


pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(missing() is not None, reason=f"{missing()} is not installed: {VelaTarget.install}"),
]


def conf(path: str) -> dict[str, Any]:
    return dict(yaml.safe_load((CONF / f"{path}.yaml").read_text("utf-8")))


def resolve(act: dict[str, Any], level: str = "4") -> ResolvedModel:
    return resolve_model(conf("base/yolo11n"), conf(f"levels/{level}"), act, 6)


def save(act: dict[str, Any], path: Path, level: str = "4") -> Path:
    """A checkpoint with random weights."""
    torch.manual_seed(0)
    model = build_model(resolve(act, level).yaml)
    torch.save({"model": model.half(), "train_args": {"imgsz": IMGSZ}}, path)
    return path


@pytest.fixture(scope="module")
def data(signs_home: Path) -> Path:
    from sweep.training.environment import prepare_ultralytics

    prepare_ultralytics(signs_home)
    return signs_home / "datasets" / "signs"


@pytest.fixture(scope="module")
def calibration(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Training pictures as a target gets them."""
    paths = sorted((data / "images" / "train").iterdir())[:32]
    pictures = [np.asarray(Image.open(path).convert("RGB").resize((IMGSZ, IMGSZ)), np.float32) / 255 for path in paths]
    made: Path = tmp_path_factory.mktemp("calibration") / "calibration.npy"
    np.save(made, np.stack(pictures).transpose(0, 3, 1, 2))
    return made


@pytest.fixture(scope="module")
def trained(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Level 4 with LeakyReLU, trained on the built-in set."""
    from sweep.training.train import train

    folder = tmp_path_factory.mktemp("trained")
    recipe = {key: value for key, value in conf("recipe/quick").items() if key != "name"} | RECIPE
    view = data / "data.yaml"
    options: dict[str, Any] = {"view": view, "seed": 0, "device": "cpu", "folder": folder, "weights": None}
    return train(resolve(conf("act/leakyrelu")).yaml, recipe, **options, on_epoch=lambda *_: None).best


@pytest.fixture(scope="module")
def shared_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(tmp_path_factory.mktemp("ethos") / "home")


Measure = Callable[..., Measurement]


@pytest.fixture
def measure(calibration: Path, shared_home: Path, tmp_path: Path) -> Measure:
    """`measure(checkpoint, "ethos_u55", decode=True)`, into `tmp_path / "ethos_u55"`."""

    def run(checkpoint: Path, name: str, **options: Any) -> Measurement:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        target = make_target(name, conf(f"npu/{name}") | {"least_imgsz": None} | options, shared_home)
        return target.measure(Subject(checkpoint, tmp_path / "model.onnx", None, calibration, IMGSZ), folder)

    return run


def test_leaky_relu_runs_on_the_npu_of_all_three(
    trained: Path, measure: Measure, shared_home: Path, tmp_path: Path
) -> None:
    measured = {name: measure(trained, name) for name in ("ethos_u55", "ethos_u65", "ethos_u85")}
    for name, measurement in measured.items():
        assert measurement.figures[f"{name}/op_pct"] == 100
        assert measurement.fallbacks == ()
        assert measurement.figures[f"{name}/latency_ms"] > 0
        assert measurement.compiler.startswith("Vela ")
        assert measurement.options["imgsz"] == IMGSZ
        assert not measurement.decode
        assert set(measurement.compiled) <= set(measurement.files)
        assert {path.name for path in (tmp_path / name).iterdir()} == set(measurement.files), "nothing else is left"
    assert {key.partition("/")[2] for key in measured["ethos_u55"].figures} == {
        "op_pct", "latency_ms", "sram_kb", "flash_kb",
    }  # fmt: skip
    assert {key.partition("/")[2] for key in measured["ethos_u85"].figures} == {
        "op_pct", "latency_ms", "sram_kb", "dram_kb",
    }  # fmt: skip
    assert len(list(shared_home.glob("npu/litert/*"))) == 1, "one conversion serves all three"


def test_what_vela_prints_is_what_is_measured(trained: Path, measure: Measure) -> None:
    measurement = measure(trained, "ethos_u55")
    said = measurement.files["vela.log"].read_text("utf-8")
    for line, figure in (("Total SRAM used", "sram_kb"), ("Total Off-chip Flash used", "flash_kb")):
        (printed,) = [row.split()[-2:] for row in said.splitlines() if row.startswith(line)]
        assert printed == [f"{measurement.figures[f'ethos_u55/{figure}']:.2f}", "KiB"]


def test_int8_leaky_relu_detects_as_float(trained: Path, measure: Measure, data: Path, tmp_path: Path) -> None:
    measurement = measure(trained, "ethos_u55")
    facts = json.loads(measurement.files["model_int8.json"].read_text("utf-8"))
    assert facts["operators"]["LEAKY_RELU"] > 40
    assert not facts["operators"].keys() & {"DEQUANTIZE", "MAXIMUM", "GELU"}
    assert {tensor["type"] for tensor in (*facts["inputs"].values(), *facts["outputs"].values())} == {"int8"}

    float32 = mean_average_precision(load(trained), data, tmp_path)
    int8 = mean_average_precision(as_int8(load(trained), measurement.files["model_int8.tflite"]), data, tmp_path)

    assert float32 > 0.2, "it has learned something, so that there is something to lose"
    assert abs(int8 - float32) < 0.03


def test_operators_on_the_cpu_are_named_and_leave_no_latency(measure: Measure, tmp_path: Path) -> None:
    """ELU has no int8 form. The same conversion holds the decoding, at another image size."""
    checkpoint = save({"name": "elu", "module": "ELU"}, tmp_path / "elu.pt")
    measurement = measure(checkpoint, "ethos_u85", decode=True, imgsz=2 * IMGSZ)
    assert 0 < measurement.figures["ethos_u85/op_pct"] < 100
    assert "Exp (model.0.act)" in measurement.fallbacks
    assert "ethos_u85/latency_ms" not in measurement.figures
    assert measurement.figures["ethos_u85/npu_part_ms"] > 0
    assert "NPU" in measurement.kinds["npu_part_ms"]

    assert measurement.decode
    assert measurement.options["decode"] is True
    assert measurement.options["imgsz"] == 2 * IMGSZ
    facts = json.loads(measurement.files["model_int8.json"].read_text("utf-8"))
    boxes, scores = facts["outputs"].values()
    assert boxes["shape"] == [1, 4, 16 * 16 + 8 * 8 + 4 * 4]
    assert scores["shape"] == [1, 6, 16 * 16 + 8 * 8 + 4 * 4]
    assert boxes["scale"] != scores["scale"], "boxes and scores have scales of their own"


def test_what_is_no_detector_is_refused_in_a_sentence(measure: Measure, tmp_path: Path) -> None:
    from ultralytics.nn.tasks import SegmentationModel

    checkpoint = tmp_path / "segment.pt"
    torch.save({"model": SegmentationModel("yolo11n-seg.yaml", nc=2, verbose=False).half()}, checkpoint)
    with pytest.raises(CompilerFailed, match=r"head is Segment, and only detectors \(Detect\) are converted"):
        measure(checkpoint, "ethos_u55")


def test_a_configuration_that_vela_refuses_is_named(trained: Path, measure: Measure, tmp_path: Path) -> None:
    (tmp_path / "own.ini").write_text("[System_Config.Mine]\naxi0_port=Nowhere\n[Memory_Mode.Mine]\n")
    own = {"vela_config": str(tmp_path / "own.ini"), "system_config": "Mine", "memory_mode": "Mine"}
    with pytest.raises(CompilerFailed, match=r"Vela ended with code 1: [^\n]*Nowhere[^\n]*$"):
        measure(trained, "ethos_u55", **own)


def test_a_conversion_over_its_time_limit_is_stopped(trained: Path, measure: Measure, tmp_path: Path) -> None:
    fresh = tmp_path / "fresh.pt"
    fresh.write_bytes(trained.read_bytes() + b"\0")  # another content, so that no cached conversion serves it
    with pytest.raises(CompilerHung, match=r"LiteRT was stopped after 0\.5 s"):
        measure(fresh, "ethos_u55", timeout_s=0.5)
    assert [path.name for path in (tmp_path / "ethos_u55").iterdir()] == ["litert.log"]


def load(checkpoint: Path) -> Any:
    from ultralytics.nn.tasks import load_checkpoint

    return load_checkpoint(checkpoint)[0].float().fuse(verbose=False).eval()


def mean_average_precision(model: Any, data: Path, folder: Path) -> float:
    """mAP50 on the val pictures, with Ultralytics' own metric code."""
    from ultralytics.models.yolo.detect import DetectionValidator

    options = {"data": str(data / "data.yaml"), "imgsz": IMGSZ, "plots": False, "device": "cpu", "workers": 0}
    validator = DetectionValidator(args={**options, "mode": "val", "task": "detect", "project": str(folder)})
    validator(model=model)
    return float(validator.metrics.box.map50)


def as_int8(model: Any, tflite: Path) -> Any:
    """The model with its layers run by the .tflite file and its own decoding behind them."""
    from ai_edge_litert.interpreter import Interpreter

    runner = Interpreter(str(tflite), num_threads=1).get_signature_runner()
    ((name, given),) = runner.get_input_details().items()
    wanted = runner.get_output_details()
    head = model.model[-1]

    def outputs(picture: np.ndarray) -> Iterator[torch.Tensor]:
        scale, zero = given["quantization"]
        quantized = np.clip(np.round(picture / scale) + zero, -128, 127).astype(np.int8)
        made = runner(**{name: quantized})
        for key in sorted(made, key=lambda key: int(key.rpartition("_")[2])):
            scale, zero = wanted[key]["quantization"]
            yield torch.from_numpy((made[key].astype(np.float32) - zero) * scale).permute(0, 3, 1, 2)

    def predict(pictures: torch.Tensor, *_: Any, **__: Any) -> tuple[torch.Tensor, dict[str, Any]]:
        found = []
        for picture in pictures.permute(0, 2, 3, 1).numpy():
            maps = list(outputs(picture[None]))
            boxes, scores = (
                torch.cat([one.flatten(2) for one in part], -1) for part in (maps[: head.nl], maps[head.nl :])
            )
            found.append(head._inference({"boxes": boxes, "scores": scores, "feats": maps[: head.nl]}))
        return torch.cat(found), {}

    model.predict = predict
    return model


def test_a_toy_size_is_measured_at_the_least_size(trained: Path, measure: Measure) -> None:
    small, own = measure(trained, "ethos_u55"), measure(trained, "ethos_u55", least_imgsz=2 * IMGSZ)
    assert small.options["imgsz"] == IMGSZ
    assert own.options["imgsz"] == 2 * IMGSZ
    assert own.figures["ethos_u55/latency_ms"] > small.figures["ethos_u55/latency_ms"]
