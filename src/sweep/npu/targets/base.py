"""What a target is: something that says what an NPU would do with a model. One abstract method carries it all."""

from __future__ import annotations

import hashlib
import json
import math
import shlex
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path
from typing import Any, ClassVar

from packaging.requirements import Requirement

from sweep.npu.digest import graph_digest
from sweep.packages import installed_version


class TargetError(RuntimeError):
    """A target could not be measured. The message is a sentence for the user, with the fix where there is one."""


class CompilerMissing(TargetError):
    """The target's compiler is not installed; the message holds the line that installs it."""


class CompilerFailed(TargetError):
    """The compiler refused the model or ended with an error; the message holds what it said last."""


class CompilerHung(TargetError):
    """The compiler took longer than its time limit and was killed, with all that it had started."""


@dataclass(frozen=True)
class Subject:
    """The model to measure, as files that are all there.

    Attributes:
        checkpoint: a stock Ultralytics checkpoint (`best.pt`).
        onnx: its FP32 export, batch 1, decode included.
        int8: its INT8 export (QDQ), or None where it could not be made.
        calibration: a .npy file, float32 (N, 3, imgsz, imgsz), RGB from 0 to 1, of training pictures.
        imgsz: side of the input in pixels.
    """

    checkpoint: Path
    onnx: Path
    int8: Path | None
    calibration: Path
    imgsz: int

    @cached_property
    def structure(self) -> tuple[str, str | None]:
        """Digests of the FP32 and of the INT8 graph, without their weights: what models of one architecture share."""
        return (
            graph_digest(self.onnx, weights=False),
            None if self.int8 is None else graph_digest(self.int8, weights=False),
        )


@dataclass(frozen=True)
class Measurement:
    """What a target states of a model, and what these figures are.

    Attributes:
        figures: by metric name without `npu/`: `ethos_u55/op_pct` (%), `ethos_u55/latency_ms`, `…/sram_kb` (KiB),
            `onnx.rk3588/mac_pct`. Only what the compiler states: a figure that it does not state is left out.
        kinds: what a figure is, by its last part: `{"latency_ms": "estimate", "op_pct": "count"}`.
        compiler: name and version (`Vela 5.2.0`).
        options: what the compiler was told, by name.
        decode: whether the measured graph holds the decoding of the boxes.
        fallbacks: operators that the NPU does not run, `LEAKY_RELU (model.4.m.0)`; empty when it runs all.
        files: compiled files and the compiler's reports, by file name.
        compiled: the names of those in `files` that hold this model's weights (and not only its graph).
    """

    figures: Mapping[str, float]
    kinds: Mapping[str, str]
    compiler: str
    options: Mapping[str, Any]
    decode: bool
    fallbacks: tuple[str, ...] = ()
    files: Mapping[str, Path] = field(default_factory=dict)
    compiled: tuple[str, ...] = ()


def pip_install(packages: Sequence[str]) -> str:
    """The line that installs packages of the extra `npu`, in the versions that the project names."""
    try:
        wanted = [Requirement(text) for text in requires("npu-sweep") or []]
    except PackageNotFoundError:
        wanted = []
    named = {requirement.name: f"{requirement.name}{requirement.specifier}" for requirement in wanted}
    return shlex.join(["python", "-m", "pip", "install", *(named.get(package, package) for package in packages)])


class Target(ABC):
    """One entry of `npu=[…]`: a compiler with its options, or the declarative profiles.

    Attributes:
        name: as in `npu=[name]` and in the metric names.
        options: the content of `conf/npu/<name>.yaml`.
        home: the folder that holds all state.
    """

    needs: ClassVar[tuple[str, ...]] = ()  # distributions without which it cannot run, the compiler first
    install: ClassVar[str] = ""  # the line that installs them
    weights_matter: ClassVar[bool] = True  # False: models of the same graph have the same figures

    def __init__(self, name: str, options: Mapping[str, Any], home: Path) -> None:
        self.name = name
        self.options = options
        self.home = home

    @abstractmethod
    def measure(self, subject: Subject, folder: Path) -> Measurement:
        """Compile the subject, writing only into `folder` (which exists and is empty), and read what is stated.

        Raises:
            CompilerFailed: It refused the model, ended with an error, or stated nothing that can be read.
            CompilerHung: It took longer than `options["timeout_s"]`.
        """

    def problems(self) -> list[str]:
        """What is wrong with the options: sentences that name `npu.<target>.<option>` and say what would be right.

        A compiler with options of its own adds to these.
        """
        limit = self.options.get("timeout_s", 1)
        if isinstance(limit, bool) or not isinstance(limit, int | float) or not 0 < limit < math.inf:
            return [f"npu.{self.name}.timeout_s={limit} must be a number of seconds above 0."]
        return []

    @property
    def title(self) -> str:
        """What tables and messages call it."""
        return str(self.options.get("title") or self.name)

    @property
    def timeout_s(self) -> float:
        """Seconds after which the compiler is killed."""
        return float(self.options.get("timeout_s", 600))

    def version(self) -> str | None:
        """The version of the compiler, or None when it, or a package that it needs, is not installed. Quick."""
        versions = [installed_version(package) for package in self.needs]
        return None if None in versions else (versions or [""])[0]

    def fingerprint(self) -> str:
        """What its figures depend on besides the model: its options and its compiler's version, as 12 hex digits."""
        decides = {name: value for name, value in self.options.items() if name not in {"title", "timeout_s", "python"}}
        content = json.dumps([decides, self.version()], sort_keys=True, default=str)
        return hashlib.sha256(content.encode()).hexdigest()[:12]

    def missing(self) -> str | None:
        """Why the compiler cannot be used, as a sentence with the line that installs it; None where it is there."""
        if self.version() is not None:
            return None
        return f"The compiler of {self.name} is not installed. Install it: {self.install}"

    def require(self) -> None:
        """Raise CompilerMissing, with what `missing` says, unless the compiler is there."""
        reason = self.missing()
        if reason is not None:
            raise CompilerMissing(reason)
