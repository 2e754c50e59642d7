"""A clock that is set back an hour: while a sweep runs, and between two sweeps.

The clock of the machine is everybody's, so the processes of the sweep get one of their own (clock.c).
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from e2e.conftest import LIMIT_S, TINY, Desk
from faults.conftest import RunUndisturbed, Tell
from faults.outcome import TWO, check_as_undisturbed, check_exit

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]


@pytest.fixture
def set_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that sets the clock of the sweeps back, once it is there."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("there is no C compiler")
    library, sign = tmp_path / "clock.so", tmp_path / "set-back"
    subprocess.run(
        [compiler, "-shared", "-fPIC", "-O1", "-o", library, Path(__file__).with_name("clock.c")], check=True
    )
    monkeypatch.setenv("LD_PRELOAD", str(library))
    monkeypatch.setenv("CLOCK_SET_BACK", str(sign))
    return sign


def test_a_clock_that_is_set_back(desk: Desk, set_back: Path, undisturbed: RunUndisturbed, tell: Tell) -> None:
    expected = undisturbed(*TWO)
    process = desk.start(*TWO)
    first = desk.wait_for(lambda event: event["event"] == "epoch")
    set_back.touch()
    later = desk.wait_for(lambda event: event["event"] == "epoch" and event["time"] < first["time"] - 3000)
    os.kill(later["pid"], signal.SIGKILL)
    output, _ = process.communicate(timeout=LIMIT_S)

    cells = check_exit(desk, process.returncode, output)
    assert sorted(cells["status"]) == ["failed", "finished"]
    failed = cells[cells["status"] == "failed"].iloc[0]
    assert "SIGKILL" in failed["reason"]
    assert desk.store().client.get_run(failed["run_id"]).info.status == "FAILED", "its events were not thrown away"

    code, output = desk.run(*TWO)
    assert code == 0, output
    assert f"{failed['cell']}: goes on after epoch" in output
    check_as_undisturbed(desk, expected, output)
    tell(
        "a clock set back an hour while a sweep runs, then a SIGKILL of a worker", 1, "exit code 1, one cell failed",
        "the same command, an hour earlier: exit code 0, figures as undisturbed, to the bit",
    )  # fmt: skip


def test_a_clock_that_is_set_back_between_two_sweeps(desk: Desk, set_back: Path, tell: Tell) -> None:
    command = ("level=4", "act=relu", *TINY, "recipe.epochs=2", "npu=none")
    code, output = desk.run(*command)
    assert code == 0, output
    set_back.touch()
    code, output = desk.run(*command, "seed=0,1")
    assert code == 0, output
    assert "1 finished, 1 new; 1 to run" in output

    assert sorted(run.status for run in desk.cell_runs()) == ["finished", "finished"]
    assert list(desk.last_cells()["status"]) == ["finished", "finished"], "the later sweep is the latest"
    tell("a clock set back an hour between two sweeps", 1, "the cell of the first was known as finished", "exit code 0")
