"""The words of the MLflow contract: every metric, tag, parameter and artifact name, spelled once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

# What a run is (tag `sweep.kind`).
KIND: Final = "sweep.kind"
KIND_SWEEP: Final = "sweep"
KIND_CELL: Final = "cell"
KIND_TRIAL: Final = "trial"
KIND_LOST: Final = "trial-lost"  # a trial whose worker died: it was run again

PARENT: Final = "mlflow.parentRunId"
SWEEP_ID: Final = "sweep.id"
SWEEP_COMMAND: Final = "sweep.command"
CELL: Final = "sweep.cell"
CELL_KEY: Final = "sweep.cell_key"
REASON: Final = "sweep.reason"
DATA_DIGEST: Final = "sweep.data_digest"
TRAIN_IMAGES: Final = "sweep.train_images"  # of a cell: how many pictures its data set has to train on
LEVEL_TITLE: Final = "sweep.level_title"
WEIGHTS_DIGEST: Final = "sweep.weights_digest"
ATTEMPT: Final = "sweep.attempt"
RESUMED: Final = "sweep.resumed"  # of a cell that went on: a line each time, after which epoch and why it had ended
REPORT_SETTINGS: Final = "sweep.report"  # of a sweep, as JSON: languages and the rules of its recommendation
CELL_COUNT: Final = "sweep.cells"  # of a sweep: how many cells it has, finished ones included
TO_RUN: Final = "sweep.cells_to_run"  # of a sweep: how many of them were not finished when it began
REGRESSION: Final = "sweep.regression"  # of a nightly sweep, as JSON: what has become worse; `[]` where nothing has
SECOND_LOOK: Final = "sweep.second_look_of"  # of a sweep that trained suspected cells again: the night's sweep id
FORECAST: Final = "sweep.forecast"  # of a sweep, as JSON: what time it was expected to take, and side by side with what
ARCHITECTURE: Final = "sweep.architecture"  # of a cell, as JSON: what its level changed in its base
IMPORTED: Final = "sweep.imported"  # of an imported cell: the name of its folder
BEST_FROM: Final = "sweep.best_from"  # of an imported cell: `evaluation`, or `results.csv` where its data is gone

# Provenance.
GIT_COMMIT: Final = "sweep.git_commit"
GIT_DIRTY: Final = "sweep.git_dirty"
HOST: Final = "sweep.host"
HOME: Final = "sweep.home"
PID: Final = "sweep.pid"  # of the process that writes the run, on `sweep.host`
HEARTBEAT: Final = "sweep.heartbeat"  # when that process has last shown that it lives, about once a minute, in UTC
LOCAL_ID: Final = "sweep.local_id"  # what the run is called in its home, where its folder has this name
STOPPING: Final = "sweep.stopping"  # of a sweep whose cells run elsewhere: why these were asked to stop
RERUN: Final = "sweep.rerun"  # "true": its sweep had asked to train finished cells again
DEVICE: Final = "sweep.device"
VERSION_PREFIX: Final = "sweep.version."
ONNX_OPSET: Final = "sweep.onnx_opset"

# Tuning: of a cell, what its study came to; of a trial, which one it is and how it ended.
TUNE_BEST_TAG_PREFIX: Final = "tune.best."
TUNE_STUDY: Final = "tune.study"
TUNE_BEGAN: Final = "tune.began"  # whether the run began its study, or went on with that of an earlier run
TUNE_STORAGE: Final = "tune.storage"
TUNE_SAMPLER: Final = "tune.sampler"
TUNE_PRUNER: Final = "tune.pruner"
TUNE_OBJECTIVE: Final = "tune.objective"
TUNE_EPOCHS_TAG: Final = "tune.trial_epochs"
TUNE_ASKED: Final = "tune.trials_asked"  # of a cell: how many trials there are to be
TUNE_ENDED: Final = "tune.trials"  # of a finished cell: how many trials ended
TUNE_STOPPED: Final = "tune.stopped"  # and what ended it: `total`, `patience=5`, `budget_min=10`
TUNE_REFIT: Final = "tune.refit"
TRIAL: Final = "tune.trial"
TRIAL_SLOT: Final = "tune.slot"
TRIAL_STATE: Final = "tune.state"
LOST: Final = "lost"
TUNE_STUDY_JSON: Final = "tune/study.json"
TUNE_TRIALS_CSV: Final = "tune/trials.csv"
TUNE_BEST_YAML: Final = "tune/best.yaml"

# Parameters: the axes of the grid, then the flat recipe under `recipe.`.
AXES: Final = ("base", "level", "act", "seed", "recipe", "data")
RECIPE_PREFIX: Final = "recipe."
WEIGHTS: Final = "model.weights"  # the name of the initial checkpoint, or None

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
EPOCH_TIME: Final = "time/epoch_s"
EPOCH_METRICS: Final = (*EPOCH_DETECTION, *LOSSES, "lr/pg0", EPOCH_TIME)
LOSS_PREFIXES: Final = ("train/", "val/")
EPOCH_PREFIXES: Final = ("metrics/", *LOSS_PREFIXES, "lr/")

# Logged once, at step 0.
BEST: Final = tuple(f"best/{name}" for name in DETECTION)
BEST_EPOCH: Final = "best/epoch"
# The ends of the 95 % intervals of the above, by bootstrap over the validation images.
INTERVALS: Final = {
    "best/mAP50": ("best/mAP50_lo", "best/mAP50_hi"),
    "best/mAP50-95": ("best/mAP50-95_lo", "best/mAP50-95_hi"),
}
INTERVAL_METRICS: Final = tuple(end for ends in INTERVALS.values() for end in ends)
TEST: Final = ("test/mAP50", "test/mAP50-95")  # of the best checkpoint, where the data set has a test split
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

# Measured on targets, once, at step 0. What the figures of a target are is said by its tag (`tracking.measured`).
NPU_PREFIX: Final = "npu/"
NPU_TAG_PREFIX: Final = "sweep.npu."
ONNX: Final = "onnx"  # the target of the declarative profiles: npu/onnx.<profile>/op_pct
NPU_FIGURES: Final = (
    "op_pct",
    "mac_pct",
    "latency_ms",
    "npu_part_ms",  # in the place of latency_ms where operators stay on the CPU, whose time is not in it
    "sram_kb",
    "flash_kb",
    "dram_kb",
    "memory_kb",
    "conv_cycles",
)
INT8: Final = "int8"
INT8_TAG: Final = "sweep.int8"
INT8_METRICS: Final = ("int8/mAP50", "int8/mAP50-95", "int8/size_mb", "int8/latency_ms", "int8/latency_iqr_ms")
FP32_METRICS: Final = ("fp32/mAP50", "fp32/mAP50-95", "fp32/size_mb", "fp32/latency_ms", "fp32/latency_iqr_ms")
CARRIED: Final = "transfer/carried_pct"  # % of the parameters that an initial checkpoint gave

# Of a tuned cell, once, at step 0.
TUNE_PREFIX: Final = "tune/"
TUNE_RECIPE: Final = {name: f"tune/recipe/{name}" for name in ("mAP50", "mAP50-95")}  # trial 0: the recipe as it is
TUNE_TUNED: Final = {name: f"tune/tuned/{name}" for name in ("mAP50", "mAP50-95")}  # the best trial
TUNE_METRICS: Final = (
    *TUNE_RECIPE.values(),
    *TUNE_TUNED.values(),
    "tune/value",
    "tune/best_trial",
    "tune/trials",
    "tune/pruned",
    "tune/failed",
    "tune/lost",
    "tune/epochs",
    "tune/train_s",
)

# Artifacts.
CELLS_JSON: Final = "cells.json"
REPORT: Final = "report"
TABLES: Final = "report/tables"
STATISTICS: Final = "statistics/val.npz"  # of a cell: `statistics.images`
MODEL: Final = "model"  # the name of the cell's MLflow model

# How a run ends in MLflow, and the state of a cell in cells.json and in tables.
FINISHED: Final = "FINISHED"
FAILED: Final = "FAILED"
KILLED: Final = "KILLED"


def is_summary(metric: str) -> bool:
    """Whether a metric is logged once for a run, and not once an epoch."""
    return metric not in EPOCH_METRICS and not metric.startswith(EPOCH_PREFIXES)


def npu_metric(target: str, figure: str) -> str:
    """Return the metric of a figure of a target (`ethos_u55`) or of a profile (`onnx.generic_int8`)."""
    return f"{NPU_PREFIX}{target}/{figure}"


def npu_figure(metric: str) -> tuple[str, str] | None:
    """Return the target and the figure of a metric that `npu_metric` names, or None for any other metric."""
    target, slash, figure = metric.removeprefix(NPU_PREFIX).rpartition("/")
    return (target, figure) if metric.startswith(NPU_PREFIX) and slash and target else None


def npu_tag(target: str) -> str:
    """Return the tag that says what the figures of a target are."""
    return f"{NPU_TAG_PREFIX}{target}"


def is_measured(metric: str) -> bool:
    """Whether a metric was measured on a target or on an exported file, and not by the training."""
    return npu_figure(metric) is not None or metric.startswith(("int8/", "fp32/"))


def in_contract_order(metrics: Iterable[str]) -> list[str]:
    """Return metrics in the contract's order: summary, targets (profiles first), INT8, FP32, then others by name."""
    return sorted(metrics, key=_place)


def _place(metric: str) -> tuple[int, int, str, int, str]:
    measured = (*INTERVAL_METRICS, *TEST, *TUNE_METRICS, *INT8_METRICS, *FP32_METRICS, CARRIED)
    npu = npu_figure(metric)
    if metric in SUMMARY_METRICS:
        return 0, SUMMARY_METRICS.index(metric), "", 0, metric
    if npu is not None:
        target, figure = npu
        place = NPU_FIGURES.index(figure) if figure in NPU_FIGURES else len(NPU_FIGURES)
        return 1, 0 if target.startswith(f"{ONNX}.") else 1, target, place, metric
    return (2, measured.index(metric), "", 0, metric) if metric in measured else (3, 0, "", 0, metric)
