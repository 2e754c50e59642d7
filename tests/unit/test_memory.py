"""How much memory a cell is expected to take."""

from __future__ import annotations

import pytest

from sweep.devices import Devices
from sweep.memory import estimate_gb

RECIPE = {"batch": 16, "imgsz": 320}
BASE = {"scale": "n"}
CPU, GPU = Devices("cpu"), Devices("cuda", (0,))


@pytest.mark.parametrize("devices", [CPU, GPU])
@pytest.mark.parametrize("change", [{"batch": 32}, {"imgsz": 640}])
def test_larger_batches_and_pictures_need_more(devices: Devices, change: dict[str, int]) -> None:
    assert estimate_gb(RECIPE | change, BASE, devices) > estimate_gb(RECIPE, BASE, devices)


def test_memory_grows_with_the_area_of_the_pictures() -> None:
    nothing = estimate_gb({"batch": 0, "imgsz": 320}, BASE, CPU)
    once, twice = (estimate_gb({"batch": 16, "imgsz": size}, BASE, CPU) - nothing for size in (320, 640))
    assert twice == pytest.approx(4 * once)


def test_larger_models_need_more_and_an_unknown_scale_is_taken_for_the_smallest() -> None:
    needs = [estimate_gb(RECIPE, {"scale": scale}, GPU) for scale in "nsmlx"]
    assert needs == sorted(set(needs))
    assert estimate_gb(RECIPE, {"scale": None}, GPU) == needs[0]
