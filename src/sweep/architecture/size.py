"""How large a model is: parameters and floating-point operations."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch.nn import Module


def measure_size(model: Module, imgsz: int) -> tuple[float, float]:
    """Parameters in millions and GFLOPs (2 × multiply-accumulates) of one square picture, before fusing.

    Both are the numbers that Ultralytics prints in its model summary (`get_num_params`, `get_flops`).

    Args:
        model: a built detection model; it is left as it is.
        imgsz: side of the picture in pixels.

    Raises:
        RuntimeError: Ultralytics could not count the operations (it then says 0.0).
    """
    from ultralytics.utils.torch_utils import get_flops, get_num_params

    gflops = float(get_flops(model, imgsz))
    if gflops == 0.0:
        raise RuntimeError(f"Ultralytics could not count the operations at {imgsz} px; is ultralytics-thop installed?")
    return get_num_params(model) / 1e6, gflops
