"""SIGKILL of workers and of the sweep, again and again: the same command comes to what an undisturbed sweep leaves."""

from __future__ import annotations

import subprocess
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from itertools import cycle, islice
from random import Random

import pytest

from e2e.conftest import LIMIT_S, TINY, Desk
from faults.conftest import Tell
from faults.killing import (
    CHECKPOINT,
    DATABASE,
    JOURNAL,
    RANDOM,
    STATE,
    TABLE,
    Aim,
    Kill,
    kill_sweep,
    kill_worker,
)
from faults.outcome import TWO, Undisturbed, check_as_undisturbed, check_exit

pytestmark = [pytest.mark.slow, pytest.mark.timeout(7200)]
TUNED = ("level=4", "act=relu", *TINY, "recipe.epochs=3", "npu=none", "tune=optuna", "tune.trials=3", "tune.workers=1")
IN_A_ROW = 3  # kills in one home, before the command is run to its end
MISSES = 5  # how often in a row the sweep may come to its end before the moment does

OF_WORKERS = (STATE, RANDOM, CHECKPOINT, JOURNAL, RANDOM, DATABASE, RANDOM, STATE, RANDOM)
OF_SWEEPS = (STATE, RANDOM, TABLE, JOURNAL, RANDOM, TABLE, CHECKPOINT, DATABASE, RANDOM)
KillProcess = Callable[[Desk, subprocess.Popen[str], Aim, Random, float], Kill | None]
NewDesk = Callable[[], Desk]


def after_a_killed_worker(desk: Desk, process: subprocess.Popen[str]) -> None:
    output, _ = process.communicate(timeout=LIMIT_S)
    check_exit(desk, process.returncode, output)


def after_a_killed_sweep(desk: Desk, process: subprocess.Popen[str]) -> None:
    process.communicate(timeout=LIMIT_S)
    assert process.returncode == -9


def kill_in_turn(
    new_desk: NewDesk, command: Sequence[str], kill: KillProcess, aims: Iterable[Aim], random: Random, seconds: float,
    check: Callable[[Desk], None],
) -> tuple[list[Kill], int]:  # fmt: skip
    """Kill, start the same command again, kill again …; after a few kills the command has to come to its end.

    Args:
        new_desk: Gives a fresh home.
        command: The sweep.
        kill: Kills one of its processes at a moment.
        aims: The moments.
        random: Where random times come from.
        seconds: How long an undisturbed sweep takes.
        check: What holds at the end in each home.

    Returns:
        The kills, and in how many homes they were made.
    """
    waiting, kills, homes, misses = deque(aims), list[Kill](), 0, 0
    while waiting:
        desk, here = new_desk(), 0
        homes += 1
        while waiting and here < IN_A_ROW:
            process = desk.start(*command)
            aim = waiting.popleft()
            killed = kill(desk, process, aim, random, seconds)
            if killed is None:
                output, _ = process.communicate(timeout=LIMIT_S)
                assert process.returncode == 0, output
                waiting.appendleft(aim)
                misses += 1
                assert misses <= MISSES, f"{aim.name}: that moment did not come"
                break
            misses, here = 0, here + 1
            kills.append(killed)
            print(f"{len(kills)} (home {homes}): killed while {aim.name}", flush=True)
            if kill is kill_sweep:
                after_a_killed_sweep(desk, process)
            else:
                after_a_killed_worker(desk, process)
        if here:
            code, output = desk.run(*command)
            assert code == 0, output
            check(desk)
    return kills, homes


def in_words(kills: Sequence[Kill], homes: int) -> tuple[str, str]:
    """When the processes were killed, and how it ended."""
    counted = Counter(kill.aim.name for kill in kills)
    parts = sum(kill.half_written for kill in kills)
    moments = ", ".join(f"{count} × while {name}" for name, count in counted.items())
    return (
        f"{moments}; {parts} left a file half written",
        f"{homes} homes, up to {IN_A_ROW} kills in a row in each: the next repetition of the command ended with 0, and "
        "all figures are those of an undisturbed sweep, to the bit",
    )


def test_workers(new_desk: NewDesk, undisturbed: Callable[..., Undisturbed], kills: int, draw: int, tell: Tell) -> None:
    expected = undisturbed(*TWO)
    made, homes = kill_in_turn(
        new_desk, TWO, kill_worker, islice(cycle(OF_WORKERS), kills), Random(draw), expected.seconds,
        lambda desk: check_as_undisturbed(desk, expected),
    )  # fmt: skip
    tell("SIGKILL of a worker of a sweep of 2 cells", len(made), *in_words(made, homes))


def test_sweeps(new_desk: NewDesk, undisturbed: Callable[..., Undisturbed], kills: int, draw: int, tell: Tell) -> None:
    expected = undisturbed(*TWO)
    made, homes = kill_in_turn(
        new_desk, TWO, kill_sweep, islice(cycle(OF_SWEEPS), kills), Random(draw + 1), expected.seconds,
        lambda desk: check_as_undisturbed(desk, expected),
    )  # fmt: skip
    tell("SIGKILL of the process of a sweep of 2 cells", len(made), *in_words(made, homes))
