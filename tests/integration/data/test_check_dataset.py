"""Every problem of a data set is named with its place, all at once; nothing is written into its folder."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from PIL import Image
from small_dataset import YAML, Pictures


def test_a_good_set_passes(pictures: Pictures) -> None:
    dataset = pictures.check()
    assert dataset.names == {0: "신호등", 1: "stop"}
    assert (dataset.nc, len(dataset.train), len(dataset.val), dataset.test) == (2, 6, 3, ())
    assert dataset.train == tuple(pictures.image(f"p{i}") for i in range(6))
    assert dataset.name == pictures.folder.name
    assert dataset.warnings == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("- a\n- b\n", "must be a mapping"),
        ("train: [a\nval: }", "line 2 is not valid YAML"),
        ("train: !!python/object/apply:os.system ['touch /tmp/x']\n", "is not valid YAML"),
        ("nc: 2\nnames: [a, b]\nval: images/val\n", "the key `train` is missing"),
        ("nc: 2\nnames: [a, b]\ntrain: images/train\n", "the key `val` is missing"),
        ("train: images/train\nval: images/val\n", "the key `names` is missing"),
        (YAML.replace("nc: 2", "nc: 3"), "`nc: 3` does not match the 2 entries"),
        (YAML.replace("nc: 2", "nc: two"), "`nc: two` must be a whole number"),
        (YAML.replace("1: stop", "4: stop"), "must be 0 to 1, without gaps; they are 0, 4"),
        (YAML.replace("{0: 신호등, 1: stop}", "stop"), "`names` must be a list"),
        (YAML.replace("1: stop", "1:"), "`names` must be plain text, which it is not for class 1"),
        (YAML.replace("images/val", "images/nowhere"), "`val: images/nowhere` does not exist: looked at /"),
        (YAML.replace("images/val", "7"), "`val` must be a path or a list of paths, not 7"),
        (YAML + "path: elsewhere\n", "elsewhere/images/train"),
        (YAML + "path: [a]\n", "`path` must be a path"),
        (YAML + "kpt_shape: [17, 3]\n", "`kpt_shape` describes poses"),
        (YAML + "channels: 1\n", "only pictures with 3 channels"),
        (YAML + "download: bash get.sh\n", "data.allow_download=true"),
    ],
)
def test_bad_yaml(pictures: Pictures, text: str, expected: str) -> None:
    pictures.yaml.write_text(text, encoding="utf-8")
    problems = pictures.problems()
    assert any(expected in problem for problem in problems), problems
    assert all(str(pictures.yaml) in problem for problem in problems)


def test_yaml_is_missing_or_a_folder(pictures: Pictures) -> None:
    pictures.yaml.unlink()
    assert pictures.problems() == (f"{pictures.yaml}: no such data.yaml.",)
    pictures.yaml.mkdir()
    assert "is a folder" in pictures.problems()[0]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("0 0.5 0.5 0.2", "has 4 columns, a box has 5"),
        ("0 0.5 0.5 0.2 0.2 0.9", "has 6 columns"),
        ("0 0.5 zero 0.2 0.2", "'zero' is not a number"),
        ("0 0.5 nan 0.2 0.2", "'nan' is not a finite number"),
        ("2 0.5 0.5 0.2 0.2", "class 2 is out of range: the 2 names of the data set have the ids 0 to 1"),
        ("-1 0.5 0.5 0.2 0.2", "class -1 is out of range"),
        ("0.5 0.5 0.5 0.2 0.2", "class 0.5 is not an integer"),
        ("0 1.5 0.5 0.2 0.2", "outside the picture: it spans x 1.4 to 1.6"),
        ("0 0.95 0.5 0.2 0.2", "outside the picture: it spans x 0.85 to 1.05"),
        ("0 16 12 8 8", "these look like pixels"),
        ("0 0.5 0.5 -0.2 0.2", "must not be negative"),
        ("0 0.1 0.1 0.9 0.1 0.5 0.9", "is a box in a file of polygons"),
    ],
)
def test_bad_label_line(pictures: Pictures, line: str, expected: str) -> None:
    file = pictures.label("p3")
    file.write_text(f"1 0.5 0.5 0.1 0.1\n\n{line}\n", encoding="utf-8")
    number = 1 if "polygons" in expected else 3
    (problem,) = pictures.problems()
    assert problem.startswith(f"{file}, line {number}: ")
    assert expected in problem


def test_label_file_that_is_not_text(pictures: Pictures) -> None:
    pictures.label("p0").write_bytes(b"\xff\xfe\x00\x81")
    assert pictures.problems() == (f"{pictures.label('p0')}: is not a text file in UTF-8.",)


def test_polygons_count_as_boxes(pictures: Pictures) -> None:
    pictures.label("p0").write_text("0 0.1 0.1 0.9 0.1 0.5 0.9\n")
    assert pictures.check().warnings == ()


def test_unreadable_pictures(pictures: Pictures) -> None:
    Image.effect_noise((300, 200), 80).convert("RGB").save(pictures.image("p0"))
    content = pictures.image("p0").read_bytes()
    pictures.image("p0").write_bytes(content[: len(content) // 2])
    pictures.image("p1").write_text("no picture")
    pictures.image("p2").write_bytes(b"")
    Image.new("RGB", (8, 40)).save(pictures.image("p3"))
    Image.new("RGB", (40, 40)).save(pictures.image("p4"), format="GIF")
    problems = pictures.problems()
    assert [str(pictures.image(f"p{i}")) in problem for i, problem in enumerate(problems)] == [True] * 5
    assert "truncated" in problems[0]
    assert "no picture that Pillow knows" in problems[1]
    assert "only 8x40 pixels" in problems[3]
    assert "is a GIF file" in problems[4]


def test_empty_split_and_split_without_boxes(pictures: Pictures) -> None:
    for i in range(3):
        pictures.image(f"p{i}", "val").unlink()
    for i in range(6):
        pictures.label(f"p{i}").write_text("")
    problems = pictures.problems()
    assert len(problems) == 2
    assert "none of the 6 train pictures has a box" in problems[0]
    assert str(pictures.label("p0")) in problems[0]
    assert "`val`: no picture: looked in" in problems[1]


def test_all_problems_at_once_and_the_rest_counted(pictures: Pictures) -> None:
    pictures.yaml.write_text(YAML + "download: x\nkpt_shape: [2, 2]\ntest: nowhere\n", encoding="utf-8")
    pictures.label("p0").write_text("0 0.5 0.5\n" * 9)
    pictures.label("p1").write_text("9 0.5 0.5 0.1 0.1\n0 2 2 1 1\n")
    pictures.image("p2").write_text("broken")
    problems = pictures.problems()
    text = "\n".join(problems)
    for part in (
        "`download:`",
        "kpt_shape",
        "test: nowhere",
        "class 9",
        "p1.txt, line 2",
        "p2.jpg cannot be",
    ):
        assert part in text
    assert text.count("p0.txt, line") == 5
    assert "… and 4 more broken label lines (9 in all)." in problems


def test_pictures_in_both_splits_are_a_warning(pictures: Pictures) -> None:
    for i in range(2):
        shutil.copy(pictures.image(f"p{i}"), pictures.image(f"p{i}", "val"))
    (warning,) = pictures.check().warnings
    assert warning.startswith("2 pictures are in both train and val")


def test_background_repeated_and_flat_labels_are_warnings(pictures: Pictures) -> None:
    pictures.label("p0").unlink()
    pictures.label("p1").write_text("0 0.5 0.5 0.1 0.1\n0 0.5 0.5 0.1 0.1\n1 0.5 0.5 0 0.1\n")
    warnings = pictures.check().warnings
    assert [warning[:30] for warning in warnings] == [
        "1 of 6 train pictures have no ",
        "1 repeated label lines, which ",
        "1 boxes without area (the firs",
    ]


def test_other_ways_to_name_a_split(pictures: Pictures) -> None:
    digest = pictures.check().digest
    train = "\n".join(f"./images/train/p{i}.jpg" for i in range(6))
    (pictures.folder / "train.txt").write_text(train + "\nnotes.md\n", encoding="utf-8-sig")
    head = "names: [a, b]\n"
    pictures.yaml.write_text(f"{head}train: train.txt\nvalidation: [images/val]\ntest: images/val\n")
    dataset = pictures.check()
    assert (len(dataset.train), len(dataset.val), len(dataset.test)) == (6, 3, 3)
    assert dataset.digest != digest
    below = pictures.folder / "conf"
    below.mkdir()
    (below / "set.yaml").write_text(f"{head}path: ..\ntrain: [images/train]\nval: images/val\n")
    pictures.yaml.unlink()
    from sweep.data.check import check_dataset

    moved = check_dataset(below / "set.yaml", pictures.home)
    assert moved.train == dataset.train
    assert moved.name == "set"


def test_a_listed_picture_that_is_missing(pictures: Pictures) -> None:
    (pictures.folder / "train.txt").write_text("./images/train/p0.jpg\n./images/train/gone.jpg\n")
    pictures.yaml.write_text(YAML.replace("images/train", "train.txt"), encoding="utf-8")
    (problem,) = pictures.problems()
    assert problem.startswith(f"{pictures.folder}/train.txt, line 2: this picture does not exist")


def test_roboflow_spelling(pictures: Pictures) -> None:
    pictures.yaml.write_text("train: ../images/train\nval: ../images/val\nnames: ['0', '1']\n")
    assert len(pictures.check().train) == 6


def test_only_nc_given(pictures: Pictures) -> None:
    pictures.yaml.write_text("train: images/train\nval: images/val\nnc: 2\n")
    dataset = pictures.check()
    assert dataset.names == {0: "class_0", 1: "class_1"}
    assert "has no `names`" in dataset.warnings[0]


def test_hidden_files_and_other_extensions_are_passed_over(pictures: Pictures) -> None:
    shutil.copy(pictures.image("p0"), pictures.folder / "images/train/.p9.jpg")
    (pictures.folder / "images/train/Thumbs.db").write_bytes(b"x")
    (pictures.folder / "images/train/jpg").write_bytes(b"x")
    assert len(pictures.check().train) == 6


def test_nothing_is_written_into_the_folder(pictures: Pictures) -> None:
    before = pictures.listing()
    for folder in (pictures.folder, *(p for p in pictures.folder.rglob("*") if p.is_dir())):
        folder.chmod(0o555)
    try:
        pictures.check()
        pictures.check()
        assert pictures.listing() == before
    finally:
        for folder in (pictures.folder, *(p for p in pictures.folder.rglob("*") if p.is_dir())):
            folder.chmod(0o755)


def test_digest_is_of_content_not_of_place_or_time(pictures: Pictures, tmp_path: Path) -> None:
    digest = pictures.check().digest
    copy = Pictures(tmp_path / "copy", pictures.home)
    shutil.copytree(pictures.folder, copy.folder, copy_function=shutil.copyfile)
    assert copy.check().digest == digest
    copy.yaml.write_text(YAML.replace("stop", "halt"), encoding="utf-8")
    assert copy.check().digest != digest


def test_download_is_executed_only_where_allowed_and_needed(pictures: Pictures) -> None:
    pictures.yaml.write_text(YAML + "download: raise SystemExit('ran')\n", encoding="utf-8")
    assert len(pictures.check(allow_download=True).train) == 6  # nothing is missing, so it is not run
    assert "data.allow_download=true" in pictures.problems()[0]


def test_allowed_download_goes_to_home(pictures: Pictures) -> None:
    source = pictures.folder
    code = f"import shutil; shutil.copytree({str(source / 'images')!r}, yaml['path'] / 'images'); "
    code += f"shutil.copytree({str(source / 'labels')!r}, yaml['path'] / 'labels')"
    wanted = Pictures(source.parent / "wanted", pictures.home)
    wanted.folder.mkdir()
    wanted.yaml.write_text(
        f'path: few\ntrain: images/train\nval: images/val\nnames: [a, b]\ndownload: "{code}"\n',
        encoding="utf-8",
    )
    before = wanted.listing()
    dataset = wanted.check(allow_download=True)
    assert dataset.train[0].is_relative_to(pictures.home / "datasets" / "downloads" / "few")
    assert wanted.check(allow_download=True) == dataset
    assert wanted.listing() == before
