"""A logged model as a stranger uses it: in a process of its own, where this package is not installed."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd

LIMIT_S = 120

# Only the environment names the store, as it does for people who call `mlflow.pyfunc.load_model` in a notebook.
_WITHOUT_SWEEP = """
import importlib.util, pathlib, sys
sys.path = [place for place in sys.path if not (pathlib.Path(place or ".") / "sweep").is_dir()]
assert importlib.util.find_spec("sweep") is None
"""
_PREDICT = """
import mlflow, numpy, PIL.Image
picture, conf, *addresses = sys.argv[1:]
image = numpy.asarray(PIL.Image.open(picture).convert("RGB"))
found = [mlflow.pyfunc.load_model(address).predict(image, params={"conf": float(conf)}) for address in addresses]
assert all(boxes.equals(found[0]) for boxes in found)
print(found[0].to_json(orient="split", double_precision=15))
"""
_LOAD_TABLE = """
import mlflow
client = mlflow.MlflowClient()
experiment = client.get_run(sys.argv[2]).info.experiment_id
print(client.load_table(experiment, sys.argv[1], [sys.argv[2]]).to_json(orient="split", double_precision=15))
"""


def predict_elsewhere(picture: Path, cwd: Path, *model_uris: str, store_uri: str, conf: float) -> pd.DataFrame:
    """Return the boxes that the model of each address finds in a picture; the process runs in `cwd`."""
    answer = _run(_PREDICT, cwd, store_uri, str(picture), str(conf), *model_uris)
    return pd.read_json(io.StringIO(answer), orient="split", precise_float=True)


def load_table_elsewhere(artifact_file: str, run_id: str, cwd: Path, *, store_uri: str) -> pd.DataFrame:
    """Return a table of a run as `mlflow.load_table` reads it; the process runs in `cwd`."""
    answer = _run(_LOAD_TABLE, cwd, store_uri, artifact_file, run_id)
    return pd.read_json(io.StringIO(answer), orient="split", precise_float=True)


def _run(code: str, cwd: Path, store_uri: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", _WITHOUT_SWEEP + code, *arguments],
        cwd=cwd,
        env=os.environ | {"MLFLOW_TRACKING_URI": store_uri, "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false"},
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
