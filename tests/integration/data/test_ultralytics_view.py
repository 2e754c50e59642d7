"""The view is what Ultralytics reads: the same pictures and boxes, and nothing to write for it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import yaml
from small_dataset import Pictures

from sweep.data.labels import decode_labels, label_path
from sweep.data.ultralytics_yaml import write_view


def test_view_has_absolute_paths_and_no_path_or_download(pictures: Pictures) -> None:
    dataset = pictures.check()
    view = write_view(dataset, pictures.home)
    assert view.is_relative_to(pictures.home / "datasets" / "views")
    content = yaml.safe_load(view.read_text(encoding="utf-8"))
    names = {0: "신호등", 1: "stop"}
    assert content == {"train": "train.txt", "val": "val.txt", "nc": 2, "names": names}
    lines = (view.parent / "train.txt").read_text(encoding="utf-8").splitlines()
    assert lines == [str(path) for path in dataset.train]


def test_view_is_the_same_from_many_threads(pictures: Pictures) -> None:
    dataset = pictures.check()
    with ThreadPoolExecutor(8) as pool:
        views = set(pool.map(lambda _: write_view(dataset, pictures.home), range(24)))
    (view,) = views
    assert sorted(path.name for path in view.parent.iterdir()) == ["data.yaml", "train.txt", "val.txt"]
    times = [path.stat().st_mtime_ns for path in view.parent.iterdir()]
    write_view(dataset, pictures.home)
    assert times == [path.stat().st_mtime_ns for path in view.parent.iterdir()]


def test_ultralytics_reads_the_same(pictures: Pictures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YOLO_CONFIG_DIR", str(tmp_path))
    monkeypatch.setenv("YOLO_OFFLINE", "1")
    from ultralytics.data.utils import verify_image_label

    pictures.label("p0").write_text("0 0.1 0.1 0.9 0.1 0.5 0.9\n1 0 0 1 0 1 1 0 1\n")
    pictures.label("p1").write_text("\ufeff0 0.2 0.3 0.1 0.1\r\n1 1.0 0.5 0.01 0.2\r\n", encoding="utf-8")
    pictures.image("p2").write_bytes(pictures.image("p2").read_bytes() + b"trailing")
    before = pictures.listing()
    dataset = pictures.check()
    assert "1 JPEG files lack the end marker" in dataset.warnings[0]
    view = write_view(dataset, pictures.home)
    paths = (view.parent / "train.txt").read_text(encoding="utf-8").splitlines()
    for path in paths:
        label = label_path(path)
        found = verify_image_label((path, label, "", False, 2, 0, 0, False))
        mine = np.array(decode_labels(Path(label).read_bytes(), 2).boxes, dtype=np.float32)
        assert "restored" not in found[-1]
        np.testing.assert_allclose(found[1], mine, atol=1e-7)
    assert pictures.listing() == before
    assert paths[2] != str(dataset.train[2])
    assert Path(paths[2]).is_relative_to(view.parent)
