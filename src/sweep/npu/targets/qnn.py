"""Qualcomm's HTP, through the QNN execution provider of ONNX Runtime. It states placement and nothing else."""

from __future__ import annotations

import json
import platform
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from sweep.npu.node_names import fallback, original_name
from sweep.npu.process import run_compiler
from sweep.npu.targets.base import (
    CompilerFailed,
    Measurement,
    Subject,
    Target,
    TargetError,
    pip_install,
)

SCRIPT = Path(__file__).parents[1] / "qnn_compile.py"
PROVIDER = "QNNExecutionProvider"
NOT_OPERATORS = frozenset({"QuantizeLinear", "DequantizeLinear"})  # they say how a tensor is stored
BUILDS = {("Linux", "x86_64"), ("Windows", "AMD64"), ("Windows", "ARM64")}
KNOWN = ("compiler", "title", "timeout_s", "soc_model", "fp16")
BACKEND_ERROR = "SetupBackend failed"


class QnnTarget(Target):
    """Compiles the INT8 export with the HTP backend and counts the operators that it takes.

    The backend's own record of the partition says where each node went; an operator in float that the SoC cannot run,
    for one, stays on the CPU.
    """

    needs: ClassVar[tuple[str, ...]] = ("onnxruntime-qnn", "onnxruntime")
    install: ClassVar[str] = pip_install(needs)
    # Placement is the same for the trained weights and for two random initialisations of each level (levels 0, 2, 3, 4
    # with ReLU and LeakyReLU, quantized each with its own ranges; onnxruntime-qnn 2.7.0).
    weights_matter: ClassVar[bool] = False

    def missing(self) -> str | None:
        """Why it cannot be used; where it has no build, no install line helps."""
        machine = (platform.system(), platform.machine())
        if self.version() is None and machine not in BUILDS:
            return (
                f"The compiler of {self.name}, onnxruntime-qnn, has no build for {' '.join(machine)}: "
                "measure this target on Linux x86_64."
            )
        return super().missing()

    def problems(self) -> list[str]:
        """What is wrong with `soc_model` and `fp16`: the provider itself ignores what it does not know."""
        place = f"npu.{self.name}"
        found = super().problems()
        found += [f"{place}.{key} is unknown. Options: {', '.join(KNOWN)}." for key in self.options if key not in KNOWN]
        soc, fp16 = self.options.get("soc_model"), self.options.get("fp16", False)
        if isinstance(soc, bool) or not isinstance(soc, int) or soc <= 0:
            found.append(f"{place}.soc_model={soc} must be Qualcomm's number of a SoC, such as 43 (SM8550).")
        if not isinstance(fp16, bool):
            found.append(f"{place}.fp16={fp16} must be true or false.")
        return found

    def measure(self, subject: Subject, folder: Path) -> Measurement:
        """Compile the INT8 export into an EP context.

        Raises:
            TargetError: There is no INT8 export.
        """
        if subject.int8 is None:
            raise TargetError(f"{self.name} compiles the INT8 export, and that is missing.")
        context, placement, log = (folder / name for name in ("model_ctx.onnx", "placement.json", "qnn.log"))
        scratch = folder / "scratch"
        scratch.mkdir()
        arguments = [subject.int8.absolute(), context.absolute(), placement.absolute()]
        try:
            output = run_compiler(
                "onnxruntime-qnn",
                [sys.executable, "-I", str(SCRIPT), *map(str, arguments), json.dumps(self._provider_options())],
                log=log,
                timeout_s=self.timeout_s,
                environment={**dict.fromkeys(("HOME", "TMPDIR"), str(scratch)), "ORT_DISABLE_TELEMETRY": "1"},
            )
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
        _check_backend(output)
        content = json.loads(placement.read_text("utf-8"))
        operators, fallbacks = read_placement(content["nodes"])
        compiled = sorted(folder.glob("model_ctx*"))
        return Measurement(
            figures={f"{self.name}/op_pct": 100 * (1 - len(fallbacks) / operators)},
            kinds={"op_pct": "count"},
            compiler=f"onnxruntime-qnn {content['onnxruntime_qnn']} (QNN {content['qnn']}) "
            f"on onnxruntime {content['onnxruntime']}",
            options={"backend": "HTP", **self._provider_options()},
            decode=True,
            fallbacks=tuple(dict.fromkeys(fallbacks)),
            files={path.name: path for path in (*compiled, placement, log)},
            compiled=tuple(path.name for path in compiled),
        )

    def _provider_options(self) -> dict[str, str]:
        fp16 = bool(self.options.get("fp16", False))
        return {"soc_model": str(self.options["soc_model"]), "enable_htp_fp16_precision": str(int(fp16))}


def read_placement(nodes: Sequence[Mapping[str, Any]]) -> tuple[int, list[str]]:
    """How many operators the partitioned graph has, and which of them are not on the HTP, by operator and layer.

    The graph is the one that ONNX Runtime partitioned, after its own optimizations: transposes that the change of
    layout added count, nodes that were folded do not. QuantizeLinear and DequantizeLinear do not count.

    Raises:
        CompilerFailed: It has no operators.
    """
    operators = [node for node in nodes if node["operator"] not in NOT_OPERATORS]
    if not operators:
        raise CompilerFailed("onnxruntime-qnn placed no operator at all.")
    left = [node for node in operators if node["provider"] != PROVIDER]
    return len(operators), [fallback(node["operator"], original_name(node["name"])) for node in left]


def _check_backend(output: str) -> None:
    """A backend that cannot be created leaves the whole graph to the CPU without an exception: no figure, an error.

    Raises:
        CompilerFailed: With what the provider said.
    """
    for line in output.splitlines():
        if BACKEND_ERROR in line:
            reason = line.split(BACKEND_ERROR, 1)[1].split("\x1b", 1)[0].strip(" :")
            raise CompilerFailed(f"onnxruntime-qnn cannot create the HTP backend: {reason}")
