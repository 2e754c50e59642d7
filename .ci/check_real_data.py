"""Run six short cells on photographs and check what MLflow holds: `check_real_data.py DATA_YAML HOME`.

Exits with 1 and says why when the sweep fails, a metric of the contract is missing, or the data folder was changed.
"""

from __future__ import annotations

import hashlib
import math
import subprocess
import sys
from pathlib import Path

from sweep.tracking import names
from sweep.tracking.read import curves, sweep_cells, sweep_run
from sweep.tracking.store import open_store

CELLS, EPOCHS = 6, 2
PLACEMENT = [
    f"npu/onnx.{profile}/{share}"
    for profile in ("generic_int8", "ethos_u55", "rk3588")
    for share in ("op_pct", "mac_pct")
]
GRID = ("level=2,3,4", "act=relu,leakyrelu", "recipe.imgsz=224", f"recipe.epochs={EPOCHS}")


def main(data_yaml: Path, home: Path) -> int:
    """Run the sweep, print what is wrong with its result, return the exit code."""
    before = _content(data_yaml.parent)
    command = [sys.executable, "-m", "sweep", *GRID, f"data={data_yaml}", f"home={home}"]
    done = subprocess.run(command, check=False)
    problems = [f"the sweep ended with exit code {done.returncode}"] if done.returncode else []
    after = _content(data_yaml.parent)
    problems += [
        f"{path} in the data folder was changed or added"
        for path in sorted(before.keys() | after.keys())
        if before.get(path) != after.get(path)
    ]
    problems += _tracking_problems(home)
    for problem in problems:
        print(f"photographs: {problem}", file=sys.stderr)
    if not problems:
        print(f"photographs: {CELLS} cells with all metrics, data folder as it was")
    return 1 if problems else 0


def _tracking_problems(home: Path) -> list[str]:
    store = open_store(home, "npu-sweep")
    cells = sweep_cells(store, sweep_run(store).run_id)
    problems = [] if len(cells) == CELLS else [f"{len(cells)} cells in MLflow instead of {CELLS}"]
    reports = {path.name for path in home.glob("sweeps/*/report/report.*")}
    problems += [f"{name} was not written" for name in {"report.ko.md", "report.en.md", "report.html"} - reports]
    for row in cells.to_dict("records"):
        cell = row["cell"]
        if row["status"] != "finished":
            problems.append(f"{cell} is {row['status']}: {row['reason']}")
            continue
        wanted = (*names.SUMMARY_METRICS, *names.INTERVAL_METRICS, *names.INT8_METRICS, *names.FP32_METRICS, *PLACEMENT)
        problems += [f"{cell} lacks {name}" for name in wanted if not _is_number(row.get(name))]
        epochs = curves(store, row["run_id"])
        if list(epochs.index) != list(range(1, EPOCHS + 1)):
            problems.append(f"{cell} has the epochs {list(epochs.index)}")
        problems += [f"{cell} lacks {name} in an epoch" for name in epochs.columns[epochs.isna().any()]]
    return problems


def _is_number(value: object) -> bool:
    return isinstance(value, float) and math.isfinite(value)


def _content(folder: Path) -> dict[str, str]:
    """Every file and folder below one, with a digest of what it holds."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "folder"
        for path in folder.rglob("*")
    }


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
