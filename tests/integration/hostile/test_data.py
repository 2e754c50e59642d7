"""What a data set holds is looked at within bounds, read wherever it lies, and written nowhere but in home."""

from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path

import pytest
from PIL import Image

from support.pictures import make_pictures
from sweep.data import facts
from sweep.data.check import check_dataset
from sweep.data.facts import image_facts, label_facts
from sweep.data.ultralytics_yaml import write_view
from sweep.errors import SweepError


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(path: Path, width: int, height: int, *more: bytes) -> Path:
    """A PNG of that size by its header, with chunks of one's own, and hardly any pixels."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    body = chunk(b"IDAT", zlib.compress(bytes(1000)))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + header + b"".join(more) + body + chunk(b"IEND", b""))
    return path


@pytest.mark.parametrize("size", [(20_000, 20_000), (9_500, 9_500), (2**31 - 1, 2**31 - 1), (11, 2**31 - 1)])
def test_a_picture_that_is_too_large_is_not_decoded(size: tuple[int, int], tmp_path: Path) -> None:
    flaw = image_facts(str(png(tmp_path / "bomb.png", *size)), pixels=False)["flaw"]
    assert "too large to be decoded" in flaw
    assert "89,478,485 pixels" in flaw


@pytest.mark.parametrize("kind", [b"zTXt", b"iCCP", b"iTXt"])
def test_a_chunk_that_unpacks_to_a_gigabyte(kind: bytes, tmp_path: Path) -> None:
    import resource

    packer = zlib.compressobj(9)
    packed = b"".join(packer.compress(bytes(2**20)) for _ in range(1024)) + packer.flush()
    content = b"name\0\1\0\0\0" + packed if kind == b"iTXt" else b"name\0\0" + packed
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert image_facts(str(png(tmp_path / "bomb.png", 32, 32, chunk(kind, content))), pixels=False)["flaw"]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300 * 1024


def test_a_file_that_is_too_large_for_what_it_is(tmp_path: Path) -> None:
    for path, most in ((tmp_path / "a.png", facts.MOST_PICTURE_BYTES), (tmp_path / "a.txt", facts.MOST_LABEL_BYTES)):
        with path.open("wb") as stream:
            stream.truncate(most * 40)  # a sparse file, which takes no room
    assert "more than 512 MB" in image_facts(str(tmp_path / "a.png"), pixels=False)["flaw"]
    assert "more than 16 MB" in label_facts(str(tmp_path / "a.txt"), 2)["flaws"][0][2]


def test_a_picture_that_another_program_would_have_to_draw(tmp_path: Path) -> None:
    """Pillow runs Ghostscript for it, which runs what the picture holds."""
    code = "%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 32 32\n%%EndComments\n(%pipe%touch canary) (w) file\n%%EOF\n"
    (tmp_path / "a.png").write_text(code)
    assert "is a EPS file" in image_facts(str(tmp_path / "a.png"), pixels=False)["flaw"]


def test_pipes_and_devices_are_not_read(tmp_path: Path) -> None:
    yaml = make_pictures(tmp_path / "set")
    for file in ("images/train/p0.png", "labels/train/p1.txt"):
        (yaml.parent / file).unlink()
        os.mkfifo(yaml.parent / file)
    (yaml.parent / "labels" / "train" / "p2.txt").unlink()
    (yaml.parent / "labels" / "train" / "p2.txt").symlink_to("/dev/zero")
    assert len(check_dataset(yaml, tmp_path / "home").train) == 3


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder of somebody else's pictures, beside the data set."""
    return make_pictures(tmp_path / "other").parent


def tree(folder: Path) -> dict[str, tuple[int, int]]:
    every = [folder, *folder.rglob("*")]
    return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in every}


@pytest.mark.parametrize("way", ["relative", "absolute", "list", "link to a picture", "link to a folder", "path"])
def test_pictures_elsewhere_are_only_read(way: str, outside: Path, tmp_path: Path) -> None:
    yaml = make_pictures(tmp_path / "set", shade=2)
    open_end = outside / "images" / "train" / "p9.jpg"
    Image.new("RGB", (32, 24), "red").save(open_end)
    open_end.write_bytes(open_end.read_bytes() + b"\0")  # Ultralytics would rewrite it where it lies
    (outside / "labels" / "train" / "p9.txt").write_text("0 0.5 0.5 0.1 0.1\n")
    text = yaml.read_text("utf-8")
    if way == "relative":
        text = text.replace("train: images/train", "train: ../other/images/train")
    elif way == "absolute":
        text = text.replace("train: images/train", f"train: {outside}/images/train")
    elif way == "list":
        (yaml.parent / "list.txt").write_text(f"../other/images/train/p0.png\n{open_end}\n")
        text = text.replace("train: images/train", "train: list.txt")
    elif way == "path":
        text = f"path: {outside}\n{text}"
    elif way == "link to a picture":
        (yaml.parent / "images" / "train" / "link.jpg").symlink_to(open_end)
    else:
        (yaml.parent / "images" / "train" / "linked").symlink_to(outside / "images" / "train")
    yaml.write_text(text, "utf-8")
    before = tree(outside) | tree(yaml.parent)
    dataset = check_dataset(yaml, tmp_path / "home")
    view = write_view(dataset, tmp_path / "home")
    assert view.is_relative_to(tmp_path / "home")
    assert tree(outside) | tree(yaml.parent) == before
    warned = [warning for warning in dataset.warnings if "lie outside" in warning]
    assert bool(warned) == (way in {"relative", "absolute", "list"}), dataset.warnings
    assert all(str(outside) in warning and "nothing is written there" in warning for warning in warned)


@pytest.mark.parametrize("entry", ["../../../../../../etc", "/etc", "/etc/passwd", "/proc/self"])
def test_places_that_hold_no_pictures(entry: str, tmp_path: Path) -> None:
    yaml = make_pictures(tmp_path / "set")
    yaml.write_text(yaml.read_text("utf-8").replace("images/train", entry), "utf-8")
    with pytest.raises(SweepError, match=r"no picture|cannot be read"):
        check_dataset(yaml, tmp_path / "home")
