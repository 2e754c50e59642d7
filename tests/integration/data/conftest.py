"""A small real data set on disk that a test can damage."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from small_dataset import YAML, Pictures


@pytest.fixture
def pictures(tmp_path: Path) -> Pictures:
    made = Pictures(tmp_path / "그림 [1] a=b #2 (x)", tmp_path / "home")
    for number, (split, count) in enumerate((("train", 6), ("val", 3))):
        for i in range(count):
            made.image(f"p{i}", split).parent.mkdir(parents=True, exist_ok=True)
            made.label(f"p{i}", split).parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (32, 24), (40 * i, 100 * number, 90)).save(made.image(f"p{i}", split))
            made.label(f"p{i}", split).write_text(f"{i % 2} 0.5 0.5 0.25 0.25\n", encoding="utf-8")
    made.yaml.write_text(YAML, encoding="utf-8")
    return made
