"""How a cell ended, from what its job returned and from what it wrote before it died."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hydra.core.utils import JobReturn, JobStatus

from sweep.config import CellConfig
from sweep.grid import Cell
from sweep.identity import axes_of
from sweep.outcome import Outcome, collect
from sweep.pool import JobLost
from sweep.progress import ProgressWriter, progress_end, progress_file
from sweep.stopping import STOPPED
from sweep.tracking import names

FAIL_FAST = "stopped, because another cell failed and on_error=fail_fast"


def cell(index: int = 0) -> Cell:
    return Cell(index, f"cell{index}", "k" * 64, (), {})


@pytest.fixture
def wrote(tmp_path: Path) -> Any:
    """`wrote(("started", {...}), …)`: what cell 0 wrote into its progress file."""

    def write(*events: tuple[str, dict[str, Any]]) -> Path:
        writer = ProgressWriter(progress_file(tmp_path, "sweep", 0))
        for event, fields in events:
            writer.write(event, **fields)
        return tmp_path

    return write


def ended(home: Path, returned: Any, begin: int = 0) -> Outcome:
    planned: Any = SimpleNamespace(cell=cell())
    return collect(home, "sweep", [planned], [returned], {0: begin})[0]


STARTED = ("started", {"run_id": "r1", "epochs": 3})


def completed(**value: Any) -> JobReturn:
    return JobReturn(status=JobStatus.COMPLETED, _return_value=value)


def test_a_job_that_says_so_is_finished(tmp_path: Path) -> None:
    assert ended(tmp_path, completed(run_id="r", reused=False)) == Outcome("finished", "r")
    assert ended(tmp_path, completed(run_id="r", reused=True)) == Outcome("finished", "r", reused=True)


def test_a_job_that_raised_is_failed_with_its_reason_in_one_line(wrote: Any) -> None:
    home = wrote(STARTED, ("failed", {"run_id": "r1", "reason": "ValueError: no"}))
    outcome = ended(home, JobReturn(status=JobStatus.FAILED, _return_value=ValueError("no\n more")))
    assert (outcome.state, outcome.run_id, outcome.open) == ("failed", "r1", False)
    assert outcome.reason
    assert "\n" not in outcome.reason


def test_a_killed_job_leaves_an_open_run_that_failed_by_the_signal(wrote: Any) -> None:
    outcome = ended(wrote(STARTED), JobLost("its process was ended by signal 9 (SIGKILL)"))
    assert outcome == Outcome("failed", "r1", "its process was ended by signal 9 (SIGKILL)", open=True, lost=True)


def test_a_job_killed_after_its_last_word_is_finished(wrote: Any) -> None:
    home = wrote(STARTED, ("finished", {"run_id": "r1"}))
    assert ended(home, JobLost("signal 9")) == Outcome("finished", "r1")


def test_a_job_killed_while_its_trained_model_is_measured_is_finished(wrote: Any) -> None:
    lost = JobLost("its process was ended by signal 9 (SIGKILL)")
    stage = ("stage", {"stage": "measuring Arm Ethos-U55-256"})
    assert ended(wrote(STARTED, ("trained", {"run_id": "r1"}), stage), lost) == Outcome("finished", "r1")


def test_a_job_killed_while_it_measures_what_was_trained_before_is_reused(wrote: Any) -> None:
    home = wrote(("measuring", {"run_id": "r1"}), ("stage", {"stage": "quantizing to INT8"}))
    assert ended(home, JobLost("signal 9")) == Outcome("finished", "r1", reused=True)


def test_a_job_lost_before_it_started_is_failed_without_a_run(tmp_path: Path) -> None:
    assert ended(tmp_path, JobLost("its process was ended by signal 9 (SIGKILL)")) == Outcome(
        "failed", None, "its process was ended by signal 9 (SIGKILL)", lost=True
    )


def test_fail_fast_kills_what_runs_and_skips_what_waits(wrote: Any, tmp_path: Path) -> None:
    assert ended(tmp_path, JobLost(FAIL_FAST)) == Outcome("skipped", None, FAIL_FAST)
    assert ended(wrote(STARTED), JobLost(FAIL_FAST)) == Outcome("killed", "r1", FAIL_FAST, open=True)


def test_a_job_that_was_taken_out_of_the_queue_was_skipped_or_had_begun_before(wrote: Any, tmp_path: Path) -> None:
    """SLURM puts one back into the queue at its time limit."""
    assert ended(tmp_path, RuntimeError(STOPPED)).stopped("Ctrl-C") == Outcome("skipped", None, "Ctrl-C")
    outcome = ended(wrote(STARTED), RuntimeError(STOPPED))
    assert outcome.stopped("Ctrl-C") == Outcome("killed", "r1", "Ctrl-C", open=True)


def test_an_earlier_attempt_does_not_count(wrote: Any) -> None:
    home = wrote(STARTED, ("finished", {"run_id": "r1"}))
    begin = progress_end(progress_file(home, "sweep", 0))
    outcome = ended(home, JobLost("signal 9"), begin)
    assert (outcome.state, outcome.run_id) == ("failed", None)


def test_events_count_though_the_clock_was_set_back_since_the_launch_began(wrote: Any, monkeypatch: Any) -> None:
    home = wrote(STARTED, ("failed", {"run_id": "r1", "reason": "the attempt before"}))
    begin = progress_end(progress_file(home, "sweep", 0))
    monkeypatch.setattr("sweep.progress.time", SimpleNamespace(time=lambda: 0.0))
    wrote(("started", {"run_id": "r2", "epochs": 3}), ("finished", {"run_id": "r2"}))

    assert ended(home, JobLost("signal 9"), begin) == Outcome("finished", "r2")


def test_a_stopped_sweep_marks_running_cells_killed_and_waiting_ones_skipped(wrote: Any) -> None:
    home = wrote(STARTED)
    assert Outcome.cut_short(home, "sweep", 0, "Ctrl-C") == Outcome("killed", "r1", "Ctrl-C", open=True)
    assert Outcome.cut_short(home, "sweep", 1, "Ctrl-C").state == "skipped"


def test_the_entry_of_a_cell_in_cells_json() -> None:
    listed = Outcome("failed", "r", "why").as_listed(cell(2))
    assert listed["cell"] == "cell2"
    assert listed["key"] == "k" * 64
    assert (listed["run_id"], listed["state"], listed["reused"], listed["reason"]) == ("r", "failed", False, "why")


def test_a_cell_that_never_started_is_listed_with_its_axes() -> None:
    chosen = CellConfig(
        base={"name": "yolo11n"}, level={"name": "2"}, act={"name": "relu"}, data={"path": "/d/data.yaml"},
        recipe={"name": "quick", "epochs": 1}, seed=3, weights=None,
    )  # fmt: skip
    planned: Any = SimpleNamespace(cell=cell(), config=chosen, data=SimpleNamespace(name="d"))
    listed = Outcome("skipped", reason="not started").as_listed(planned.cell, axes_of(planned.config, planned.data))
    assert listed["params"] == {
        "base": "yolo11n", "level": "2", "act": "relu", "seed": 3, "recipe": "quick", "data": "d",
        "model.weights": None,
    }  # fmt: skip
    assert tuple(listed["params"]) == (*names.AXES, names.WEIGHTS)


def test_of_a_stopped_cell_the_worker_that_had_left_it_to_the_other_does_not_decide(wrote: Any) -> None:
    home = wrote(STARTED)
    planned: Any = SimpleNamespace(cell=cell())
    left = completed(run_id="r1", reused=False, finished=False)
    stopped = JobReturn(status=JobStatus.FAILED, _return_value=JobLost(FAIL_FAST))

    outcome = collect(home, "sweep", [planned, planned], [left, stopped], {})[0]

    assert (outcome.state, outcome.reason) == ("killed", FAIL_FAST)


@pytest.mark.parametrize(
    "reason",
    [
        "OutOfMemoryError: CUDA out of memory. Tried to allocate 20.00 MiB",
        "RuntimeError: [enforce fail at alloc_cpu.cpp:118] err == 0. DefaultCPUAllocator: can't allocate memory: you",
        "MemoryError: Unable to allocate 4.00 GiB for an array",
        "RuntimeError: CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
    ],
)
def test_want_of_memory_is_worth_another_try(reason: str) -> None:
    outcome = Outcome("failed", "r", reason)
    assert outcome.out_of_memory
    assert outcome.worth_another_try


def test_other_errors_are_not_and_nothing_that_was_stopped() -> None:
    assert not Outcome("failed", "r", "ValueError: no").worth_another_try
    assert not Outcome("failed", "r", "stopped after timeout_min=1 minutes").worth_another_try
    assert not Outcome("killed", "r", "out of memory", lost=True).worth_another_try
    assert Outcome("failed", "r", "its process was ended by signal 9 (SIGKILL)", lost=True).worth_another_try


@pytest.mark.parametrize(
    "reason",
    [
        "AcceleratorError: CUDA error: unknown error Search for `cudaErrorUnknown'",  # an H100 without memory
        "RuntimeError: CUDNN_STATUS_INTERNAL_ERROR",
        "RuntimeError: GET was unable to find an engine to execute this computation",
    ],
)
def test_a_gpu_that_fails_is_worth_another_try(reason: str) -> None:
    outcome = Outcome("failed", "r", reason)
    assert outcome.gpu_failed
    assert outcome.worth_another_try


def test_a_failed_assertion_on_the_gpu_would_come_again() -> None:
    assert not Outcome("failed", "r", "AcceleratorError: CUDA error: device-side assert triggered").worth_another_try


def test_a_worker_that_ends_after_its_word_leaves_that_word(wrote: Any) -> None:
    """It ends itself when its GPU has failed for good."""
    home = wrote(("started", {"run_id": "r"}), ("failed", {"run_id": "r", "reason": "CUDA error: unknown error"}))
    outcome = ended(home, JobLost("its process was ended by exit code 70"))
    assert (outcome.state, outcome.reason, outcome.lost) == ("failed", "CUDA error: unknown error", False)
