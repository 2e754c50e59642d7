"""Help, `plan` and errors answer at once, because what they load is light. Checked in fresh processes."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = {"torch", "torchvision", "ultralytics", "mlflow", "pandas", "cv2"}
LIGHT = ["cli", "compose", "config", "devices", "flow", "grid", "help", "identity", "plan", "pool", "recipe", "show"]


@pytest.mark.parametrize("module", [*(f"sweep.{name}" for name in LIGHT), "hydra_plugins.npu_sweep.local_launcher"])
def test_importing_loads_nothing_heavy(module: str) -> None:
    code = f"import sys, {module}; print(*sorted({HEAVY!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == []
