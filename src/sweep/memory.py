"""How much memory one cell will need: the number of cells that fit side by side follows from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sweep.devices import Devices

PROCESS_GB = 1.0  # torch, Ultralytics and MLflow loaded in one process: 0.9 GiB resident, measured on Linux, CPU build
CUDA_CONTEXT_GB = 0.6
GB_PER_IMAGE_640 = 0.30  # activations and gradients of a scale-n model for one 640 px image
WIDTH_FACTOR = {"n": 1.0, "s": 1.8, "m": 3.2, "l": 4.0, "x": 6.0}


def estimate_gb(recipe: Mapping[str, Any], base: Mapping[str, Any], devices: Devices) -> float:
    """Memory of one cell in GiB: on a GPU its own memory, on the CPU the process's.

    An estimate with a margin, not a measurement: activations grow with batch and image area. `hydra.launcher.memory_gb`
    replaces it.
    """
    images = float(recipe["batch"]) * (float(recipe["imgsz"]) / 640) ** 2
    training = images * GB_PER_IMAGE_640 * WIDTH_FACTOR.get(str(base.get("scale")), 1.0)
    return training + (CUDA_CONTEXT_GB if devices.type == "cuda" else PROCESS_GB)
