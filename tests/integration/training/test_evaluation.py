"""One pass over the validation images gives Ultralytics' own figures and what they are made from, image by image."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

from sweep.data.check import check_dataset
from sweep.data.dataset import Dataset
from sweep.data.labels import label_path
from sweep.data.ultralytics_yaml import write_view
from sweep.evaluation import evaluate_best
from sweep.statistics.images import ImageStatistics, load_statistics
from sweep.tracking import names

pytestmark = pytest.mark.slow
CONF = Path(__file__).parents[3] / "conf"
IMGSZ, BATCH = 64, 16
RECIPE = {"imgsz": str(IMGSZ), "batch": str(BATCH)}  # as a run's params have them


@dataclass
class Shop:
    """A user's data set, a home, and a model that was trained on it."""

    user: Path
    home: Path
    data: Dataset
    view: Path
    checkpoint: Path
    untouched: list[tuple[str, int, int]]


def listing(folder: Path) -> list[tuple[str, int, int]]:
    return sorted((str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in [folder, *folder.rglob("*")])


def make_data(signs: Path, user: Path) -> Path:
    """The built-in signs with a test split, val in two folders and odd JPEGs."""
    shutil.copytree(signs / "images" / "train", user / "images" / "train")
    shutil.copytree(signs / "labels" / "train", user / "labels" / "train")
    pictures = sorted((signs / "images" / "val").iterdir())
    for number, picture in enumerate(pictures):
        folder = "test" if number < 12 else "val/day" if number < 48 else "val/night"
        image = user / "images" / folder / f"{picture.stem if folder == 'test' else f'p{number % 16}-{number % 3}'}.png"
        image.parent.mkdir(parents=True, exist_ok=True)
        label = Path(label_path(str(image)))
        label.parent.mkdir(parents=True, exist_ok=True)
        if folder == "val/night":
            image = image.with_suffix(".jpg")
            Image.open(picture).convert("RGB").save(image, quality=95)
            image.write_bytes(image.read_bytes() + (b"trailing" if number % 2 else b""))
        else:
            shutil.copyfile(picture, image)
        shutil.copyfile(label_path(str(picture)), label)
    content = yaml.safe_load((signs / "data.yaml").read_text("utf-8")) | {"val": "images/val", "test": "images/test"}
    (user / "data.yaml").write_text(yaml.safe_dump(content), "utf-8")
    return user / "data.yaml"


def option(name: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((CONF / f"{name}.yaml").read_text("utf-8"))
    return content


@pytest.fixture(scope="module")
def shop(signs_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    from sweep.architecture.resolve import resolve_model
    from sweep.training.environment import prepare_ultralytics
    from sweep.training.train import train

    folder = tmp_path_factory.mktemp("shop")
    user, home = folder / "user", folder / "home"
    home.mkdir()
    file = make_data(signs_home / "datasets" / "signs", user)
    before = listing(user)
    prepare_ultralytics(home)
    data = check_dataset(file, home)
    view = write_view(data, home)
    model = resolve_model(option("base/yolo11n"), option("levels/4"), option("act/relu"), data.nc)
    recipe = option("recipe/quick")
    recipe = {key: value for key, value in recipe.items() if key != "name"} | {"imgsz": IMGSZ, "epochs": 8}
    trained = train(
        model.yaml,
        recipe,
        view=view,
        seed=0,
        device="cpu",
        folder=folder / "cell",
        weights=None,
        on_epoch=lambda *_: None,
    )
    return Shop(user, home, data, view, trained.best, before)


def evaluate(shop: Shop, folder: Path, **options: Any) -> Any:
    from sweep.training.train import evaluate

    options = {"imgsz": IMGSZ, "batch": BATCH} | options
    model = options.pop("model", shop.checkpoint)
    return evaluate(model, view=shop.view, device="cpu", folder=folder, **options)


def evaluate_and_load(shop: Shop, folder: Path) -> ImageStatistics:
    evaluated = evaluate_best(shop.checkpoint, shop.data, shop.view, RECIPE, "cpu", folder)
    return load_statistics(evaluated.files[names.STATISTICS])


def test_the_figures_are_those_of_plain_ultralytics_to_the_bit(shop: Shop, tmp_path: Path) -> None:
    from ultralytics import YOLO

    plain = YOLO(str(shop.checkpoint)).val(
        data=str(shop.view), imgsz=IMGSZ, batch=BATCH, device="cpu", plots=False, project=str(tmp_path)
    )
    figures = evaluate(shop, tmp_path).figures
    assert figures["mAP50"] > 0.3, "the training worked"
    assert figures == {name: plain.results_dict[f"metrics/{name}(B)"] for name in figures}


def test_the_kept_statistics_give_the_same_map(shop: Shop, tmp_path: Path) -> None:
    from sweep.statistics.ap import average_precision

    for split in ("val", "test"):
        evaluation = evaluate(shop, tmp_path, split=split)
        ours = average_precision(evaluation.statistics)
        assert ours.map50 == pytest.approx(evaluation.figures["mAP50"], abs=1e-6)
        assert ours.map5095 == pytest.approx(evaluation.figures["mAP50-95"], abs=1e-6)


def test_every_object_and_every_detection_is_there_once(shop: Shop, tmp_path: Path) -> None:
    kept = evaluate_and_load(shop, tmp_path)
    by_name = {path.relative_to(shop.user / "images" / "val").as_posix(): path for path in shop.data.val}
    assert set(kept.images) == set(by_name)
    assert len(set(kept.images)) == len(shop.data.val) == 52
    assert {Path(name).parts[0] for name in kept.images} == {"day", "night"}
    for index, name in enumerate(kept.images):
        lines = Path(label_path(str(by_name[name]))).read_text("utf-8").splitlines()
        here = kept.object_category[kept.object_image == index]
        assert sorted(here) == sorted(int(line.split()[0]) for line in lines)
    assert kept.correct.shape == (len(kept.image), 10)
    assert kept.confusion is not None
    objects = np.bincount(kept.object_category, minlength=shop.data.nc)
    assert np.array_equal(kept.confusion.sum(axis=0)[:-1], objects)
    sure = kept.category[kept.confidence > kept.confusion_confidence]
    assert np.array_equal(kept.confusion.sum(axis=1)[:-1], np.bincount(sure, minlength=shop.data.nc))


def test_copies_in_home_carry_the_names_of_the_users_pictures(shop: Shop, tmp_path: Path) -> None:
    listed = (shop.view.parent / "val.txt").read_text("utf-8").splitlines()
    copies = [line for line in listed if line.startswith(str(shop.home))]
    assert len(copies) == 8
    kept = evaluate_and_load(shop, tmp_path)
    own = {picture.relative_to(shop.user / "images" / "val").as_posix() for picture in shop.data.val}
    assert set(kept.images) == own


def test_a_cell_gets_intervals_and_the_test_split_and_the_same_bytes_again(shop: Shop, tmp_path: Path) -> None:
    evaluated = []
    for name in ("once", "again"):
        (tmp_path / name).mkdir()
        evaluated.append(evaluate_best(shop.checkpoint, shop.data, shop.view, RECIPE, "cpu", tmp_path / name))
    metrics = evaluated[0].metrics
    assert metrics == evaluated[1].metrics
    assert set(metrics) == {*names.BEST, *names.INTERVAL_METRICS, *names.TEST}
    for metric, (low, high) in names.INTERVALS.items():
        assert 0 <= metrics[low] <= metrics[metric] <= metrics[high] <= 1
    test = evaluate(shop, tmp_path, split="test").figures
    assert [metrics[name] for name in names.TEST] == [test["mAP50"], test["mAP50-95"]]
    files = [one.files[names.STATISTICS] for one in evaluated]
    assert files[0].read_bytes() == files[1].read_bytes()
    assert load_statistics(files[0]).replicates is not None


def test_a_test_split_without_labels_says_nothing(shop: Shop, tmp_path: Path) -> None:
    user = shutil.copytree(shop.user, tmp_path / "user")
    shutil.rmtree(user / "labels" / "test")
    data = check_dataset(user / "data.yaml", shop.home)
    metrics = evaluate_best(shop.checkpoint, data, write_view(data, shop.home), RECIPE, "cpu", tmp_path).metrics
    assert set(metrics) == {*names.BEST, *names.INTERVAL_METRICS}


def test_an_exported_file_is_evaluated_too(shop: Shop, tmp_path: Path) -> None:
    from ultralytics import YOLO

    from sweep.npu.graph import count_nodes

    exported = count_nodes(shop.checkpoint, IMGSZ, tmp_path).path
    evaluation = evaluate(shop, tmp_path, model=exported)
    plain = YOLO(str(exported), task="detect").val(
        data=str(shop.view), imgsz=IMGSZ, device="cpu", plots=False, project=str(tmp_path)
    )
    assert evaluation.figures == {name: plain.results_dict[f"metrics/{name}(B)"] for name in evaluation.figures}
    assert evaluation.statistics.classes == shop.data.names


def test_nothing_is_written_beside_the_users_pictures(shop: Shop, tmp_path: Path) -> None:
    evaluate(shop, tmp_path)
    evaluate(shop, tmp_path, split="test")
    assert listing(shop.user) == shop.untouched


def test_a_picture_that_a_list_names_twice_has_two_names() -> None:
    from sweep.training.validator import image_names

    assert image_names(["/d/a/1.png", "/d/b/1.png", "/d/a/1.png"]) == ("a/1.png", "b/1.png", "a/1.png (2)")
    assert image_names(["/data/신호/한 장.jpg"]) == ("한 장.jpg",)
