"""Which training arguments change nothing in a trial, so that tuning them would only spend trials.

Everything here was read in Ultralytics 8.4: `engine/trainer.py` (warm-up, optimizer, the closing of mosaic),
`data/build.py` and `data/dataset.py` (rect). What depends on the data set is left alone.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from sweep.recipe import IGNORED_BY_AUTO

AXIS = "sweep it as an axis of the grid instead: recipe.{name}=A,B"
NOT_TUNABLE = {
    "name": "it is the recipe's name. Choose recipes with recipe=A,B",
    "epochs": "the length of a trial is tune.epochs, and recipe.epochs=A,B is an axis of the grid",
    **dict.fromkeys(("imgsz", "batch", "workers", "cache", "fraction"), AXIS),
    **dict.fromkeys(
        ("conf", "iou", "max_det", "nms", "single_cls", "classes"), "it changes the measure, not the model"
    ),
    **dict.fromkeys(("deterministic", "channels_last", "save_period"), "it is not meant to change what is learned"),
    "patience": "it ends a training early, which is the pruner's work",
}
OTHER_TASKS = {
    **dict.fromkeys(("pose", "kobj", "rle"), "pose estimation"),
    "angle": "oriented boxes",
    **dict.fromkeys(("dlog", "dgrad", "dlam"), "depth estimation"),
    **dict.fromkeys(("overlap_mask", "mask_ratio"), "segmentation"),
    **dict.fromkeys(("dropout", "auto_augment", "erasing"), "classification"),
    "dis": "distillation",
}
WARMUP = ("warmup_momentum", "warmup_bias_lr")
SCHEDULE = ("warmup_epochs", *WARMUP, "lrf", "cos_lr")
MIXING = ("mosaic", "mixup", "cutmix")
ADAM = ("adam", "adamax", "adamw", "nadam", "radam")  # their groups have betas, where warm-up looks for a momentum


def not_tunable(name: str) -> str | None:
    """Why an argument is not tuned, with what to do instead; None where it may be."""
    if name in OTHER_TASKS:
        return f"it belongs to {OTHER_TASKS[name]}, and detectors ignore it"
    reason = NOT_TUNABLE.get(name)
    return reason.format(name=name) if reason else None


def ignored(name: str, recipe: Mapping[str, Any], tuned: Collection[str], epochs: int | None) -> str | None:
    """Why the recipe ignores a tuned argument, with the fix; None where it counts, or where that is not certain.

    Args:
        name: The argument.
        recipe: All arguments, with Ultralytics' defaults.
        tuned: The names of the space: what they are at in the recipe says nothing of other trials.
        epochs: Length of a trial.
    """
    fixed = {key: value for key, value in recipe.items() if key not in tuned}
    optimizer = str(fixed.get("optimizer", "")).lower()
    closing = fixed.get("close_mosaic")
    closed = epochs is not None and isinstance(closing, int) and closing >= epochs
    rules = (
        (
            optimizer == "auto" and name in (*IGNORED_BY_AUTO, "warmup_bias_lr"),
            "recipe.optimizer=auto chooses it by itself. Name an optimizer, such as SGD or AdamW",
        ),
        (
            optimizer in ADAM and name == "warmup_momentum",
            f"recipe.optimizer={fixed.get('optimizer')} has no momentum to warm up. Take it out with null",
        ),
        (
            epochs == 1 and name in SCHEDULE,
            "a trial of one epoch has no warm-up and no schedule. Make trials longer",
        ),
        (
            _is_zero(fixed.get("warmup_epochs")) and name in WARMUP,
            "recipe.warmup_epochs=0 leaves out the warm-up. Give it a length, or tune that as well",
        ),
        (
            fixed.get("rect") is True and name in MIXING,
            "recipe.rect=true switches it off. Set recipe.rect=false",
        ),
        (
            closed and name in MIXING,
            f"recipe.close_mosaic={closing} switches it off in the last epochs, and a trial has {epochs}. "
            f"Set recipe.close_mosaic below {epochs}",
        ),
    )
    return next((reason for applies, reason in rules if applies), None)


def _is_zero(value: object) -> bool:
    return isinstance(value, int | float) and value <= 0
