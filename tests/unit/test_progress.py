"""Progress files: what one process writes another reads, whole lines only."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sweep.progress import ProgressWriter, progress_file, read_progress


def test_events_are_read_back_in_order_from_where_one_stopped(tmp_path: Path) -> None:
    path = progress_file(tmp_path, "id", 3)
    writer = ProgressWriter(path)
    writer.write("started", run_id="r", epochs=2)
    first, offset = read_progress(path)
    writer.write("failed", reason="그림 \n broken")
    second, end = read_progress(path, offset)
    assert [event["event"] for event in first] == ["started"]
    assert first[0]["epochs"] == 2
    assert [event["reason"] for event in second] == ["그림 \n broken"]
    assert read_progress(path, end) == ([], end)


def test_each_cell_of_a_sweep_has_a_file_of_its_own(tmp_path: Path) -> None:
    files = {progress_file(tmp_path, sweep, index) for sweep in ("a", "b") for index in range(3)}
    assert len(files) == 6


def test_a_file_that_is_not_there_yet_holds_nothing(tmp_path: Path) -> None:
    assert read_progress(tmp_path / "none", 7) == ([], 7)


def test_half_a_line_waits_for_its_end(tmp_path: Path) -> None:
    path = tmp_path / "p"
    line = json.dumps({"event": "epoch", "time": 1.0}) + "\n"
    path.write_text(line + line[:10], "utf-8")
    events, offset = read_progress(path)
    assert len(events) == 1
    path.write_text(line + line, "utf-8")
    assert len(read_progress(path, offset)[0]) == 1


def test_a_broken_line_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "p"
    path.write_text('{"event": "sta\n[1]\n{"event": "epoch"}\n', "utf-8")
    assert [event["event"] for event in read_progress(path)[0]] == ["epoch"]


def test_several_writers_do_not_mix_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "p"
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda i: ProgressWriter(path).write("epoch", number=i, text="x" * 500), range(200)))
    events, _ = read_progress(path)
    assert sorted(event["number"] for event in events) == list(range(200))


def test_a_full_disk_loses_events_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "p"
    path.symlink_to("/dev/full")
    ProgressWriter(path).write("epoch", epoch=1)


def test_the_event_after_a_line_that_was_cut_short_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "p"
    path.write_text('{"event": "epo')
    ProgressWriter(path).write("finished", run_id="r")
    assert [event["event"] for event in read_progress(path)[0]] == ["finished"]
