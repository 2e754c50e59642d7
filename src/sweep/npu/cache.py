"""Measurements that hold for every model of the same graph, kept in home: one compilation per architecture."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from sweep.npu.targets.base import Measurement, Subject, Target
from sweep.packages import installed_version

CONTENT = "measurement.json"
QUANTIZER_REVISION = 1  # raised when sweep.npu.quantize makes another graph


def measured_once(target: Target, subject: Subject, folder: Path) -> tuple[Measurement, bool]:
    """The measurement of a target, and whether it came from the cache; made by the target where it is not there.

    Two processes that want the same one at the same time compile once. Files that hold a model's weights
    (`Measurement.compiled`) are not kept: a measurement from the cache has none.

    Args:
        target: A target whose figures do not depend on the weights; another one is measured every time.
        subject: What is measured.
        folder: Where the target's files go, or are copied to from the cache. It exists and is empty.
    """
    if target.weights_matter:
        return target.measure(subject, folder), False
    entry = target.home / "npu" / "measured" / _key(target, subject)
    entry.parent.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(f"{entry}.lock", timeout=target.timeout_s):
            known = _read(entry, folder)
            if known is not None:
                return known, True
            measurement = target.measure(subject, folder)
            _write(entry, measurement)
    except Timeout:  # whoever holds it hangs: this one shall not wait for it
        measurement = target.measure(subject, folder)
    return measurement, False


def _key(target: Target, subject: Subject) -> str:
    content = {
        "target": target.name,
        "options": target.options,
        "versions": [target.version(), *map(installed_version, target.needs)],
        "quantizer": QUANTIZER_REVISION if subject.int8 else None,
        "imgsz": subject.imgsz,
        "graphs": subject.structure,
        "format": 1,
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()[:32]


def _read(entry: Path, folder: Path) -> Measurement | None:
    """The stored measurement, its files copied to `folder`; None where it is absent or damaged."""
    try:
        content: dict[str, Any] = json.loads((entry / CONTENT).read_text("utf-8"))
        kept = {name: entry / "files" / name for name in content.pop("files")}
        if not all(path.is_file() for path in kept.values()):
            return None
        content |= {"fallbacks": tuple(content["fallbacks"]), "compiled": ()}
        measurement = Measurement(**content, files={name: folder / name for name in kept})
        for name, path in kept.items():
            shutil.copyfile(path, folder / name)
        return measurement
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _write(entry: Path, measurement: Measurement) -> None:
    """Put a measurement into the cache in one step. A cache that cannot be written costs time, not results."""
    kept = {name: path for name, path in measurement.files.items() if name not in measurement.compiled}
    try:
        with tempfile.TemporaryDirectory(dir=entry.parent, prefix=f".{os.getpid()}-") as temporary:
            made = Path(temporary) / "entry"
            (made / "files").mkdir(parents=True)
            for name, path in kept.items():
                shutil.copyfile(path, made / "files" / name)
            content = asdict(replace(measurement, files={}, compiled=())) | {"files": sorted(kept)}
            (made / CONTENT).write_text(json.dumps(content, indent=2), "utf-8")
            shutil.rmtree(entry, ignore_errors=True)
            made.replace(entry)
    except OSError:
        return
