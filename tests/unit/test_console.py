"""What the user sees of a cell while it trains."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from sweep.console import Progress, Row, duration, plain_line
from sweep.progress import ProgressWriter, progress_file


def event(kind: str, time: float = 0.0, **fields: Any) -> dict[str, Any]:
    return {"event": kind, "time": time, **fields}


def epoch(number: int, time: float = 0.0) -> dict[str, Any]:
    losses = {"train/box_loss": 1.5, "train/cls_loss": 2.5, "train/dfl_loss": 3.5}
    return event("epoch", time, epoch=number, metrics={"metrics/mAP50": 0.25, **losses})


def lines(*events: dict[str, Any]) -> list[str]:
    row = Row("cell", Path())
    printed = []
    for one in events:
        row.apply(one)
        line = plain_line(row, one)
        printed += [line] if line else []
    return printed


def test_a_cell_from_start_to_end() -> None:
    printed = lines(
        event("started", 100.0, epochs=2), epoch(1, 110.0), epoch(2, 120.0), event("stage", stage="validating"),
        event("finished", metrics={"mAP50": 0.9}),
    )  # fmt: skip
    assert printed[0] == "cell: started"
    assert "epoch 1/2" in printed[1]
    assert "mAP50 0.250" in printed[1]
    assert "box 1.500 cls 2.500 dfl 3.500" in printed[1]
    assert "10 s left" in printed[1]
    assert printed[-1] == "cell: finished, mAP50 0.900"


def test_a_long_training_does_not_flood_a_log() -> None:
    printed = lines(event("started", epochs=300), *(epoch(number) for number in range(1, 301)))
    assert len(printed) <= 22
    assert "300/300" in printed[-1]


def test_what_went_wrong_and_what_is_waited_for_is_said() -> None:
    assert lines(event("started", epochs=1), event("failed", reason="NaN"))[-1] == "cell: failed: NaN"
    assert "another process" in lines(event("waiting"))[0]
    assert "reused" in lines(event("finished", reused=True))[0]


def test_states_of_a_row() -> None:
    row = Row("cell", Path())
    seen = [row.state]
    for one in (event("started", epochs=1), event("failed", reason="x"), event("started", epochs=1),
                event("finished", reused=True)):  # fmt: skip
        row.apply(one)
        seen.append(row.state)
    assert seen == ["queued", "running", "failed", "running", "reused"]


def test_a_second_attempt_starts_from_nothing() -> None:
    row = Row("cell", Path())
    for one in (event("started", epochs=3), epoch(2), event("failed", reason="x"), event("started", 50.0, epochs=3)):
        row.apply(one)
    assert (row.epoch, row.metrics, row.note, row.seconds_left(60.0)) == (0, {}, "", None)


def test_the_time_left_follows_the_pace_so_far() -> None:
    row = Row("cell", Path())
    row.apply(event("started", 1000.0, epochs=10))
    assert row.seconds_left(1005.0) is None, "nothing is known before the first epoch"
    row.apply(epoch(4))
    assert row.seconds_left(1040.0) == pytest.approx(60.0)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, ""), (0.4, "0 s"), (12, "12 s"), (59.6, "1 min 00 s"), (200, "3 min 20 s"), (3900, "1 h 05 min")],
)
def test_durations(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text


def test_away_from_a_terminal_every_event_is_a_line(tmp_path: Path) -> None:
    stream = io.StringIO()
    console = Console(file=stream, width=40)
    with Progress(console, tmp_path, "sweep", [(0, "[red]one[/red]"), (1, "two")]):
        for index in (0, 1):
            ProgressWriter(progress_file(tmp_path, "sweep", index)).write("started", epochs=1)
        ProgressWriter(progress_file(tmp_path, "sweep", 1)).write("failed", reason="a long reason " * 9)
    printed = stream.getvalue().splitlines()
    assert sorted(printed) == sorted(
        ["[red]one[/red]: started", "two: started", f"two: failed: {'a long reason ' * 9}"]
    )


def test_a_second_attempt_prints_its_own_lines_only(tmp_path: Path) -> None:
    writer = ProgressWriter(progress_file(tmp_path, "sweep", 0))
    writer.write("started", epochs=1)
    writer.write("failed", reason="first")
    stream = io.StringIO()
    with Progress(Console(file=stream, width=80), tmp_path, "sweep", [(0, "one")]):
        writer.write("started", epochs=1)
        writer.write("failed", reason="second")
    assert stream.getvalue().splitlines() == ["one: started", "one: failed: second"]


def test_on_a_terminal_there_is_a_table_of_all_cells(tmp_path: Path) -> None:
    stream = io.StringIO()
    console = Console(file=stream, width=100, force_terminal=True)
    with Progress(console, tmp_path, "sweep", [(0, "one"), (1, "two")]) as progress:
        ProgressWriter(progress_file(tmp_path, "sweep", 1)).write("started", epochs=7)
        progress._read()
        console.print(progress._table())
    shown = stream.getvalue()
    assert "0 of 2 cells done" in shown
    assert "0/7" in shown
    assert "queued" in shown
    assert "running" in shown
