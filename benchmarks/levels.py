"""Measure what the levels do to the size of the four bases, as a Markdown table (docs/levels.md holds its
output).

    python benchmarks/levels.py [--act relu] [--nc 80] [--imgsz 640]

Parameters and GFLOPs are Ultralytics' own, before fusing; nodes are those of
`export(format="onnx", imgsz=imgsz, simplify=True)`, decode included; a checkpoint is the model in half
precision, as Ultralytics leaves it after training. Random weights. The last column is the time of one
`count_nodes`, one thread.
"""

from __future__ import annotations

import argparse
import copy
import logging
import os
import platform
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import yaml

CONF = Path(__file__).parents[1] / "conf"
BASES = ("yolo11n", "yolo11s", "yolov8n", "yolo12n")
LEVELS = ("0", "2", "3", "4")
HEADER = "| base | level | params M | GFLOPs@{imgsz} | ONNX nodes | checkpoint MB | count_nodes s |"


def option(group: str, name: str) -> dict[str, Any]:
    """Content of one file of a config group."""
    content: dict[str, Any] = yaml.safe_load((CONF / group / f"{name}.yaml").read_text(encoding="utf-8"))
    return content


def measure(base: str, level: str, *, act: str, nc: int, imgsz: int, folder: Path) -> str:
    """One row of the table."""
    import torch

    from sweep.architecture.build import build_model
    from sweep.architecture.resolve import resolve_model
    from sweep.architecture.size import measure_size
    from sweep.npu.graph import count_nodes

    resolved = resolve_model(option("base", base), option("levels", level), option("act", act), nc)
    model = build_model(resolved.yaml)
    params, gflops = measure_size(model, imgsz)
    checkpoint = folder / "best.pt"
    torch.save({"model": copy.deepcopy(model).half(), "ema": None, "train_args": {}}, checkpoint)
    start = time.perf_counter()
    nodes = count_nodes(checkpoint, imgsz, folder).nodes
    seconds = time.perf_counter() - start
    megabytes = checkpoint.stat().st_size / 1e6
    same = " (as level 0)" if resolved.changes_nothing else ""
    size = f"{params:.3f} | {gflops:.2f} | {nodes} | {megabytes:.2f}"
    return f"| {base} | {level}{same} | {size} | {seconds:.2f} |"


def main() -> None:
    """Print the table and what it was measured with."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--act", default="relu")
    parser.add_argument("--nc", type=int, default=80)
    parser.add_argument("--imgsz", type=int, default=640)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ.update(YOLO_CONFIG_DIR=folder, YOLO_OFFLINE="1", YOLO_AUTOINSTALL="False")
        import torch
        import ultralytics
        from ultralytics.utils import LOGGER

        LOGGER.setLevel(logging.ERROR)
        warnings.simplefilter("ignore")
        torch.set_num_threads(1)
        # The first export imports onnx and onnxslim: not a cost of the first row.
        measure(BASES[0], LEVELS[0], act=options.act, nc=options.nc, imgsz=64, folder=Path(folder))
        print(HEADER.format(imgsz=options.imgsz))
        print("|---|---|---|---|---|---|---|")
        for base in BASES:
            for level in LEVELS:
                print(measure(base, level, **vars(options), folder=Path(folder)), flush=True)
        print(
            f"\nact={options.act}, nc={options.nc}, imgsz={options.imgsz};"
            f" Python {platform.python_version()}, torch {torch.__version__},"
            f" ultralytics {ultralytics.__version__}."
        )


if __name__ == "__main__":
    main()
