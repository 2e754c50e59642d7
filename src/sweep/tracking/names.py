"""The words of the MLflow contract: every metric, tag, parameter and artifact name, spelled once."""

from __future__ import annotations

from typing import Final

# What a run is (tag `sweep.kind`).
KIND: Final = "sweep.kind"
KIND_SWEEP: Final = "sweep"
KIND_CELL: Final = "cell"
KIND_TRIAL: Final = "trial"

PARENT: Final = "mlflow.parentRunId"
SWEEP_ID: Final = "sweep.id"
SWEEP_COMMAND: Final = "sweep.command"
CELL: Final = "sweep.cell"
CELL_KEY: Final = "sweep.cell_key"
REASON: Final = "sweep.reason"
DATA_DIGEST: Final = "sweep.data_digest"
LEVEL_TITLE: Final = "sweep.level_title"
ATTEMPT: Final = "sweep.attempt"

# Provenance.
GIT_COMMIT: Final = "sweep.git_commit"
GIT_DIRTY: Final = "sweep.git_dirty"
HOST: Final = "sweep.host"
HOME: Final = "sweep.home"
DEVICE: Final = "sweep.device"
VERSION_PREFIX: Final = "sweep.version."
ONNX_OPSET: Final = "sweep.onnx_opset"

# Parameters: the axes of the grid, then the flat recipe under `recipe.`.
AXES: Final = ("base", "level", "act", "seed", "recipe", "data")
RECIPE_PREFIX: Final = "recipe."

DETECTION: Final = ("precision", "recall", "mAP50", "mAP50-95")
LOSSES: Final = (
    "train/box_loss",
    "train/cls_loss",
    "train/dfl_loss",
    "val/box_loss",
    "val/cls_loss",
    "val/dfl_loss",
)

# Logged after each epoch, step = epoch, counted from 1.
EPOCH_DETECTION: Final = tuple(f"metrics/{name}" for name in DETECTION)
EPOCH_METRICS: Final = (*EPOCH_DETECTION, *LOSSES, "lr/pg0", "time/epoch_s")
EPOCH_PREFIXES: Final = ("metrics/", "train/", "val/", "lr/")

# Logged once, at step 0.
BEST: Final = tuple(f"best/{name}" for name in DETECTION)
BEST_EPOCH: Final = "best/epoch"
FINAL: Final = tuple(f"final/{name}" for name in DETECTION)
FINAL_LOSSES: Final = tuple(f"final/{name}" for name in LOSSES)
TRAIN_TIME: Final = "time/train_s"
PARAMS: Final = "model/params_m"
GFLOPS: Final = "model/gflops"
NODES: Final = "model/nodes"
SUMMARY_METRICS: Final = (
    *BEST,
    BEST_EPOCH,
    *FINAL,
    *FINAL_LOSSES,
    TRAIN_TIME,
    PARAMS,
    GFLOPS,
    NODES,
)

# Artifacts.
CELLS_JSON: Final = "cells.json"
TABLES: Final = "report/tables"

# How a run ends in MLflow, and the state of a cell in cells.json and in tables.
FINISHED: Final = "FINISHED"
FAILED: Final = "FAILED"
KILLED: Final = "KILLED"


def is_summary(metric: str) -> bool:
    """Whether a metric is logged once for a run, and not once an epoch."""
    return metric not in EPOCH_METRICS and not metric.startswith(EPOCH_PREFIXES)
