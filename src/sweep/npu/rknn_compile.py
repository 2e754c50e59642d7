"""Compile a model for a Rockchip NPU. A script that the RKNN toolkit's own environment runs; it imports nothing of us.

`rknn_compile.py MODEL PICTURES OUT PLATFORM`: the FP32 ONNX model, the calibration pictures (.npy, float32
(N, 3, H, W), RGB from 0 to 1), the .rknn file to write, and the target platform (`rk3588`). The toolkit writes its
intermediate files into the working directory and the temporary folder. It prints its table of operators and its memory
plan.
"""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from rknn.api import RKNN

LEVELS = 255  # the compiled model takes RGB bytes; the graph itself divides by this, through mean and std


def write_pictures(pictures: str) -> Path:
    """Write each picture as a file of bytes, (1, 3, H, W), and return the list of them that the toolkit reads."""
    paths = []
    for number, picture in enumerate(np.load(pictures)):
        path = Path(f"picture{number}.npy").absolute()
        np.save(path, (picture[None] * LEVELS).round().astype(np.uint8))
        paths.append(str(path))
    listed = Path("pictures.txt")
    listed.write_text("\n".join(paths) + "\n", "utf-8")
    return listed


def main() -> None:
    """Read the command line, compile to INT8 and export."""
    model, pictures, out, platform = sys.argv[1:]
    toolkit = RKNN(verbose=True)
    steps: dict[str, Callable[[], int]] = {
        "config": lambda: toolkit.config(
            mean_values=[[0, 0, 0]], std_values=[[LEVELS] * 3], target_platform=platform, quantized_dtype="w8a8"
        ),
        "load_onnx": lambda: toolkit.load_onnx(model=model),
        "build": lambda: toolkit.build(do_quantization=True, dataset=str(write_pictures(pictures))),
        "export_rknn": lambda: toolkit.export_rknn(out),
    }
    for name, step in steps.items():
        code = step()
        if code:
            sys.exit(f"RKNN.{name} returned {code}.")
    toolkit.release()


if __name__ == "__main__":
    main()
