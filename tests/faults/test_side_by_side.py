"""Many sweeps at once on one home."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from e2e.conftest import TINY, Desk, close_desk
from faults.conftest import RunUndisturbed, Tell
from faults.outcome import TWO, check_as_undisturbed, check_sound

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]
LONG_S = 1800
ONE = ("level=4", "act=relu", *TINY, "recipe.epochs=2", "npu=none", "workers=1")
BACKWARDS = ("level=4,3", *TWO[1:])


def test_eight_sweeps_at_once_on_a_home_that_is_not_there(tmp_path: Path, tell: Tell) -> None:
    (tmp_path / "user").mkdir()
    desk = Desk(tmp_path)
    try:
        processes = [desk.start(*ONE, f"seed={number % 4}") for number in range(8)]
        ended = [(process.communicate(timeout=LONG_S)[0], process.returncode) for process in processes]
    finally:
        close_desk(desk)

    for output, code in ended:
        assert code == 0, output
        assert "Traceback" not in output
    check_sound(desk)
    assert Counter((run.cell, run.status) for run in desk.cell_runs()) == {
        (f"yolo11n-l4-relu-s{seed}", "finished"): 1 for seed in range(4)
    }
    tables = desk.tables()
    assert [list(table["status"]) for table in tables] == [["finished"]] * 8
    assert sum(bool(table["reused"].iloc[0]) for table in tables) == 4
    tell(
        "8 sweeps started at once on a home that is not there yet, 2 of each of 4 cells", 1,
        "each cell was trained once and taken over by the other sweep", "8 × exit code 0",
    )  # fmt: skip


def test_two_sweeps_of_the_same_cells(desk: Desk, undisturbed: RunUndisturbed, tell: Tell) -> None:
    processes = [desk.start(*TWO), desk.start(*BACKWARDS)]
    for process in processes:
        output, _ = process.communicate(timeout=LONG_S)
        assert process.returncode == 0, output

    assert sorted(run.status for run in desk.cell_runs()) == ["finished", "finished"]
    check_as_undisturbed(desk, undisturbed(*TWO))
    tell(
        "2 sweeps of the same 2 cells side by side, in opposite order", 1, "each cell was trained once",
        "2 × exit code 0, figures as undisturbed, to the bit",
    )  # fmt: skip
