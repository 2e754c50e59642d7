"""What happens when a cell dies, hangs or raises, and when the sweep is stopped. Every fault here is a real one."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from e2e.conftest import TINY, Desk, gone_within, tree

pytestmark = pytest.mark.slow
SIX = ("level=2,3,4", "act=relu,leakyrelu", *TINY)


def test_a_killed_worker_fails_its_own_cell_and_the_same_command_trains_only_that_one(desk: Desk) -> None:
    process = desk.start(*SIX, "recipe.epochs=6", "workers=2")
    event = desk.wait_for(lambda event: event["event"] == "epoch" and event["epoch"] == 2)
    os.kill(event["pid"], signal.SIGKILL)
    output, _ = process.communicate(timeout=200)

    assert process.returncode == 1, output
    cells = desk.last_cells()
    assert sorted(cells["status"]) == ["failed"] + ["finished"] * 5
    failed = cells[cells["status"] == "failed"].iloc[0]
    assert "SIGKILL" in failed["reason"]
    assert desk.store().client.get_run(failed["run_id"]).info.status == "FAILED"
    assert f"{failed['cell']} failed" in output
    table = next(desk.home.glob("sweeps/*/report/tables/cells.md")).read_text()
    assert "failed" in next(line for line in table.splitlines() if failed["cell"] in line)

    code, output = desk.run(*SIX, "recipe.epochs=6", "workers=2")
    assert code == 0, output
    cells = desk.last_cells()
    assert list(cells["status"]) == ["finished"] * 6
    assert cells[~cells["reused"]]["cell"].tolist() == [failed["cell"]]
    assert {run.run_id for run in desk.cell_runs()} == set(cells["run_id"]), "it went on in its run"


def test_no_process_outlives_a_killed_sweep_and_the_same_command_goes_on(desk: Desk) -> None:
    process = desk.start(*SIX, "recipe.epochs=200", "workers=2")
    desk.wait_for(lambda event: event["event"] == "epoch")
    processes = tree(process)
    assert len(processes) >= 3
    process.kill()
    process.wait()
    assert gone_within(processes, 5) == []

    code, output = desk.run("plan", *SIX, "recipe.epochs=200")
    assert code == 0
    assert "2 interrupted" in output
    assert "4 new" in output


def test_a_cell_over_its_time_is_stopped_and_the_others_go_on(desk: Desk) -> None:
    code, output = desk.run("level=4", "act=relu", *TINY, "recipe.epochs=2000,1", "timeout_min=0.15", "workers=1")

    assert code == 1, output
    cells = desk.last_cells()
    assert list(cells["status"]) == ["failed", "finished"]
    assert "timeout_min=0.15" in cells["reason"].iloc[0]


def write_broken_base(desk: Desk) -> None:
    """A base that passes every check and cannot be built: two maps of different size are joined."""
    (desk.folder / "conf" / "base").mkdir(parents=True)
    (desk.folder / "broken.yaml").write_text(
        "nc: 80\nscales: {n: [0.5, 0.25, 1024]}\n"
        "backbone: [[-1, 1, Conv, [64, 3, 2]], [-1, 1, Conv, [128, 3, 2]], [[0, 1], 1, Concat, [1]]]\n"
        "head: [[[2], 1, Detect, [nc]]]\n"
    )
    (desk.folder / "conf" / "base" / "broken.yaml").write_text(
        f"name: broken\nmodel: {desk.folder / 'broken.yaml'}\nscale: n\n"
    )


def test_a_cell_that_dies_is_tried_again_and_goes_on(desk: Desk) -> None:
    process = desk.start("level=3,4", "act=relu", *TINY, "recipe.epochs=4", "workers=2", "retries=1")
    event = desk.wait_for(lambda event: event["event"] == "epoch" and event["epoch"] == 2)
    os.kill(event["pid"], signal.SIGKILL)
    output, _ = process.communicate(timeout=200)

    assert process.returncode == 0, output
    assert "Trying 1 cell again in 5 s" in output
    runs = desk.cell_runs()
    assert [run.status for run in runs] == ["finished"] * 2
    assert sorted(run.tags["sweep.attempt"] for run in runs) == ["0", "1"]
    (retried,) = (run for run in runs if run.tags["sweep.attempt"] == "1")
    assert "SIGKILL" in retried.tags["sweep.resumed"]


def test_a_cell_that_raises_is_recorded_with_its_traceback_and_not_tried_again(desk: Desk) -> None:
    write_broken_base(desk)
    code, output = desk.run("level=0", "act=relu", "base=broken,yolo11n", *TINY, "recipe.epochs=1", "retries=1")

    assert code == 1, output
    cells = desk.last_cells()
    assert list(cells["status"]) == ["failed", "finished"]
    runs = [run for run in desk.cell_runs() if run.status == "failed"]
    assert [run.tags["sweep.attempt"] for run in runs] == ["0"], "the same error would come again"
    files = [file.path for file in desk.store().client.list_artifacts(runs[0].run_id)]
    assert "traceback.txt" in files
    assert "Sizes of tensors" in cells["reason"].iloc[0]


def test_fail_fast_starts_nothing_more(desk: Desk) -> None:
    write_broken_base(desk)
    axes = ("level=0", "act=relu", "base=broken,yolo11n,yolov8n", *TINY)
    code, output = desk.run(*axes, "recipe.epochs=1", "on_error=fail_fast", "workers=1")

    assert code == 1, output
    assert list(desk.last_cells()["status"]) == ["failed", "skipped", "skipped"]
    assert len(desk.cell_runs()) == 1


def test_two_sweeps_of_one_cell_train_it_once(desk: Desk) -> None:
    arguments = ("level=4", "act=relu", *TINY, "recipe.epochs=6")
    first, second = desk.start(*arguments), desk.start(*arguments)
    for process in (first, second):
        output, _ = process.communicate(timeout=200)
        assert process.returncode == 0, output

    assert [run.status for run in desk.cell_runs()] == ["finished"]


def test_a_cell_of_another_launcher_that_is_killed_is_recorded(desk: Desk, tmp_path: Path) -> None:
    """joblib loses its batch to a SIGKILL; what its jobs wrote is kept and nothing is left RUNNING."""
    pytest.importorskip("hydra_plugins.hydra_joblib_launcher", reason="hydra-joblib-launcher is not installed")
    axes = ("level=3,4", "act=relu", *TINY, "recipe.epochs=100", "hydra/launcher=joblib", "hydra.launcher.n_jobs=2")
    process = desk.start(*axes)
    event = desk.wait_for(lambda event: event["event"] == "epoch" and event["epoch"] == 2)
    os.kill(event["pid"], signal.SIGKILL)
    output, _ = process.communicate(timeout=200)

    assert process.returncode == 1, output
    time.sleep(0.5)
    assert "running" not in {run.status for run in desk.cell_runs()}
