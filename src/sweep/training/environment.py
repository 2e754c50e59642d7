"""Ultralytics made to behave as a library: nothing outside home is read or written, no integration is switched on."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from filelock import FileLock

from sweep.architecture.checkpoint import SAFE_LOAD
from sweep.onnx_session import exact_options

SETTINGS_OFF = (
    "sync",
    "clearml",
    "comet",
    "dvc",
    "mlflow",
    "raytune",
    "tensorboard",
    "wandb",
    "vscode_msg",
    "openvino_msg",
)


def set_environment(home: Path) -> None:
    """Point Ultralytics at a configuration folder in home, for this process and those it starts. Imports nothing."""
    folder = home / "ultralytics"
    os.environ["YOLO_CONFIG_DIR"] = str(folder)
    os.environ["YOLO_OFFLINE"] = "true"
    os.environ["YOLO_AUTOINSTALL"] = "false"
    os.environ[SAFE_LOAD] = "true"  # no `eval` of a model YAML, no code named by a checkpoint
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # onnxruntime leaves a device id in the user's cache folder
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    _write_settings(folder)


def prepare_ultralytics(home: Path, *, trust: bool = False) -> None:
    """Import Ultralytics with a configuration folder in home. Call it before any other use of Ultralytics.

    Ultralytics reads its environment when it is imported; a process that has imported it before keeps that
    configuration and only has the switches set again.

    Args:
        home: The folder that holds all state.
        trust: Let checkpoints run what they name, in this process and those that it starts, until the next call.
    """
    if "ultralytics" not in sys.modules:
        set_environment(home)
    os.environ[SAFE_LOAD] = "false" if trust else "true"
    import torch
    import ultralytics.nn.tasks
    from ultralytics.utils import SETTINGS

    ultralytics.nn.tasks.SAFE_LOAD = not trust

    torch.set_num_threads(1)  # cores are filled by cells side by side; a fixed number keeps sums bit-identical
    switched_on = {key: False for key in SETTINGS_OFF if SETTINGS.get(key)}
    if switched_on:
        dict.update(SETTINGS, switched_on)  # in this process only: the file may be the user's own
    _contain()


def _write_settings(folder: Path) -> None:
    """A settings file with every integration off, written once."""
    path = folder / "Ultralytics" / "settings.json"
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(str(path) + ".lock"):
        if path.exists():
            return
        settings = {
            "settings_version": "0.0.8",
            "datasets_dir": str(folder / "datasets"),
            "weights_dir": str(folder / "weights"),
            "runs_dir": str(folder / "runs"),
            "uuid": "0" * 64,
            "api_key": "",
            "openai_api_key": "",
            **dict.fromkeys(SETTINGS_OFF, False),
        }
        temporary = path.with_suffix(f".{os.getpid()}.tmp")
        temporary.write_text(json.dumps(settings, indent=2), "utf-8")
        temporary.replace(path)


def _contain() -> None:
    """Replace the few functions through which Ultralytics reaches for the network or the data set's folder."""
    import ultralytics.data.build
    import ultralytics.data.utils
    import ultralytics.engine.trainer
    import ultralytics.utils.torch_utils

    from sweep.training.dataset import HomeCacheDataset

    ultralytics.data.build.YOLODataset = HomeCacheDataset
    ultralytics.data.utils.check_font = lambda *_, **__: None  # fonts serve plots only, and are downloaded
    ultralytics.utils.torch_utils.NUM_THREADS = 1  # select_device("cpu") would set a thread for every core
    _run_integers_exactly()
    ultralytics.engine.trainer.check_amp = lambda _: True  # the check downloads a checkpoint


def _run_integers_exactly() -> None:
    """Let Ultralytics open ONNX files with our session options; it has no argument for them."""
    from ultralytics.nn.backends.onnx import ONNXBackend

    load = ONNXBackend.load_model
    if load.__name__ == "load_exactly":
        return

    def load_exactly(backend: ONNXBackend, weight: str | Path) -> None:
        backend.session_options = backend.session_options or exact_options()
        load(backend, weight)

    ONNXBackend.load_model = load_exactly
