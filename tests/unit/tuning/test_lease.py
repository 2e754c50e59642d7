"""Which workers are dead: processes of this machine at once, others when their lease has not changed for long."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import optuna
import pytest
from optuna.trial import FrozenTrial, TrialState, create_trial
from sqlalchemy.exc import OperationalError

from sweep.tuning import lease as leases
from sweep.tuning.away import OUTAGES, patiently
from sweep.tuning.lease import LEASE, Lease, Watch, own_lease


@pytest.fixture(autouse=True)
def nothing_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    """What this process remembers of a storage that was away is no other test's affair."""
    monkeypatch.setattr(OUTAGES, "last", -math.inf)


def running(lease: object, number: int = 0) -> FrozenTrial:
    made = create_trial(state=TrialState.RUNNING, user_attrs={} if lease is None else {LEASE: lease})
    made.number = number
    return made


@pytest.fixture
def process() -> Iterator[subprocess.Popen[bytes]]:
    code = "import sys; from sweep.tuning.lease import own_lease; print(own_lease(), flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as started:
        yield started
        started.kill()


def lease_of(process: subprocess.Popen[bytes]) -> dict[str, Any]:
    assert process.stdout is not None
    return eval(process.stdout.readline())  # type: ignore[no-any-return]


def test_a_process_of_this_machine(process: subprocess.Popen[bytes]) -> None:
    trial = running(lease_of(process))
    watch = Watch(lease_s=0)
    assert watch.dead([trial]) == [] and watch.alive(trial)
    os.kill(process.pid, signal.SIGSTOP)  # it may go on: only its death ends the lease
    assert watch.dead([trial]) == [] and watch.alive(trial)
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # now a zombie
    assert watch.dead([trial]) == [trial] and not watch.alive(trial)
    process.wait()
    assert watch.dead([trial]) == [trial]


def test_the_number_of_a_dead_process_may_be_given_again() -> None:
    own = own_lease()
    assert Watch(held={-1}).dead([running(own)]) == []
    assert Watch().dead([running(own | {"born": own["born"] - 1})]) != []
    assert Watch().dead([running(own | {"pid": None})]) != []  # given up
    assert Watch().dead([running(own | {"pid": "17"})]) != []


def test_a_trial_that_this_process_has_let_go_is_dead() -> None:
    """It lives, but works on another one: the storage went away between the claim and the first epoch."""
    lost, held = running(own_lease()), running(own_lease())
    lost._trial_id, held._trial_id = 1, 2
    watch = Watch(held={2})
    assert watch.dead([lost, held]) == [lost]
    assert watch.alive(held) and not watch.alive(lost)


def test_a_corrected_clock_kills_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """psutil's dates follow the clock: the birth of a process would be another one to whoever started later."""
    before = own_lease()
    monkeypatch.setattr("psutil._pslinux.boot_time", lambda: 1.0)
    monkeypatch.setattr("psutil._pslinux.BOOT_TIME", 1.0, raising=False)
    assert own_lease() == before


@pytest.mark.parametrize("lease", [None, "mine", {"place": "elsewhere", "pid": 1, "born": 1.0, "beat": 0}])
def test_another_machine(lease: object, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(leases.time, "monotonic", lambda: now[0])
    watch = Watch(lease_s=90)
    trial = running(lease)
    assert watch.dead([trial]) == [] and not watch.alive(trial)  # nothing is known yet
    now[0] += 90
    assert watch.dead([trial]) == []
    now[0] += 1
    assert watch.dead([trial]) == [trial] and not watch.alive(trial)


def test_a_lease_that_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(leases.time, "monotonic", lambda: now[0])
    watch = Watch(lease_s=90)
    for beat in range(5):
        now[0] += 80
        trial = running({"place": "elsewhere", "pid": 1, "born": 1.0, "beat": beat})
        assert watch.dead([trial]) == []
        assert watch.alive(trial) == (beat > 0)
    now[0] += 91
    assert watch.dead([trial]) == [trial]


def test_time_in_which_the_storage_was_away_kills_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """A database is down for long: neither this process nor the worker could reach it."""
    now = [1000.0]
    monkeypatch.setattr(leases.time, "monotonic", lambda: now[0])
    watch = Watch(lease_s=90)
    trial = running({"place": "elsewhere", "pid": 1, "born": 1.0, "beat": 0})
    watch.dead([trial])
    now[0] += 200
    down = iter([True])

    def look() -> list[Any]:
        if next(down, False):
            raise OperationalError("SELECT 1", None, Exception("the server closed the connection"))
        return watch.dead([trial])

    assert patiently(look) == []
    now[0] += 90
    assert watch.dead([trial]) == []  # it has had its time again to renew
    now[0] += 2
    assert watch.dead([trial]) == [trial]


def test_each_trial_has_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(leases.time, "monotonic", lambda: now[0])
    watch = Watch(lease_s=90)
    far = {"place": "elsewhere", "pid": 1, "born": 1.0, "beat": 0}
    first = running(far, 1)
    watch.dead([first])
    now[0] += 91
    second = running(far, 2)
    assert watch.dead([first, second]) == [first]


def test_renewal() -> None:
    study = optuna.create_study()
    trial = study.ask()

    def beats() -> int:
        return int(study.trials[0].user_attrs.get(LEASE, {"beat": -1})["beat"])

    with Lease(study._storage, trial._trial_id, renew_s=0.01) as lease:
        until = time.monotonic() + 30
        while beats() < 3 and time.monotonic() < until:
            time.sleep(0.01)
        assert beats() >= 3 and not lease.taken.is_set()
        study.tell(0, state=TrialState.FAIL)  # by another worker
        assert lease.taken.wait(30)


def test_a_storage_that_is_away_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    study = optuna.create_study()
    trial = study.ask()
    real, failures = study._storage.set_trial_user_attr, iter([True, True])

    def away(*arguments: Any) -> None:
        if next(failures, False):
            raise ConnectionError
        real(*arguments)

    monkeypatch.setattr(study._storage, "set_trial_user_attr", away)
    with Lease(study._storage, trial._trial_id, renew_s=0.01) as lease:
        until = time.monotonic() + 30
        while LEASE not in study.trials[0].user_attrs and time.monotonic() < until:
            time.sleep(0.01)
        assert study.trials[0].user_attrs[LEASE]["beat"] == 2 and not lease.taken.is_set()


def test_an_exception_gives_the_trial_up() -> None:
    """Its process may live on, and would hold the trial for ever."""
    study = optuna.create_study()
    told, untold = study.ask(), study.ask()
    with Lease(study._storage, told._trial_id):
        study.tell(told, 0.5)
    with pytest.raises(KeyboardInterrupt), Lease(study._storage, untold._trial_id):
        raise KeyboardInterrupt
    assert Watch().dead([trial for trial in study.trials if trial.state == TrialState.RUNNING]) == [study.trials[1]]
