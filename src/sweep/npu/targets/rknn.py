"""Rockchip NPUs, through the RKNN toolkit in an environment of its own."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from sweep.npu.node_names import fallback
from sweep.npu.process import run_compiler
from sweep.npu.rknn_env import interpreter, is_ready, toolkit_version
from sweep.npu.targets.base import CompilerFailed, Measurement, Subject, Target

SCRIPT = Path(__file__).parents[1] / "rknn_compile.py"
PYTHON = "SWEEP_RKNN_PYTHON"
ENDS = frozenset({"InputOperator", "OutputOperator"})  # the table's first and last rows: tensors, no operators
PLATFORM = re.compile(r"(rk|rv)\d{4}[a-z]?", re.IGNORECASE)  # also such as RK3588S, which the toolkit knows, too
KNOWN = ("compiler", "title", "timeout_s", "platform", "python")
BYTES_PER_KB = 1024

COLOURS = re.compile(r"\x1b\[[0-9;]*m")
PREFIX = re.compile(r"^[A-Z] RKNN: \[[\d:.]+\] ")
ROW = re.compile(
    r"^(?P<id>\d+)\s+(?P<operator>\S+)\s+(?P<dtype>\S+)\s+(?P<target>[A-Z]+)\s+\S+\s+\S+\s+"
    r"\d+/\d+/(?P<cycles>\d+)\s+[\d.]+\s+(?P<name>\S.*)$"
)
MEMORY = re.compile(r"^Total (?P<kind>Internal|Weight) Memory Size: (?P<size>[\d.]+)(?P<unit>KB|MB|B)$")
TABLE = "Network Layer Information Table"
UNITS_KB = {"B": 1 / BYTES_PER_KB, "KB": 1.0, "MB": float(BYTES_PER_KB)}


@dataclass(frozen=True)
class Row:
    """One operator of the toolkit's table: where it runs, and its cycles (0 where the toolkit states none)."""

    operator: str
    target: str
    cycles: int
    name: str


class RknnTarget(Target):
    """Compiles the FP32 export, which the toolkit quantizes itself, and reads the toolkit's table and memory plan."""

    needs: ClassVar[tuple[str, ...]] = ("rknn-toolkit2",)
    install: ClassVar[str] = "python -m sweep npu setup rknn"
    # Placement, memory and cycles are the same to the last digit for the trained weights and for two random
    # initialisations of each level (0, 2, 3, 4 with ReLU and LeakyReLU; toolkit 2.3.2). Only the size of the file
    # differs, by less than 0.03 %.
    weights_matter: ClassVar[bool] = False

    def problems(self) -> list[str]:
        """What is wrong with `platform` and `python`.

        Which platforms there are only the toolkit knows: its documentation lists fewer than it takes.
        """
        place = f"npu.{self.name}"
        found = super().problems()
        found += [f"{place}.{key} is unknown. Options: {', '.join(KNOWN)}." for key in self.options if key not in KNOWN]
        platform, python = (self.options.get(key) for key in ("platform", "python"))
        if not isinstance(platform, str) or not PLATFORM.fullmatch(platform):
            found.append(f"{place}.platform={platform} must be a Rockchip platform, such as rk3588.")
        if python is not None and not isinstance(python, str | Path):
            found.append(f"{place}.python={python} must be the path of a Python interpreter, or null.")
        return found

    @property
    def python(self) -> Path:
        """The interpreter that has the toolkit: the option, the environment variable, or the one made in home."""
        given = self.options.get("python") or os.environ.get(PYTHON)
        return Path(given).expanduser() if given else interpreter(self.home)

    def version(self) -> str | None:
        """The toolkit's version; None without it, and where its set-up in home did not come to its end."""
        if self.python == interpreter(self.home) and not is_ready(self.home):
            return None
        return toolkit_version(self.python)

    def missing(self) -> str | None:
        """Why the toolkit cannot be used; an interpreter that was named is named in the sentence."""
        if self.version() is None and self.python != interpreter(self.home):
            place = f"npu.{self.name}.python" if self.options.get("python") else PYTHON
            return (
                f"{place}={self.python} has no rknn-toolkit2. Name an interpreter that has it, or none: {self.install}"
            )
        return super().missing()

    def measure(self, subject: Subject, folder: Path) -> Measurement:
        """Compile the FP32 export to INT8, calibrated on the subject's pictures."""
        platform = str(self.options["platform"])
        out, log, scratch = folder / f"model_{platform}.rknn", folder / "rknn.log", folder / "scratch"
        scratch.mkdir()
        arguments = [subject.onnx.absolute(), subject.calibration.absolute(), out.absolute(), platform]
        try:
            output = run_compiler(
                "RKNN toolkit",
                [str(self.python.absolute()), "-I", str(SCRIPT), *map(str, arguments)],
                log=scratch / log.name,
                timeout_s=self.timeout_s,
                environment=dict.fromkeys(("HOME", "TMPDIR"), str(scratch)),
            )
        finally:
            if (scratch / log.name).exists():
                (scratch / log.name).replace(log)
            shutil.rmtree(scratch, ignore_errors=True)
        lines = plain_lines(output)
        operators = [row for row in read_table(lines) if row.operator not in ENDS]
        left = [row for row in operators if row.target != "NPU"]
        return Measurement(
            figures={
                f"{self.name}/op_pct": 100 * (1 - len(left) / len(operators)),
                f"{self.name}/memory_kb": read_memory_kb(lines),
                f"{self.name}/conv_cycles": float(sum(row.cycles for row in operators)),
            },
            kinds={
                "op_pct": "count",
                "memory_kb": "estimate of weights and internal memory",
                "conv_cycles": "count, no latency",
            },
            compiler=f"RKNN toolkit {self.version()}",
            options={
                "platform": platform,
                "quantized_dtype": "w8a8",
            },
            decode=True,
            fallbacks=tuple(dict.fromkeys(fallback(*row.name.split(":", 1)) for row in left)),
            files={path.name: path for path in (out, log)},
            compiled=(out.name,),
        )


def plain_lines(output: str) -> list[str]:
    """The lines that the toolkit printed, without colours and the compiler's time stamps."""
    return [PREFIX.sub("", COLOURS.sub("", line)).rstrip() for line in output.splitlines()]


def read_table(lines: Sequence[str]) -> list[Row]:
    """The rows of the toolkit's table of operators, the last one where it prints several.

    Raises:
        CompilerFailed: There is no such table, or a row of it is missing or reads otherwise.
    """
    starts = [number for number, line in enumerate(lines) if TABLE in line]
    rows: list[Row] = []
    for line in lines[starts[-1] + 1 :] if starts else ():
        match = ROW.match(line)
        if match and int(match["id"]) == len(rows):
            rows.append(Row(match["operator"], match["target"], int(match["cycles"]), match["name"]))
        elif rows:
            if line.startswith("-"):
                break
            raise CompilerFailed(f"The RKNN toolkit's table has a line that cannot be read: {line.strip()}")
    if not rows:
        raise CompilerFailed("The RKNN toolkit printed no table of operators.")
    return rows


def read_memory_kb(lines: Sequence[str]) -> float:
    """What the compiled model takes in memory when it runs, in KiB: its weights and its internal tensors.

    Raises:
        CompilerFailed: The toolkit did not print both.
    """
    sizes = {
        match["kind"]: float(match["size"]) * UNITS_KB[match["unit"]] for match in map(MEMORY.match, lines) if match
    }
    if len(sizes) != 2:
        raise CompilerFailed("The RKNN toolkit printed no memory plan.")
    return sum(sizes.values())
