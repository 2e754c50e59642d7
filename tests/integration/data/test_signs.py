"""The built-in set is drawn once, completely, and the same everywhere."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from sweep.data.check import check_dataset
from sweep.data.signs import DIGEST, ensure_signs, pixels_digest, signs_undrawn

NAMES = ["speed_limit", "stop", "yield", "no_entry", "crosswalk", "traffic_light"]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which two processes wanted the set at the same time."""
    home = tmp_path_factory.mktemp("home")
    code = "import sys, pathlib, sweep.data.signs as s; s.ensure_signs(pathlib.Path(sys.argv[1]))"
    drawing = [subprocess.Popen([sys.executable, "-c", code, str(home)]) for _ in range(2)]
    assert [process.wait() for process in drawing] == [0, 0]
    return home


def test_pixels_and_labels_are_the_same_on_every_machine(home: Path) -> None:
    folder = ensure_signs(home).parent
    assert folder == home / "datasets" / "signs"
    assert pixels_digest(folder) == DIGEST


def test_what_is_known_before_drawing_is_what_is_drawn(home: Path, tmp_path: Path) -> None:
    undrawn = signs_undrawn(tmp_path)
    assert undrawn is not None
    assert list(tmp_path.iterdir()) == []
    drawn = check_dataset(ensure_signs(home), home, name="signs")
    assert (undrawn.digest, undrawn.names, undrawn.name) == (drawn.digest, drawn.names, drawn.name)
    assert signs_undrawn(home) is None


def test_it_passes_its_own_check_and_has_the_same_digest(home: Path) -> None:
    dataset = check_dataset(ensure_signs(home), home, name="signs")
    assert (dataset.digest, dataset.warnings, dataset.name) == (DIGEST, (), "signs")
    assert (len(dataset.train), len(dataset.val), list(dataset.names.values())) == (256, 64, NAMES)


def test_classes_are_balanced_and_boxes_of_sensible_size(home: Path) -> None:
    for split, least in (("train", 90), ("val", 20)):
        lines = [
            [float(field) for field in line.split()]
            for file in (home / "datasets/signs/labels" / split).iterdir()
            for line in file.read_text().splitlines()
        ]
        assert min(Counter(line[0] for line in lines).values()) >= least
        assert all(min(line[3:]) * 160 >= 12 and max(line[3:]) * 160 <= 100 for line in lines)


def test_digest_does_not_depend_on_png_compression(home: Path, tmp_path: Path) -> None:
    from PIL import Image

    copy = tmp_path / "copy"
    shutil.copytree(home / "datasets" / "signs", copy)
    for file in list((copy / "images" / "val").iterdir())[:5]:
        with Image.open(file) as image:
            image.save(file, compress_level=9)
    assert check_dataset(copy / "data.yaml", tmp_path).digest == DIGEST
    (copy / "labels" / "val" / "sign_000.txt").write_text("0 0.5 0.5 0.5 0.5\n")
    assert check_dataset(copy / "data.yaml", tmp_path).digest != DIGEST


@pytest.mark.parametrize("damage", ["label gone", "other version", "no marker"])
def test_incomplete_or_old_sets_are_drawn_again(
    home: Path, tmp_path: Path, damage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "datasets" / "signs"
    shutil.copytree(home / "datasets" / "signs", folder)
    if damage == "label gone":
        (folder / "labels" / "train" / "sign_007.txt").unlink()
    elif damage == "other version":
        marker = json.loads((folder / "generated.json").read_text())
        (folder / "generated.json").write_text(json.dumps(marker | {"version": 0}))
    else:
        (folder / "generated.json").unlink()

    def copy(target: Path) -> None:
        shutil.copytree(home / "datasets" / "signs", target)

    # Drawing takes seconds and is checked above: here only when it happens and that it replaces the folder
    monkeypatch.setattr("sweep.data.signs.write.write_signs", copy)
    ensure_signs(tmp_path)
    assert (folder / "labels" / "train" / "sign_007.txt").is_file()
    assert json.loads((folder / "generated.json").read_text())["version"] == 1
    assert sorted(path.name for path in folder.parent.iterdir()) in (["signs", "signs.lock"], ["signs"])


def test_a_complete_set_is_left_alone(home: Path) -> None:
    before = (home / "datasets" / "signs").stat()
    ensure_signs(home)
    assert (home / "datasets" / "signs").stat().st_ino == before.st_ino
