"""Measure a trained model: its INT8 file, its latency on the host, and every target, each apart from the others."""

from __future__ import annotations

import logging
import platform
import shutil
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweep.errors import in_one_line
from sweep.npu.cache import measured_once
from sweep.npu.targets.base import CompilerMissing, Subject, Target, TargetError
from sweep.tracking.measured import FAILED, MEASURED, MISSING
from sweep.tracking.names import INT8, NPU_PREFIX

if TYPE_CHECKING:
    import numpy as np

    from sweep.npu.quantize import Quantized

SHOWN_FALLBACKS = 20
BYTES_PER_MB = 1e6

Evaluate = Callable[[Path], Mapping[str, float]]
Say = Callable[[str], None]

log = logging.getLogger(__name__)


@dataclass
class Measured:
    """What was measured of a model.

    Attributes:
        metrics: by MLflow name (`npu/ethos_u55/op_pct`, `int8/mAP50`).
        facts: for each target, and for `int8`, what its figures are: its state (measured, missing, failed) and reason,
            compiler, options, kinds of figures, image size, whether the decode is in the graph. JSON-able.
        files: by artifact path (`export/model_int8.onnx`).
    """

    metrics: dict[str, float] = field(default_factory=dict)
    facts: dict[str, dict[str, Any]] = field(default_factory=dict)
    files: dict[str, Path] = field(default_factory=dict)

    @property
    def problems(self) -> dict[str, str]:
        """What was not measured, with the reason."""
        return {name: str(facts["reason"]) for name, facts in self.facts.items() if facts["state"] != MEASURED}


def measure(
    checkpoint: Path,
    onnx: Path,
    *,
    images: Callable[[], np.ndarray],
    imgsz: int,
    targets: Sequence[Target],
    folder: Path,
    evaluate: Evaluate | None,
    wanted: Collection[str] | None = None,
    say: Say = lambda _: None,
) -> Measured:
    """Quantize a model, time it on the host, and measure it on each target.

    Args:
        checkpoint: A stock Ultralytics checkpoint.
        onnx: Its FP32 export with decode, batch 1.
        images: Gives the calibration pictures, float32 (N, 3, imgsz, imgsz), RGB from 0 to 1.
        imgsz: Side of the input in pixels.
        targets: What to measure against.
        folder: Where everything is written.
        evaluate: Gives the detection metrics of an ONNX file on the val split, by name (`mAP50`); None: no data to
            evaluate on, so the files' accuracy is left out.
        wanted: Names of the targets that are wanted, and `int8`; None: all of them.
        say: Told what is measured now.
    """
    from sweep.npu.quantize import quantize

    folder.mkdir(parents=True, exist_ok=True)
    measured = Measured(files={"export/model.onnx": onnx})
    calibration = folder / "calibration.npy"
    int8: Path | None = None
    try:
        try:
            say("quantizing to INT8")
            pictures = _calibrate(images, calibration)
            quantized = quantize(onnx, pictures, folder / "model_int8.onnx")
            int8 = quantized.path
            if wanted is None or INT8 in wanted:
                _int8(onnx, quantized, len(pictures), imgsz, evaluate, measured, say)
        except Exception as error:
            log.exception("INT8")
            if wanted is None or INT8 in wanted:  # else it was measured before, and is needed here for a compiler only
                measured.facts[INT8] = {"state": FAILED, "reason": _reason(error), "imgsz": imgsz}
        subject = Subject(checkpoint, onnx, int8, calibration, imgsz)
        for target in targets:
            if wanted is None or target.name in wanted:
                say(f"measuring {target.title}")
                _target(target, subject, folder / target.name, measured)
    finally:
        calibration.unlink(missing_ok=True)
    return measured


def _calibrate(images: Callable[[], np.ndarray], path: Path) -> np.ndarray:
    import numpy as np

    pictures = images()
    np.save(path, pictures)
    return pictures


def _int8(
    onnx: Path,
    quantized: Quantized,
    pictures: int,
    imgsz: int,
    evaluate: Evaluate | None,
    measured: Measured,
    say: Say,
) -> None:
    """The accuracy, the sizes and the latencies of both files."""
    from sweep.npu.latency import host_latency

    out = quantized.path
    measured.files["export/model_int8.onnx"] = out
    metrics: dict[str, float] = {}
    if evaluate is not None:
        # Both as ONNX: Ultralytics validates a checkpoint on padded rectangles, an exported file on squares.
        for name, path in (("fp32", onnx), ("int8", out)):
            say(f"validating the {name.upper()} ONNX file")
            accuracy = evaluate(path)
            metrics |= {f"{name}/{figure}": accuracy[figure] for figure in ("mAP50", "mAP50-95")}
    say("timing FP32 and INT8")
    facts: dict[str, Any] = {}
    for name, path in (("fp32", onnx), ("int8", out)):
        latency = host_latency(path)
        metrics[f"{name}/size_mb"] = path.stat().st_size / BYTES_PER_MB
        metrics[f"{name}/latency_ms"] = latency.median_ms
        metrics[f"{name}/latency_iqr_ms"] = latency.spread_ms
        facts = {"runs": latency.runs, "threads": latency.threads}
    measured.metrics |= metrics
    measured.facts[INT8] = {
        "state": MEASURED,
        "reason": None,
        "quantizer": quantized.quantizer,
        "scheme": dict(quantized.scheme),
        "calibration_images": pictures,
        "host": platform.node(),
        "imgsz": imgsz,
        "decode": True,
        **facts,
    }


def _target(target: Target, subject: Subject, folder: Path, measured: Measured) -> None:
    """One target's figures, facts and files; whatever goes wrong is kept as its reason."""
    facts: dict[str, Any] = {"title": target.title, "imgsz": subject.imgsz}
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        target.require()
        measurement, cached = measured_once(target, subject, folder)
    except CompilerMissing as error:
        measured.facts[target.name] = facts | {"state": MISSING, "reason": str(error)}
    except Exception as error:
        log.exception(target.name)
        measured.facts[target.name] = facts | {"state": FAILED, "reason": _reason(error)}
        reports = [path for path in sorted(folder.rglob("*.log")) if path.is_file()]
        measured.files |= {f"export/{target.name}/{path.name}": path for path in reports}
    else:
        measured.metrics |= {NPU_PREFIX + name: value for name, value in measurement.figures.items()}
        measured.files |= {f"export/{target.name}/{name}": path for name, path in measurement.files.items()}
        measured.facts[target.name] = facts | {
            "state": MEASURED,
            "reason": None,
            "imgsz": measurement.options.get("imgsz", subject.imgsz),
            "compiler": measurement.compiler,
            "options": dict(measurement.options),
            "kinds": dict(measurement.kinds),
            "decode": measurement.decode,
            "fallbacks": list(measurement.fallbacks[:SHOWN_FALLBACKS]),
            "cached": cached,
            "fingerprint": target.fingerprint(),
        }


def _reason(error: Exception) -> str:
    return " ".join(str(error).split()) if isinstance(error, TargetError) else in_one_line(error)
