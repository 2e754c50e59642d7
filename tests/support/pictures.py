"""A tiny real data set of plain pictures, for tests that damage it or give it an odd name."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

YAML = "train: images/train\nval: images/val\nnames: {0: 신호등, 1: stop}\n"


def make_pictures(folder: Path, shade: int = 0) -> Path:
    """Four training and two validation pictures of 32 x 24 px, each with one box; returns the data.yaml.

    Sets with another `shade` (0 to 5) have other pixels, so that they count as other data.
    """
    for number, (split, count) in enumerate((("train", 4), ("val", 2))):
        for i in range(count):
            image = folder / "images" / split / f"p{i}.png"
            label = folder / "labels" / split / f"p{i}.txt"
            image.parent.mkdir(parents=True, exist_ok=True)
            label.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (32, 24), (40 * i, 100 * number, 50 * shade)).save(image)
            label.write_text(f"{i % 2} 0.5 0.5 0.25 0.25\n", encoding="utf-8")
    yaml = folder / "data.yaml"
    yaml.write_text(YAML, encoding="utf-8")
    return yaml
