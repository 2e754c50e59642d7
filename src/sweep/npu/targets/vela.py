"""Arm Ethos-U: what Vela, Arm's compiler, states of the int8 LiteRT model. It needs no hardware and no simulator."""

from __future__ import annotations

import configparser
import csv
import re
import sys
import tempfile
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

from sweep.npu.litert.cache import contained_in, convert_once
from sweep.npu.process import run_compiler
from sweep.npu.targets.base import CompilerFailed, Measurement, Subject, Target, pip_install

ACCELERATORS = (
    *(f"ethos-u55-{macs}" for macs in (32, 64, 128, 256)),
    *(f"ethos-u65-{macs}" for macs in (256, 512)),
    *(f"ethos-u85-{macs}" for macs in (128, 256, 512, 1024, 2048)),
)
"""What `vela --accelerator-config` takes: the core and its 8-bit multiply-accumulate units."""

OPTIONS = ("accelerator", "vela_config", "system_config", "memory_mode", "imgsz", "least_imgsz", "decode")
KNOWN = ("compiler", "title", "timeout_s", *OPTIONS)
LOG = "vela.log"
DEFAULT_CONFIG = "Arm/vela.ini"  # what Vela reads when it is told no file
SECTIONS = {"system_config": "System_Config.", "memory_mode": "Memory_Mode."}  # how Vela's files name their sections
STRIDE = 32  # of the coarsest feature maps of a YOLO detector
ROOT = "sweep.npu.litert.network.Network/"
MEMORIES = {
    "sram_kb": ("sram_memory_used",),
    "flash_kb": ("on_chip_flash_memory_used", "off_chip_flash_memory_used"),
    "dram_kb": ("dram_memory_used",),
}
"""Figures and the columns of Vela's summary whose sum they are, in KiB (Vela divides bytes by 1024)."""


class VelaTarget(Target):
    """One Ethos-U configuration.

    Figures: `op_pct` (%: operators on the NPU of all, as Vela counts them after its own fusing), `latency_ms` (Vela's
    estimate, at its system configuration's clock), `sram_kb`, `flash_kb` and `dram_kb` (KiB that its allocation takes;
    those memories only that the system configuration has). Vela's time covers the NPU alone. Where operators stay on
    the CPU it is not the model's latency (moving half of a network to the CPU lowers it), so it is then called
    `npu_part_ms`, and `latency_ms` is left out.
    """

    needs: ClassVar[tuple[str, ...]] = ("ethos-u-vela", "litert-torch", "ai-edge-quantizer", "ai-edge-litert")
    install: ClassVar[str] = pip_install(needs)
    # Vela compresses the weights. Level 4, 96 px, Ethos-U55-256: a trained LeakyReLU checkpoint gave 4.0811 ms and
    # 1739.4 KiB of flash, two random ones 4.0879 ms and 1742.9 KiB, 4.0818 ms and 1743.1 KiB; ReLU 3.9006 ms against
    # 3.9126 ms. Placement and SRAM were the same.
    weights_matter: ClassVar[bool] = True

    def problems(self) -> list[str]:
        place = f"npu.{self.name}"
        problems = super().problems()
        problems += [
            f"{place}.{key} is unknown. Options: {', '.join(KNOWN)}." for key in self.options if key not in KNOWN
        ]
        accelerator, decode = self.options.get("accelerator"), self.options.get("decode", False)
        if accelerator not in ACCELERATORS:
            problems.append(f"{place}.accelerator={accelerator} is unknown to Vela. Known: {', '.join(ACCELERATORS)}.")
        if not isinstance(decode, bool):
            problems.append(f"{place}.decode={decode} must be true or false.")
        for key in ("imgsz", "least_imgsz"):
            side = self.options.get(key)
            if side is not None and (
                isinstance(side, bool) or not isinstance(side, int) or side < STRIDE or side % STRIDE
            ):
                problems.append(f"{place}.{key}={side} must be a multiple of {STRIDE}, or null for the model's own.")
        named = {key: self.options.get(key) for key in ("vela_config", *SECTIONS)}
        wrong = {
            key: value
            for key, value in named.items()
            if value is not None and (not isinstance(value, str) or not value or value.startswith("-"))
        }
        problems += [
            f"{place}.{key}={value} must be a name, or null for Vela's default." for key, value in wrong.items()
        ]
        return problems if wrong else problems + _config_problems(place, **named)

    def measure(self, subject: Subject, folder: Path) -> Measurement:
        self.require()
        decode = bool(self.options.get("decode", False))
        imgsz = int(self.options.get("imgsz") or max(subject.imgsz, self.options.get("least_imgsz") or 0))
        converted = convert_once(
            subject, imgsz=imgsz, decode=decode, home=self.home, folder=folder, timeout_s=self.timeout_s
        )
        said = self._compile(converted.model, folder)
        try:
            summary = _rows(folder, "model_int8_summary_*.csv")[0]
            layers = _rows(folder, "model_int8_per-layer.csv")
            figures = _figures(summary, said)
        except (LookupError, ValueError) as error:
            raise CompilerFailed(f"Vela ended well, but its reports cannot be read: {error}.") from error
        return Measurement(
            figures={f"{self.name}/{key}": value for key, value in figures.items()},
            kinds={key: KINDS[key] for key in figures},
            compiler=f"Vela {self.version()}",
            options=self._stated(summary, converted.facts),
            decode=decode,
            fallbacks=tuple(
                f"{row['Original Operator']} ({layer_of(row['Name'], converted.facts['layers'])})"
                for row in layers
                if row["Target"] == "CPU"
            ),
            files={path.name: path for path in sorted(folder.iterdir()) if path.is_file()},
            compiled=("model_int8.tflite", "model_int8_vela.tflite"),
        )

    def _compile(self, model: Path, folder: Path) -> str:
        command = [sys.executable, "-m", "ethosu.vela", model.name, "--output-dir", "."]
        command += ["--accelerator-config", str(self.options["accelerator"])]
        command += ["--show-cpu-operations", "--verbose-performance"]
        flags = {"vela_config": "--config", "system_config": "--system-config", "memory_mode": "--memory-mode"}
        for option, flag in flags.items():
            if self.options.get(option) is not None:
                command += [flag, _file_or_name(str(self.options[option]))]
        with tempfile.TemporaryDirectory(prefix="vela-", dir=folder) as scratch:
            environment = contained_in(Path(scratch).resolve())
            return run_compiler("Vela", command, log=folder / LOG, timeout_s=self.timeout_s, environment=environment)

    def _stated(self, summary: Mapping[str, str], facts: Mapping[str, Any]) -> dict[str, Any]:
        """What Vela was told, with the names that it chose itself where nothing was told, and what made its input."""
        versions = facts["versions"]
        return {
            "accelerator": self.options["accelerator"],
            "system_config": summary["system_config"],
            "memory_mode": summary["memory_mode"],
            "core_clock_mhz": float(summary["core_clock"]) / 1e6,
            "vela_config": self.options.get("vela_config"),
            "imgsz": facts["imgsz"],
            "decode": facts["decode"],
            "calibration_pictures": facts["calibration_pictures"],
            "converter": f"litert-torch {versions['litert-torch']}, ai-edge-quantizer {versions['ai-edge-quantizer']}",
        }


KINDS = {
    "op_pct": "count",
    "latency_ms": "estimate",
    "npu_part_ms": "estimate of the NPU's part, without the operators on the CPU",
    "sram_kb": "allocation",
    "flash_kb": "allocation",
    "dram_kb": "allocation",
}


def _figures(summary: Mapping[str, str], said: str) -> dict[str, float]:
    """The figures of Vela's summary (a row of its CSV) and of what it printed (`NPU operators = 138 (100.0%)`).

    Raises:
        LookupError: A column or line is missing.
        ValueError: A number is none.
    """
    on_npu, on_cpu = _operators("NPU", said), _operators("CPU", said)
    milliseconds = float(summary["inference_time"]) * 1e3  # Vela states seconds
    figures = {
        "op_pct": 100 * on_npu / (on_npu + on_cpu),
        "npu_part_ms" if on_cpu else "latency_ms": milliseconds,
    }
    for figure, columns in MEMORIES.items():
        used = sum(float(summary[column]) for column in columns)
        if used > 0:
            figures[figure] = used
    return figures


def _operators(place: str, said: str) -> int:
    found = re.search(rf"^{place} operators = (\d+) ", said, re.MULTILINE)
    if found is None:
        raise LookupError(f"it did not print the number of {place} operators")
    return int(found[1])


def _rows(folder: Path, pattern: str) -> list[dict[str, str]]:
    paths = sorted(folder.glob(pattern))
    rows: list[dict[str, str]] = []
    if paths:
        with paths[0].open(encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream))
    if not rows:
        raise LookupError(f"there is no {pattern}, or nothing in it")
    return rows


def layer_of(tensor: str, layers: Mapping[str, str]) -> str:
    """The layer of a tensor of the LiteRT model: `model.4.m.0.cv1.act`, or the tensor's own name where it has none.

    Args:
        tensor: The converter joins the names of all layers that went into a tensor with `;`, the last one first.
        layers: By the converter's name of a layer its name in the checkpoint.
    """
    parts = tensor.partition(";")[0].removeprefix(ROOT).split("/")
    for end in range(len(parts), 0, -1):
        if (found := layers.get("/".join(parts[:end]))) is not None:
            return found
    return parts[-1]


def _config_problems(place: str, vela_config: str | None, **names: str | None) -> list[str]:
    """What is wrong with the configuration file and with the names of its sections, which Vela would find too late.

    Without Vela there is nothing to say of the files that come with it.
    """
    file = vela_config or DEFAULT_CONFIG
    ours = _config_files()
    path = Path(_file_or_name(file))
    if len(path.parts) == 2 and not path.is_absolute() and not file.startswith((".", "~")):  # Vela's rule for its own
        if ours is None:
            return []
        path = ours / path
    if path.suffix != ".ini" or not path.is_file():
        known = sorted(found.relative_to(ours).as_posix() for found in ours.glob("*/*.ini")) if ours else []
        there = f", or one that comes with Vela: {', '.join(known)}" if known else ""
        return [f"{place}.vela_config={file} is no file of Vela's. It must be the path of an .ini file{there}."]
    parser = configparser.ConfigParser()
    try:
        parser.read_string(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, configparser.Error) as error:
        return [f"{place}.vela_config={file} cannot be read: {' '.join(str(error).split())}."]
    problems = []
    for option, name in names.items():
        known = [text.removeprefix(SECTIONS[option]) for text in parser.sections() if text.startswith(SECTIONS[option])]
        if name is None and vela_config is not None:
            problems.append(f"{place}.{option}=null goes with vela_config=null only. {file} has: {', '.join(known)}.")
        elif name is not None and name not in known:
            problems.append(f"{place}.{option}={name} is not in {file}. It has: {', '.join(known)}.")
    return problems


def _config_files() -> Path | None:
    """The folder of the configuration files that come with Vela; None without Vela, which is not imported."""
    spec = find_spec("ethosu")
    folders = [Path(root) / "config_files" for root in (spec.submodule_search_locations if spec else None) or ()]
    return next((folder for folder in folders if folder.is_dir()), None)


def _file_or_name(value: str) -> str:
    """A file of the user's as absolute path, because Vela runs in another folder; a name stays."""
    path = Path(value).expanduser()
    return str(path.resolve()) if path.is_file() else value
