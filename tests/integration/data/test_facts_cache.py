"""What was found out about a file is used again until the file changes."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from small_dataset import Pictures


def cache_file(home: Path) -> Path:
    (file,) = (home / "datasets" / "cache").iterdir()
    return file


def test_unchanged_files_are_not_read_again(pictures: Pictures) -> None:
    time.sleep(0.06)  # files younger than the clock's resolution are not remembered
    digest = pictures.check().digest
    content: dict[str, Any] = json.loads(cache_file(pictures.home).read_text())
    assert len(content["files"]) == 18
    content["files"][str(pictures.image("p0"))][1]["sha"] = "from the cache"
    cache_file(pictures.home).write_text(json.dumps(content))
    assert pictures.check().digest != digest
    pictures.image("p0").write_bytes(pictures.image("p0").read_bytes())  # a new time stamp, so read again
    assert pictures.check().digest == digest


def test_an_edited_label_is_seen(pictures: Pictures) -> None:
    time.sleep(0.06)
    digest = pictures.check().digest
    old = pictures.label("p0").read_text()
    pictures.label("p0").write_text(old.replace("0.25", "0.24"))  # the same size
    assert pictures.check().digest != digest
    pictures.label("p0").write_text("7 0.5 0.5 0.1 0.1\n")
    assert "class 7" in pictures.problems()[0]
    assert "class 7" in pictures.problems()[0]
    pictures.label("p0").write_text(old)
    assert pictures.check().digest == digest


def test_fewer_names_are_held_against_remembered_labels(pictures: Pictures) -> None:
    time.sleep(0.06)
    pictures.check()
    pictures.yaml.write_text("train: images/train\nval: images/val\nnames: [only]\n")
    assert "class 1 is out of range" in pictures.problems()[0]


def test_a_broken_cache_is_ignored(pictures: Pictures) -> None:
    time.sleep(0.06)
    digest = pictures.check().digest
    cache_file(pictures.home).write_text('{"header": 3')
    assert pictures.check().digest == digest
