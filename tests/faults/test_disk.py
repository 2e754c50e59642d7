"""A full disk, one that cannot be written, and one that fails while a sweep runs: real file systems each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from e2e.conftest import LIMIT_S, TINY, Desk, close_desk, make_desk
from faults.conftest import RunUndisturbed, Tell
from faults.outcome import TWO, check_as_undisturbed, check_exit, undisturbed_by
from faults.places import Disk, fill, in_memory, read_only
from sweep.training.state import finished_epochs

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]
OPTIONS = (*TINY, "recipe.epochs=4", "npu=none")
LARGE_FIRST = ("base=yolo11m,yolo11n", "level=4", "act=relu", *OPTIONS, "workers=1")


@pytest.fixture
def small(tmp_path: Path, signs: Path) -> Iterator[Desk]:
    """A folder of 3 GB with a home in it."""
    with in_memory(tmp_path / "small", 3000) as place:
        desk = make_desk(place, signs)
        yield desk
        close_desk(desk)


def first_epoch(event: dict[str, Any]) -> bool:
    return event["event"] == "epoch"


def write_large_base(desk: Desk) -> None:
    """A base whose state takes several times the room of another one's."""
    (desk.folder / "conf" / "base").mkdir(parents=True)
    (desk.folder / "conf" / "base" / "yolo11m.yaml").write_text("name: yolo11m\nmodel: yolo11.yaml\nscale: m\n")


def no_half_files(desk: Desk) -> bool:
    return not [path for pattern in (".*.part", "*.tmp", ".staging-*") for path in desk.home.rglob(pattern)]


def test_a_disk_too_full_for_one_cell(small: Desk, tmp_path: Path, signs: Path, tell: Tell) -> None:
    write_large_base(small)
    process = small.start(*LARGE_FIRST)
    small.wait_for(first_epoch)
    (state,) = small.home.glob("cells/*/*/state.pt")
    balloon = fill(small.folder, leave=int(state.stat().st_size * 0.85))
    output, _ = process.communicate(timeout=LIMIT_S)

    cells = check_exit(small, process.returncode, output)
    assert process.returncode == 1, output
    assert dict(zip(cells["base"], cells["status"], strict=True)) == {"yolo11m": "failed", "yolo11n": "finished"}
    reason = cells["reason"].iloc[0]
    assert "The disk is full" in reason, reason
    assert "python -m sweep clean" in reason, reason
    assert reason in " ".join(output.split()), "it is said at the end, too"
    kept = finished_epochs(state)
    assert kept >= 1, "the state of the epoch before is kept"
    assert no_half_files(small)

    balloon.unlink()
    code, output = small.run(*LARGE_FIRST)
    assert code == 0, output
    assert f"goes on after epoch {kept}" in output
    expected = make_desk(tmp_path / "beside", signs)
    write_large_base(expected)
    check_as_undisturbed(small, undisturbed_by(expected, LARGE_FIRST))
    tell(
        "a disk that fills up while a sweep runs, too full for one of its 2 cells", 1,
        f"exit code 1; that cell failed after epoch {kept}, told what to free; the other finished; no half files",
        "with room again the same command went on after that epoch: exit code 0, figures as undisturbed, to the bit",
    )  # fmt: skip


def test_a_disk_without_a_byte(small: Desk, undisturbed: RunUndisturbed, tell: Tell) -> None:
    process = small.start(*TWO)
    small.wait_for(first_epoch)
    balloon = fill(small.folder, leave=0)
    output, _ = process.communicate(timeout=LIMIT_S)

    assert process.returncode == 1, output
    assert "full" in output
    assert not list(small.home.glob("cells/**/.*.part"))

    balloon.unlink()
    code, output = small.run(*TWO)
    assert code == 0, output
    check_as_undisturbed(small, undisturbed(*TWO))
    tell(
        "a disk on which nothing is left while a sweep runs, not even for MLflow", 1, "exit code 1, no half files",
        "with room again the same command: exit code 0, figures as undisturbed, to the bit",
    )  # fmt: skip


@pytest.mark.parametrize("used", [False, True], ids=["new", "used"])
def test_a_home_that_is_mounted_read_only(desk: Desk, used: bool, tell: Tell) -> None:
    command = ("level=4", "act=relu", *OPTIONS)
    if used:
        code, output = desk.run(*command, "recipe.epochs=1")
        assert code == 0, output
    before = sorted(desk.home.rglob("*"))
    with read_only(desk.home):
        code, output = desk.run(*command)

    assert code == 2, output
    [line] = output.splitlines()
    assert line.startswith(f"error: home={desk.home}: ")
    assert "read-only" in line
    assert sorted(desk.home.rglob("*")) == before
    kind = "with results in it" if used else "without results"
    tell(f"a home on a read-only mount, {kind}", 1, "exit code 2, one sentence", "nothing was started")


def test_a_disk_that_becomes_read_only(tmp_path: Path, signs: Path, undisturbed: RunUndisturbed, tell: Tell) -> None:
    disk = Disk(tmp_path / "image", tmp_path / "disk", 1500)
    try:
        desk = make_desk(disk.place, signs)
        process = desk.start(*TWO)
        try:
            desk.wait_for(first_epoch)
            disk.fail()
            output, _ = process.communicate(timeout=LIMIT_S)
        finally:
            close_desk(desk)
        assert process.returncode == 1, output
        assert "read-only" in output

        disk.repair()
        code, output = desk.run(*TWO)
        assert code == 0, output
        check_as_undisturbed(desk, undisturbed(*TWO))
    finally:
        disk.unmount()
    tell(
        "a disk with an error, which the system makes read-only while a sweep runs", 1, "exit code 1, and why",
        "after fsck the same command: exit code 0, figures as undisturbed, to the bit",
    )  # fmt: skip
