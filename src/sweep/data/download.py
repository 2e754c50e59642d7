"""Let Ultralytics download a data set whose data.yaml has a `download:` entry that the user allowed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from sweep.errors import SweepError

# A process of its own: the entry is a stranger's code, and Ultralytics reads its settings on import.
SCRIPT = """
import json, sys
from pathlib import Path
import ultralytics.data.utils as data
file, folder, answer = sys.argv[1:]
data.DATASETS_DIR = Path(folder)
found = data.check_det_dataset(file)
Path(answer).write_text(json.dumps({k: found.get(k) for k in ("train", "val", "test")}), encoding="utf-8")
"""


def download(file: Path, home: Path) -> dict[str, str | list[str] | None]:
    """Execute the `download:` entry of a data.yaml with Ultralytics, into home's `datasets/downloads`.

    Returns:
        The absolute paths of train, val and test.

    Raises:
        SweepError: It failed; with the last lines of its output.
    """
    from filelock import FileLock

    folder = Path(os.path.abspath(home)) / "datasets" / "downloads"  # noqa: PTH100
    (folder / ".ultralytics").mkdir(parents=True, exist_ok=True)
    answer = folder / f".answer-{os.getpid()}.json"
    environment = os.environ | {"YOLO_CONFIG_DIR": str(folder / ".ultralytics"), "YOLO_AUTOINSTALL": "False"}
    with FileLock(folder / ".lock"):
        command = [sys.executable, "-c", SCRIPT, str(file), str(folder), str(answer)]
        done = subprocess.run(
            command,
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
    try:
        if done.returncode == 0:
            found: dict[str, str | list[str] | None] = json.loads(answer.read_text(encoding="utf-8"))
            return found
    finally:
        answer.unlink(missing_ok=True)
    tail = " / ".join((done.stderr or done.stdout).strip().splitlines()[-3:])
    raise SweepError(f"{file}: the `download:` entry failed, the pictures are still missing: {tail}")
