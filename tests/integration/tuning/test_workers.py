"""However many workers share a study, and whichever of them are killed: it ends with exactly its total."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from optuna.trial import TrialState

from support.studies import LIMIT_S, Cell, Workers, check_lost, check_total, study_of, trials_of, tune_settings, work


@pytest.mark.parametrize("workers", [2, 8])
@pytest.mark.parametrize("lock", ["common", ""], ids=["one lock", "no lock"])
def test_exact_total(storage: str, tmp_path: Path, workers: int, lock: str) -> None:
    cell = Cell(storage, tmp_path, tune_settings(20), lock=lock, failing=10)
    Workers(cell, workers).join()
    check_total(cell, 20)
    states = [trial for trial in trials_of(cell) if trial.user_attrs.get("superseded")]
    assert lock == "" or not states  # with a lock no work is begun in vain
    assert check_lost(cell) == 0


@pytest.mark.parametrize("lock", ["common", ""], ids=["one lock", "no lock"])
def test_killed_workers(storage: str, tmp_path: Path, lock: str) -> None:
    """Four times a worker is killed at a random moment, and another one comes."""
    cell = Cell(storage, tmp_path, tune_settings(25), lock=lock, seconds=0.3)
    workers = [Workers(cell, 3)]
    for _ in range(4):
        time.sleep(random.uniform(0.2, 0.7))
        alive = [pid for group in workers for pid in group.alive()]
        if alive:
            os.kill(random.choice(alive), signal.SIGKILL)
        workers.append(Workers(cell, 1))
    for group in workers:
        group.join()
    check_total(cell, 25)
    check_lost(cell)


def test_a_trial_is_lost_with_its_worker(storage: str, tmp_path: Path) -> None:
    """The trial that was under way for certain is closed, told, and run again with its parameters."""
    cell = Cell(storage, tmp_path, tune_settings(4), seconds=0.05)
    long = Cell(storage, tmp_path, tune_settings(4), seconds=600)
    for slot in range(2):
        victim = Workers(long, 1)
        wait_for(lambda expected=slot + 1: len(cell.notes("trial")) == expected)
        victim.kill()
    Workers(cell, 1).join()
    check_total(cell, 4)
    assert check_lost(cell) == 2
    assert [note["slot"] for note in cell.notes("trial")] == [0, 0, 0, 1, 2, 3]


def test_all_are_killed_then_new_ones(storage: str, tmp_path: Path) -> None:
    cell = Cell(storage, tmp_path, tune_settings(12), seconds=0.3)
    workers = Workers(cell, 4)
    wait_for(lambda: len(cell.notes("told")) >= 3)
    workers.kill()
    Workers(cell, 2).join()
    check_total(cell, 12)
    assert check_lost(cell) >= 1


def test_more_and_fewer_trials(storage: str, tmp_path: Path) -> None:
    """A greater total adds the difference, a smaller one nothing."""
    for trials, total in ((4, 4), (9, 9), (5, 9), (9, 9), (10, 10)):
        cell = Cell(storage, tmp_path, tune_settings(trials))
        Workers(cell, 2).join()
        check_total(cell, total)
        assert len(trials_of(cell)) == total


def test_fewer_trials_in_the_middle(storage: str, tmp_path: Path) -> None:
    """The last slots ended, the first did not: a smaller total counts all of them."""
    cell = Cell(storage, tmp_path, tune_settings(6))
    opened = cell.open()
    taken = [opened.take() for _ in range(6)]
    for trial in taken[3:] + taken[:1]:
        assert trial is not None
        opened.study.tell(trial.trial, 0.5)
    for trial in taken[1:3]:
        assert trial is not None
        opened.study.tell(trial.trial, state=TrialState.FAIL)
    smaller = Cell(storage, tmp_path, tune_settings(5))
    Workers(smaller, 4).join()
    assert sum(trial.state.name in {"COMPLETE", "PRUNED"} for trial in trials_of(smaller)) == 5


@pytest.mark.parametrize("lock", ["common", ""], ids=["one lock", "no lock"])
def test_trials_enqueued_by_hand(storage: str, tmp_path: Path, lock: str) -> None:
    """They count, whoever takes them and when, and the recipe keeps its slot."""
    cell = Cell(storage, tmp_path, tune_settings(16), lock=lock)
    by_hand = [{"box": float(2 + number), "lr0": 0.01} for number in range(4)]
    study = study_of(cell)
    for params in by_hand:
        study.enqueue_trial(params)
    workers = Workers(cell, 8)
    study.enqueue_trial({"box": 19.0})
    workers.join()
    check_total(cell, 16)
    ended = [trial.params for trial in trials_of(cell) if trial.state.name in {"COMPLETE", "PRUNED"}]
    assert all(params in ended for params in by_hand)
    assert 19.0 in [params["box"] for params in ended]


def test_a_taken_over_worker_does_not_count_twice(storage: str, tmp_path: Path) -> None:
    """A worker of another machine is stopped beyond its lease, replaced, and goes on."""
    fields = {"lease_s": 1.0, "renew_s": 0.2}
    elsewhere = Cell(storage, tmp_path, tune_settings(3), lock="", place="elsewhere", seconds=8, **fields)
    stopped = Workers(elsewhere, 1)
    wait_for(lambda: len(elsewhere.notes("trial")) == 1)
    pid = stopped.alive()[0]
    os.kill(pid, signal.SIGSTOP)
    here = Cell(storage, tmp_path, tune_settings(3), lock="", **fields)
    Workers(here, 1).join()
    check_total(here, 3)
    os.kill(pid, signal.SIGCONT)
    stopped.join()
    check_total(here, 3)
    assert [(note["number"], note["lease"]) for note in here.notes("taken")] == [(0, True)]
    assert check_lost(here) == 1


def test_a_lease_that_changes_is_alive(storage: str, tmp_path: Path) -> None:
    """A trial that takes three times the lease of another machine is left to its worker."""
    fields = {"lease_s": 1.0, "renew_s": 0.2}
    elsewhere = Cell(storage, tmp_path, tune_settings(2), lock="", place="elsewhere", seconds=6, **fields)
    slow = Workers(elsewhere, 1)
    wait_for(lambda: len(elsewhere.notes("trial")) == 1)
    here = Cell(storage, tmp_path, tune_settings(2), lock="", **fields)
    fast = Workers(here, 1)
    slow.join()
    fast.join()
    check_total(here, 2)
    assert check_lost(here) == 0


def test_a_worker_that_was_stopped_with_the_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits for the lock in vain goes on without it."""
    from filelock import FileLock

    monkeypatch.setattr("sweep.tuning.study.ALONE_S", 0.1)
    cell = Cell(str(tmp_path / "journal.log"), tmp_path, tune_settings(2))
    with FileLock(tmp_path / "common.lock"):
        work(cell)
    check_total(cell, 2)


def wait_for(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < until, "it did not come to it"
        time.sleep(0.05)
