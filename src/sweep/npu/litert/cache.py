"""The int8 LiteRT model of a checkpoint, converted once: the Ethos targets compile the same file."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from filelock import FileLock

from sweep.npu.litert.convert import PACKAGES
from sweep.npu.process import run_compiler
from sweep.npu.targets.base import Subject

MODEL, FACTS, LOG = "model_int8.tflite", "model_int8.json", "litert.log"
REVISION = 1  # of our own conversion: a change of what it makes needs a new number


@dataclass(frozen=True)
class Converted:
    """An int8 model. `facts` is what convert.py says of it: operators, inputs, outputs, versions, layer names."""

    model: Path
    facts: Mapping[str, Any]


def convert_once(
    subject: Subject, *, imgsz: int, decode: bool, home: Path, folder: Path, timeout_s: float
) -> Converted:
    """The subject's int8 model and its facts, as files in `folder`; made if `home` does not hold it already.

    `imgsz` is the side of the model's input; the calibration pictures are scaled to it.

    It may be called for the same subject by several processes at once: one converts, the others wait for it. An entry
    that is broken or was left half written is made again.

    Raises:
        CompilerFailed: The conversion ended with an error; its output is in `litert.log` in the folder.
        CompilerHung: It took longer than `timeout_s`.
    """
    entry = home / "npu" / "litert" / _key(subject, imgsz, decode)
    entry.mkdir(parents=True, exist_ok=True)
    with FileLock(entry / ".lock"):
        if not _is_whole(entry):
            with tempfile.TemporaryDirectory(prefix="litert-", dir=folder) as scratch:
                _convert(subject, imgsz, decode, Path(scratch), folder / LOG, timeout_s)
                _keep(Path(scratch), entry)
        for name in (MODEL, FACTS):
            shutil.copyfile(entry / name, folder / name)
    return Converted(folder / MODEL, json.loads((folder / FACTS).read_text("utf-8")))


def contained_in(folder: Path) -> dict[str, str]:
    """Environment that keeps what the converter's libraries write for themselves in a folder, and them off the network.

    They also see no GPU: a conversion must not take memory from a training beside it.
    """
    places = ("HOME", "USERPROFILE", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "TMPDIR", "TEMP", "TMP", "YOLO_CONFIG_DIR")
    return dict.fromkeys((*places, "HF_HOME", "TORCH_HOME", "MPLCONFIGDIR"), str(folder)) | {
        "YOLO_OFFLINE": "true",
        "YOLO_AUTOINSTALL": "false",
        "HF_HUB_OFFLINE": "1",
        "JAX_PLATFORMS": "cpu",
        "CUDA_VISIBLE_DEVICES": "-1",
    }


def _convert(subject: Subject, imgsz: int, decode: bool, scratch: Path, log: Path, timeout_s: float) -> None:
    command = [sys.executable, "-m", "sweep.npu.litert.convert", "--checkpoint", str(subject.checkpoint.resolve())]
    command += ["--calibration", str(subject.calibration.resolve()), "--imgsz", str(imgsz)]
    command += ["--out", str(scratch.resolve()), *(["--decode"] if decode else [])]
    run_compiler("LiteRT", command, log=log, timeout_s=timeout_s, environment=contained_in(scratch.resolve()))


def _keep(made: Path, entry: Path) -> None:
    """Put the files into the cache whole: each appears under its name only when it is complete, the facts last."""
    facts = json.loads((made / FACTS).read_text("utf-8"))
    facts["sha256"] = _digest(made / MODEL)
    (made / FACTS).write_text(json.dumps(facts, indent=1), "utf-8")
    for name in (MODEL, FACTS):
        temporary = entry / f"{name}.{os.getpid()}"
        shutil.copyfile(made / name, temporary)
        temporary.replace(entry / name)


def _is_whole(entry: Path) -> bool:
    """Whether the entry's model is the one that its facts were written of."""
    try:
        facts = json.loads((entry / FACTS).read_text("utf-8"))
        return bool(facts["sha256"] == _digest(entry / MODEL))
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _key(subject: Subject, imgsz: int, decode: bool) -> str:
    """Hash of all that decides the model: checkpoint, pictures, options, versions."""
    versions = {package: version(package) for package in PACKAGES}
    decides = {"revision": REVISION, "decode": decode, "imgsz": imgsz, "versions": versions}
    decides |= {"checkpoint": _digest(subject.checkpoint), "calibration": _digest(subject.calibration)}
    return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
