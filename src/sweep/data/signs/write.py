"""Draw the whole set into a folder."""

from __future__ import annotations

import json
from pathlib import Path

from PIL import Image

from sweep.data.digest import MARKER
from sweep.data.signs.designs import NAMES
from sweep.data.signs.dice import Dice
from sweep.data.signs.scene import Label, draw_scene
from sweep.data.signs.store import GENERATOR, SPLITS, image_name

SEED = 20
BACKGROUND_EVERY = 32
"""One picture of so many shows no sign."""


def write_signs(folder: Path) -> None:
    """Write pictures, labels, data.yaml and, last, the marker into an empty folder."""
    for number, (split, count) in enumerate(SPLITS.items()):
        images, labels = folder / "images" / split, folder / "labels" / split
        images.mkdir(parents=True)
        labels.mkdir(parents=True)
        for index, kinds in enumerate(_plan(number, count)):
            pixels, found = draw_scene(Dice(SEED, number, index), kinds)
            name = image_name(index)
            Image.fromarray(pixels).save(images / f"{name}.png", compress_level=1)
            _write(labels / f"{name}.txt", "".join(map(_line, found)))
    names = "".join(f"  {i}: {name}\n" for i, name in enumerate(NAMES))
    head = "# The built-in traffic signs of npu-sweep, drawn by sweep.data.signs\n"
    _write(folder / "data.yaml", f"{head}train: images/train\nval: images/val\nnc: {len(NAMES)}\nnames:\n{names}")
    _write(folder / MARKER, json.dumps(GENERATOR) + "\n")


def _plan(number: int, count: int) -> list[list[int]]:
    """The classes of each picture of a split, from shuffled rounds of all classes, so that they balance."""
    dice = Dice(SEED, number, count, 1)
    bag: list[int] = []
    plan: list[list[int]] = []
    for index in range(count):
        wanted = 0 if index % BACKGROUND_EVERY == BACKGROUND_EVERY - 1 else dice.choice((1, 2, 2, 2, 3, 3, 4))
        if len(bag) < wanted:
            bag += dice.shuffled(range(len(NAMES)))
        plan.append([bag.pop(0) for _ in range(wanted)])
    return plan


def _line(label: Label) -> str:
    kind, x, y, width, height = label
    return f"{kind} {x:.6f} {y:.6f} {width:.6f} {height:.6f}\n"


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")
