"""One training uses one core, on machines with many of them too."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

CODE = """
import pathlib, sys
import ultralytics.utils.torch_utils as torch_utils
torch_utils.NUM_THREADS = 4  # what Ultralytics has on a machine with five cores
from sweep.training.environment import prepare_ultralytics
prepare_ultralytics(pathlib.Path(sys.argv[1]))
torch_utils.select_device("cpu")
import torch
print("THREADS", torch.get_num_threads())
"""


def test_choosing_the_cpu_keeps_one_thread(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CODE, str(tmp_path)], capture_output=True, text=True, timeout=120, check=True
    )
    assert "THREADS 1" in done.stdout
