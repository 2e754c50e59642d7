"""The pool with real processes: a death, a time limit and an exception stay with their own job."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from sweep.pool import JobLost, PoolSettings, run_jobs
from sweep.slots import Slot
from sweep.stopping import STOPPED

TWO = (Slot((("PLACE", "a"),)), Slot((("PLACE", "b"),)))


def work(kind: str) -> object:
    if kind == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if kind == "hang":
        time.sleep(600)
    if kind == "raise":
        raise ValueError("broken")
    if kind.startswith("touch "):
        Path(kind.removeprefix("touch ")).touch()
        time.sleep(2)
    if kind == "place":
        time.sleep(1)
        return os.environ["PLACE"]
    return kind


def run(*kinds: str, **settings: object) -> list[object]:
    return run_jobs(work, [(kind,) for kind in kinds], PoolSettings(TWO, **settings))  # type: ignore[arg-type]


def test_results_come_in_the_order_of_the_jobs() -> None:
    assert run("1", "2", "3", "4", "5") == ["1", "2", "3", "4", "5"]


def test_a_killed_job_is_named_by_its_signal_and_the_others_go_on() -> None:
    first, lost, *others = run("1", "kill", "2", "3")
    assert [first, *others] == ["1", "2", "3"]
    assert isinstance(lost, JobLost)
    assert "SIGKILL" in str(lost)


def test_a_job_that_raises_returns_its_exception() -> None:
    raised, other = run("raise", "1")
    assert isinstance(raised, ValueError)
    assert other == "1"


def test_a_hanging_job_is_stopped() -> None:
    hung, other = run("hang", "1", timeout_s=2.0)
    assert isinstance(hung, JobLost)
    assert "timeout_min" in str(hung)
    assert other == "1"


def test_a_stop_file_lets_what_runs_end_and_nothing_begin(tmp_path: Path) -> None:
    stop = tmp_path / "stop"
    settings = PoolSettings((Slot(),), stop_file=stop)
    ended, *others = run_jobs(work, [(f"touch {stop}",), ("1",), ("2",)], settings)
    assert ended == f"touch {stop}"
    assert [type(other) for other in others] == [JobLost, JobLost]
    assert {str(other) for other in others} == {STOPPED}


def test_fail_fast_ends_the_running_and_starts_nothing_more() -> None:
    began = time.monotonic()
    outcomes = run("hang", "raise", "1", fail_fast=True)
    assert [type(outcome).__name__ for outcome in outcomes] == ["JobLost", "ValueError", "JobLost"]
    assert time.monotonic() - began < 120


def test_workers_that_die_before_they_take_a_job_end_the_pool() -> None:
    """With jobs as large as real ones (40 KB pickled), a broken pool forgets those behind the first few."""
    settings = PoolSettings((Slot(),), preload=("no_such_module_anywhere",))
    outcomes = run_jobs(len, [("x" * 40_000,)] * 4, settings)
    assert [type(outcome) for outcome in outcomes] == [JobLost] * 4


def test_workers_have_places_of_their_own_also_after_a_death() -> None:
    first, second = run("place", "place")
    assert {first, second} == {"a", "b"}
    _, *places = run("kill", "place", "place")
    assert set(places) == {"a", "b"}
