"""SIGKILL of workers and of the sweep, again and again: the same command comes to what an undisturbed sweep leaves."""

from __future__ import annotations

import signal
import subprocess
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from itertools import cycle, islice
from random import Random

import pytest

from e2e.conftest import LIMIT_S, TINY, Desk
from faults.conftest import RunUndisturbed, Tell
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
from faults.outcome import TWO, check_as_undisturbed, check_exit
from support.tuned import check_totals

pytestmark = [pytest.mark.slow, pytest.mark.timeout(7200)]
TRIALS = 3
TUNED = (
    "level=4",
    "act=relu",
    *TINY,
    "recipe.epochs=3",
    "npu=none",
    "tune=optuna",
    f"tune.trials={TRIALS}",
    "tune.workers=1",
)
IN_A_ROW = 3  # kills in one home, before the command is run to its end
MISSES = 5  # how often in a row the sweep may come to its end before the moment does

OF_WORKERS = (STATE, RANDOM, CHECKPOINT, JOURNAL, RANDOM, DATABASE, RANDOM, STATE, RANDOM)
OF_SWEEPS = (STATE, RANDOM, TABLE, JOURNAL, RANDOM, TABLE, CHECKPOINT, DATABASE, RANDOM)
KillProcess = Callable[[Desk, subprocess.Popen[str], Aim, Random, float], Kill | None]
Moment = tuple[KillProcess, Aim]
NewDesk = Callable[[], Desk]


def moments(kill: KillProcess, aims: Iterable[Aim], count: int) -> list[Moment]:
    return [(kill, aim) for aim in islice(cycle(aims), count)]


def kill_in_turn(
    new_desk: NewDesk, command: Sequence[str], planned: Iterable[Moment], random: Random, seconds: float,
    check: Callable[[Desk], None],
) -> tuple[list[Kill], int]:  # fmt: skip
    """Kill, start the same command again, kill again …; after a few kills the command has to come to its end.

    Args:
        new_desk: Gives a fresh home.
        command: The sweep.
        planned: What is to be killed, and when.
        random: Where random times come from.
        seconds: How long an undisturbed sweep takes.
        check: What holds at the end in each home.

    Returns:
        The kills, and in how many homes they were made.
    """
    waiting, kills, homes, misses = deque(planned), list[Kill](), 0, 0
    while waiting:
        desk, here = new_desk(), 0
        homes += 1
        while waiting and here < IN_A_ROW:
            kill, aim = waiting[0]
            process = desk.start(*command)
            killed = kill(desk, process, aim, random, seconds / 2**misses)  # what goes on is over sooner
            output, _ = process.communicate(timeout=LIMIT_S)
            print(f"home {homes}: {'killed' if killed else 'missed'} while {aim.name}", flush=True)
            if killed is None:
                assert process.returncode == 0, output
                misses += 1
                assert misses <= MISSES, f"{aim.name}: that moment did not come"
                break
            waiting.popleft()
            kills.append(killed)
            misses, here = 0, here + 1
            if kill is kill_sweep:
                assert process.returncode == -signal.SIGKILL, output
            else:
                check_exit(desk, process.returncode, output)
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


def test_workers(new_desk: NewDesk, undisturbed: RunUndisturbed, kills: int, draw: int, tell: Tell) -> None:
    expected = undisturbed(*TWO)
    planned = moments(kill_worker, OF_WORKERS, kills)
    made, homes = kill_in_turn(
        new_desk, TWO, planned, Random(draw), expected.seconds, lambda desk: check_as_undisturbed(desk, expected)
    )
    tell("SIGKILL of a worker of a sweep of 2 cells", len(made), *in_words(made, homes))


def test_sweeps(new_desk: NewDesk, undisturbed: RunUndisturbed, kills: int, draw: int, tell: Tell) -> None:
    expected = undisturbed(*TWO)
    planned = moments(kill_sweep, OF_SWEEPS, kills)
    made, homes = kill_in_turn(
        new_desk, TWO, planned, Random(draw + 1), expected.seconds, lambda desk: check_as_undisturbed(desk, expected)
    )
    tell("SIGKILL of the process of a sweep of 2 cells", len(made), *in_words(made, homes))


def test_a_cell_that_is_tuned(
    new_desk: NewDesk, undisturbed: RunUndisturbed, kills: int, draw: int, tell: Tell
) -> None:
    """One worker takes the trials one after the other, so that they are the same ones, killed or not."""
    expected = undisturbed(*TUNED)
    planned: list[Moment] = [(kill_sweep, RANDOM), (kill_worker, JOURNAL), (kill_worker, RANDOM)]

    def check(desk: Desk) -> None:
        check_totals(desk.store(), desk.last_cells(), desk.home, TRIALS)
        check_as_undisturbed(desk, expected)

    chosen = list(islice(cycle(planned), max(2, kills // 3)))
    made, homes = kill_in_turn(new_desk, TUNED, chosen, Random(draw + 2), expected.seconds, check)
    tell(f"SIGKILL of a worker or the sweep of a tuned cell of {TRIALS} trials", len(made), *in_words(made, homes))
