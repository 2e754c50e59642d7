"""Where the built-in set lies, and how it gets there once although many processes want it."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from sweep.data.digest import MARKER

if TYPE_CHECKING:
    from sweep.data.dataset import Dataset

GENERATOR = {"generator": "npu-sweep signs", "version": 1}
"""Raise the version with every change that reaches a pixel or a label."""

DIGEST = "1a0167732a18cb80fb1ee3d9d555e6f5204f287d337a7b2b5548ba44ab126989"
"""SHA-256 over the pixels and labels of the set, the same on every machine."""

SPLITS = {"train": 256, "val": 64}


def image_name(index: int) -> str:
    """File name, without extension, of a picture of the set."""
    return f"sign_{index:03d}"


def ensure_signs(home: Path) -> Path:
    """The data.yaml of the built-in set, drawn first if it is absent, incomplete or of another version.

    Safe to call from many processes at once: one draws (about 6 s on one core), the others wait. A
    half-written set is never visible under its final name.

    Args:
        home: The folder that holds all state.

    Returns:
        `datasets/signs/data.yaml` in home.
    """
    folder = home / "datasets" / "signs"
    if not _complete(folder):
        from filelock import FileLock

        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.parent / "signs.lock"):
            if not _complete(folder):
                _replace(folder)
    return folder / "data.yaml"


def signs_undrawn(home: Path) -> Dataset | None:
    """What is known of the set before it is drawn, without its pictures; None when it is there."""
    from sweep.data.dataset import Dataset
    from sweep.data.signs.designs import NAMES

    folder = home / "datasets" / "signs"
    if _complete(folder):
        return None
    return Dataset("signs", folder / "data.yaml", DIGEST, dict(enumerate(NAMES)), (), (), (), ())


def _complete(folder: Path) -> bool:
    try:
        if (
            json.loads((folder / MARKER).read_text(encoding="utf-8")) != GENERATOR
            or not (folder / "data.yaml").is_file()
        ):
            return False
        for split, count in SPLITS.items():
            wanted = {image_name(i) for i in range(count)}
            for kind, extension in (("images", ".png"), ("labels", ".txt")):
                if not {f"{name}{extension}" for name in wanted} <= {
                    path.name for path in (folder / kind / split).iterdir()
                }:
                    return False
    except (OSError, ValueError):
        return False
    return True


def _replace(folder: Path) -> None:
    from sweep.data.signs.write import write_signs

    scratch = Path(tempfile.mkdtemp(prefix="signs.", dir=folder.parent))
    try:
        write_signs(scratch / "new")
        if folder.exists():
            folder.rename(scratch / "old")
        (scratch / "new").rename(folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def pixels_digest(folder: Path) -> str:
    """The digest of a generated set: over decoded pixels, labels and class names, in a fixed order.

    The same as `check_dataset(...).digest` of it, on every machine.

    Args:
        folder: The folder of data.yaml.
    """
    import hashlib

    import yaml
    from PIL import Image

    from sweep.data.digest import Entry, data_digest, pixels_sha

    names = yaml.safe_load((folder / "data.yaml").read_text(encoding="utf-8"))["names"]
    entries = []
    for split in SPLITS:
        for path in sorted((folder / "images" / split).iterdir()):
            label = (folder / "labels" / split / path.name).with_suffix(".txt").read_bytes()
            with Image.open(path) as image:
                entries.append(Entry(split, path.name, pixels_sha(image), hashlib.sha256(label).hexdigest()))
    return data_digest(names, entries)
