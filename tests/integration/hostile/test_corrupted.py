"""200 pictures and checkpoints cut short, with flipped bits or parts of others: a sentence for each, or it is fine."""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from support.hostile import write_detector
from support.pictures import make_pictures
from sweep.architecture.checkpoint import read_checkpoint
from sweep.data.check import check_dataset
from sweep.errors import SweepError
from sweep.training.environment import prepare_ultralytics
from sweep.weights import weights_problem

EACH = 100
FORMATS = {"png": "PNG", "jpg": "JPEG", "webp": "WEBP", "bmp": "BMP", "tif": "TIFF"}


def cut(content: bytes, chance: random.Random) -> bytes:
    return content[: chance.randrange(len(content))]


def flipped(content: bytes, chance: random.Random) -> bytes:
    changed = bytearray(content)
    some = min(2048, len(content))
    start = chance.choice((0, len(content) - some))  # headers, or the directory of an archive, are struck more often
    for _ in range(chance.randint(1, 20)):
        place = chance.choice((chance.randrange(len(content)), start + chance.randrange(some)))
        changed[place] ^= 1 << chance.randrange(8)
    return bytes(changed)


def spliced(content: bytes, chance: random.Random) -> bytes:
    a, b, c = sorted(chance.randrange(len(content)) for _ in range(3))
    return content[:b] + content[a:c] + content[b:]


DAMAGES: list[Callable[[bytes, random.Random], bytes]] = [cut, flipped, spliced]


def test_pictures(tmp_path: Path) -> None:
    yaml, chance = make_pictures(tmp_path / "set"), random.Random(0)
    folder = yaml.parent / "images" / "train"
    names = []
    for number in range(EACH):
        extension = list(FORMATS)[number % len(FORMATS)]
        stream = io.BytesIO()
        pixels = np.random.default_rng(number).integers(0, 256, (48, 64, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(stream, FORMATS[extension])
        names.append(f"bad{number:03d}.{extension}")
        damage = DAMAGES[number // len(FORMATS) % len(DAMAGES)]
        (folder / names[-1]).write_bytes(damage(stream.getvalue(), chance))
    with pytest.raises(SweepError) as raised:
        check_dataset(yaml, tmp_path / "home")
    said = raised.value.problems
    assert any("bad" in problem for problem in said)
    assert not any(f"train/p{i}" in problem for problem in said for i in range(4)), "a good picture was refused"
    found = next(problem for problem in said if "more unreadable pictures" in problem)
    assert "in all" in found


def test_checkpoints(tmp_path: Path) -> None:
    prepare_ultralytics(tmp_path / "home")
    whole = write_detector(tmp_path / "whole.pt").read_bytes()
    chance, refused, opened = random.Random(1), 0, 0
    for number in range(EACH):
        path = tmp_path / "damaged.pt"
        path.write_bytes(DAMAGES[number % len(DAMAGES)](whole, chance))
        problem = weights_problem(path)
        try:
            assert read_checkpoint(path).names
            opened += 1
        except SweepError as error:
            assert all(str(path) in sentence for sentence in error.problems)
            refused += 1
        assert problem is None or str(path) in problem
    assert refused + opened == EACH
    assert refused > EACH / 2, "hardly anything was damaged"
