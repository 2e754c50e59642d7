"""Calibration pictures are what Ultralytics would validate on, spread over the training split, in bounded memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sweep.errors import SweepError
from sweep.npu.calibration import calibration_images, random_images

SIZES = [(96, 96), (160, 160), (53, 37), (37, 53), (300, 11), (11, 300), (95, 96), (64, 33), (129, 200)]


def pictures_in(folder: Path, sizes: list[tuple[int, int]], mode: str = "RGB") -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(0)
    paths = [folder / f"p{index:03}.png" for index in range(len(sizes))]
    for path, (width, height) in zip(paths, sizes, strict=True):
        shape = (height, width, 3) if mode == "RGB" else (height, width)
        Image.fromarray(noise.integers(0, 256, shape, np.uint8), mode).save(path)
    return paths


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_they_are_bit_for_bit_what_ultralytics_validates_a_fixed_shape_export_on(tmp_path: Path, mode: str) -> None:
    from ultralytics.data.dataset import YOLODataset

    paths = pictures_in(tmp_path / "images", SIZES, mode)
    (tmp_path / "labels").mkdir()
    for path in paths:
        (tmp_path / "labels" / f"{path.stem}.txt").write_text("0 0.5 0.5 0.5 0.5")
    dataset = YOLODataset(
        img_path=str(tmp_path / "images"),
        imgsz=96,
        augment=False,
        rect=False,
        data={"names": {0: "sign"}, "channels": 3},
    )
    expected = np.stack([dataset[index]["img"].float().div(255).numpy() for index in range(len(paths))])

    images = calibration_images(paths, 96)

    assert images.dtype == np.float32
    assert np.array_equal(images, expected)


def test_they_are_spread_over_the_sorted_list_whatever_the_order_given(tmp_path: Path) -> None:
    paths = [tmp_path / f"p{index:03}.png" for index in range(20)]
    for index, path in enumerate(paths):
        Image.new("RGB", (32, 32), (10 * index, 0, 0)).save(path)

    images = calibration_images(paths[::-1], 32, count=5)

    assert [round(float(image[0].max()) * 255) for image in images] == [0, 40, 80, 120, 160]
    assert len(calibration_images(paths, 32, count=64)) == 20


def test_a_picture_that_cannot_be_read_is_left_out(tmp_path: Path) -> None:
    paths = pictures_in(tmp_path, [(32, 32)] * 4)
    paths[1].write_bytes(b"")
    paths[2].write_bytes(b"not a picture")
    paths[3].unlink()

    assert calibration_images(paths, 32).shape == (1, 3, 32, 32)


@pytest.mark.parametrize("count", [0, 3])
def test_no_picture_at_all_is_a_sentence(tmp_path: Path, count: int) -> None:
    with pytest.raises(SweepError, match=r"can be read.*train split"):
        calibration_images([tmp_path / f"{index}.png" for index in range(count)], 32)


def test_large_pictures_are_fewer(tmp_path: Path) -> None:
    path = pictures_in(tmp_path, [(40, 30)])[0]
    assert calibration_images([path] * 64, 640).nbytes <= 256_000_000
    assert len(calibration_images([path] * 64, 96)) == 64


def test_noise_is_the_same_every_time() -> None:
    noise = random_images(32, count=2)
    assert noise.shape == (2, 3, 32, 32)
    assert noise.dtype == np.float32
    assert 0 <= noise.min() < noise.max() <= 1
    assert np.array_equal(noise, random_images(32, count=2))
    assert not np.array_equal(noise, random_images(32, count=2, seed=1))
