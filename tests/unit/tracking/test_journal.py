"""The file that everything is written to first: what was written is there, whatever happened to its writers."""

from __future__ import annotations

import multiprocessing
import os
import resource
from pathlib import Path

import pytest

from sweep.tracking.spool.journal import append, read


def records(path: Path, offset: int = 0) -> list[dict[str, object]]:
    return [record for record, _ in read(path, offset)]


def test_records_come_back_in_their_order_and_from_an_offset(tmp_path: Path) -> None:
    path = tmp_path / "spool.jsonl"
    for number in range(3):
        append(path, {"op": "x", "number": number, "text": "표지\n\ud800"})

    found = list(read(path))
    assert [record["number"] for record, _ in found] == [0, 1, 2]
    assert records(path, found[0][1]) == [record for record, _ in found[1:]]
    assert records(path, found[-1][1]) == []


def test_numbers_come_back_to_the_bit(tmp_path: Path) -> None:
    path = tmp_path / "spool.jsonl"
    numbers = [0.1 + 0.2, 1e-310, float("inf"), -0.0, 123456789.123456789]
    append(path, {"op": "x", "numbers": numbers})

    assert records(path) == [{"op": "x", "numbers": numbers}]


@pytest.mark.parametrize("cut", [1, 10, 30])
def test_a_line_that_its_writer_did_not_finish_is_no_record_and_harms_none(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "spool.jsonl"
    append(path, {"op": "first"})
    append(path, {"op": "second", "text": "x" * 40})
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])
    assert [record["op"] for record in records(path)] == ["first"]

    append(path, {"op": "third"})
    assert [record["op"] for record in records(path)] == ["first", "third"]
    assert path.read_bytes().startswith(whole[:-cut]), "nothing that was written is changed"


def test_a_disk_that_is_full_leaves_the_records_before(tmp_path: Path) -> None:
    """The limit of a file's size fails a write half way, as a full disk does."""
    path = tmp_path / "spool.jsonl"
    append(path, {"op": "first"})
    size = path.stat().st_size
    process = multiprocessing.get_context("fork").Process(target=append_beyond, args=(path, size + 20))
    process.start()
    process.join()

    assert process.exitcode == 7, "the writer learns of it"
    assert path.stat().st_size == size + 20, "it was written in part"
    assert [record["op"] for record in records(path)] == ["first"]
    append(path, {"op": "third"})
    assert [record["op"] for record in records(path)] == ["first", "third"]


def append_beyond(path: Path, limit: int) -> None:
    import signal

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    try:
        append(path, {"op": "second", "text": "x" * 100})
    except OSError:
        os._exit(7)
    os._exit(0)


def test_records_of_several_processes_are_all_there(tmp_path: Path) -> None:
    path = tmp_path / "spool.jsonl"
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=append_many, args=(path, writer)) for writer in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()

    found = [(record["writer"], record["number"]) for record in records(path)]
    assert sorted(found) == [(writer, number) for writer in range(4) for number in range(50)]


def append_many(path: Path, writer: int) -> None:
    for number in range(50):
        append(path, {"op": "x", "writer": writer, "number": number, "text": "y" * 200})
